//! Paths of network adapters.

use std::net::Ipv4Addr;
use std::path::Path;

use super::{OfPathError, adapter};

/// What the firmware is told for a start over the network; what is not told it
/// asks a server for by BOOTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Call {
    /// The server with the boot file.
    pub server: Option<Ipv4Addr>,
    /// The address of this machine.
    pub client: Option<Ipv4Addr>,
    /// The router between the two.
    pub gateway: Option<Ipv4Addr>,
}

impl Call {
    /// `:server,file,client,gateway` of the TFTP booting extension, the file left to
    /// the server; nothing where nothing is told.
    fn arguments(self) -> String {
        if self == Self::default() {
            return String::new();
        }
        let [server, client, gateway] = [self.server, self.client, self.gateway].map(|address| {
            // Zeros: the firmware finds out.
            address.unwrap_or(Ipv4Addr::UNSPECIFIED)
        });
        format!(":{server},,{client},{gateway}")
    }

    /// Reads the arguments of a path in a boot list, with or without words such as
    /// `speed=auto` and `bootp` in front.
    #[must_use]
    pub fn parse(arguments: &str) -> Self {
        let plain = |word: &&str| !word.contains('=') && *word != "bootp";
        let words: Vec<&str> = arguments.split(',').skip_while(|w| !plain(w)).collect();
        let address = |at: usize| {
            let address: Ipv4Addr = padded(words.get(at)?).parse().ok()?;
            (!address.is_unspecified()).then_some(address)
        };
        Self {
            server: address(0),
            client: address(2),
            gateway: address(3),
        }
    }
}

/// The firmware of `PowerVM` writes `009.003.001.002`.
fn padded(address: &str) -> String {
    let numbers = address.split('.').map(|number| {
        let short = number.trim_start_matches('0');
        if short.is_empty() { "0" } else { short }
    });
    numbers.collect::<Vec<_>>().join(".")
}

/// Open Firmware path of a network interface, with the arguments of `call`.
///
/// # Errors
/// [`OfPathError`] when there is no such interface, or the firmware does not know
/// its adapter.
pub fn network(sysfs: &Path, name: &str, call: Call) -> Result<String, OfPathError> {
    let device = sysfs
        .join("class/net")
        .join(name)
        .canonicalize()
        .map_err(|source| OfPathError::NoInterface {
            name: name.to_owned(),
            source,
        })?;
    let (_, node) = adapter(sysfs, &device).ok_or_else(|| OfPathError::NoNode {
        name: name.to_owned(),
    })?;
    Ok(format!("{node}{}", call.arguments()))
}
