//! Vendor and device of a modalias, as numbers and in words.
//!
//! The words come from `pci.ids` and `usb.ids` (the packages hwdata, pci.ids and
//! usb.ids), whose format is `VVVV  Vendor`, below it `<tab>DDDD  Device`.

use std::path::Path;

use lifeboat_sys::fs::read;

/// Where distributions keep the lists.
const DIRECTORIES: [&str; 3] = ["usr/share/hwdata", "usr/share/misc", "var/lib/usbutils"];

/// Vendor and device, each four hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// The bus's list: `pci` or `usb`; other buses have none.
    list: Option<&'static str>,
    /// The vendor.
    pub vendor: String,
    /// The device.
    pub device: String,
}

impl Ids {
    /// The numbers in a modalias, for the buses that have them.
    #[must_use]
    pub fn of(modalias: &str) -> Option<Self> {
        let (bus, rest) = modalias.split_once(':')?;
        let (list, vendor, device) = match bus {
            "pci" => {
                let (vendor, rest) = hex(rest, "v", 8)?;
                (Some("pci"), vendor, hex(rest, "d", 8)?.0)
            }
            "usb" => {
                let (vendor, rest) = hex(rest, "v", 4)?;
                (Some("usb"), vendor, hex(rest, "p", 4)?.0)
            }
            "virtio" => {
                let (device, rest) = hex(rest, "d", 8)?;
                (None, hex(rest, "v", 8)?.0, device)
            }
            _ => return None,
        };
        Some(Self {
            list,
            vendor,
            device,
        })
    }

    /// The words for them, if the system below `root` has the list.
    #[must_use]
    pub fn words(&self, root: &Path) -> Option<String> {
        let name = format!("{}.ids", self.list?);
        let mut paths = DIRECTORIES.iter().map(|place| root.join(place).join(&name));
        // The lists hold names in more than one encoding.
        let list = paths.find_map(|path| read(path).ok())?;
        self.look_up(&String::from_utf8_lossy(&list))
    }

    /// The words in the text of a list; the vendor's alone if the device is not in it.
    fn look_up(&self, list: &str) -> Option<String> {
        let mut lines = list.lines();
        let named =
            |line: &str, id: &str| Some(line.strip_prefix(id)?.strip_prefix("  ")?.to_owned());
        let vendor = lines.find_map(|line| named(line, &self.vendor))?;
        let devices = lines
            .take_while(|line| line.starts_with(['\t', '#']) || line.is_empty())
            .filter_map(|line| line.strip_prefix('\t'));
        let device = devices.filter_map(|line| named(line, &self.device)).next();
        Some(match device {
            Some(device) => format!("{vendor} {device}"),
            None => vendor,
        })
    }
}

/// The last four of `width` digits behind a letter at the start of a text, and the rest.
fn hex<'a>(text: &'a str, letter: &str, width: usize) -> Option<(String, &'a str)> {
    let (digits, rest) = text.strip_prefix(letter)?.split_at_checked(width)?;
    let is_number = digits.chars().all(|c| c.is_ascii_hexdigit());
    is_number.then(|| (digits[width - 4..].to_ascii_lowercase(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(modalias: &str) -> Option<(String, String)> {
        Ids::of(modalias).map(|ids| (ids.vendor, ids.device))
    }

    #[test]
    fn numbers_stand_in_the_modalias() {
        let pair = |vendor: &str, device: &str| Some((vendor.to_owned(), device.to_owned()));
        let pci = "pci:v000014E4d0000168Esv00001014sd0000049Dbc02sc00i00";
        assert_eq!(of(pci), pair("14e4", "168e"));
        let usb = "usb:v046DpC31Cd6402dc00dsc00dp00ic03isc01ip01in00";
        assert_eq!(of(usb), pair("046d", "c31c"));
        assert_eq!(of("virtio:d00000001v00001AF4"), pair("1af4", "0001"));
        for none in [
            "vio:TvscsiSIBM,v-scsi",
            "pci:v1",
            "usb:",
            "virtio:d1",
            "",
            "pci:vé00000000d",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn words_are_found_below_their_vendor() {
        let list = "# comment\n14e4  Broadcom\n\t168d  Other\n\t168e  NetXtreme II BCM57810\n\t\t1014 049d  Sub\n\
                    14f1  Conexant\n\t1035  Modem\nC 02  Network controller\n\t00  Ethernet\n";
        let words = |vendor: &str, device: &str| {
            let ids = Ids {
                list: Some("pci"),
                vendor: vendor.into(),
                device: device.into(),
            };
            ids.look_up(list)
        };
        let found = words("14e4", "168e");
        assert_eq!(found.as_deref(), Some("Broadcom NetXtreme II BCM57810"));
        assert_eq!(words("14e4", "1035").as_deref(), Some("Broadcom"));
        assert_eq!(words("ffff", "168e"), None);
    }
}
