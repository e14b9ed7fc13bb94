//! The network cards of a machine.

use super::host::Host;
use crate::disks::location::{sort_key, stable};
use crate::model::Card;

const CLASS: &str = "/sys/class/net";

/// The cards, by their places. Interfaces without a device (bridges, bonds, VLANs) are
/// none.
#[must_use]
pub fn cards(host: &dyn Host) -> Vec<Card> {
    let names = host.list(CLASS).into_iter();
    let mut cards: Vec<Card> = names.filter_map(|name| card(host, name)).collect();
    cards.sort_by_key(|card| sort_key(&card.location));
    cards
}

fn card(host: &dyn Host, name: String) -> Option<Card> {
    let interface = format!("{CLASS}/{name}");
    let device = format!("{interface}/device");
    let real = host.resolve(&device)?;
    let mut location = stable(real.strip_prefix("/sys/devices/")?);
    // A function of a card may have several ports.
    if let Some(port) = host.number(&format!("{interface}/dev_port"))
        && port > 0
    {
        location = format!("{location}/p{port}");
    }
    // What could not be read again is no help to a restore.
    let plain = name.chars().all(|c| c.is_ascii_graphic()) && !name.starts_with('.');
    if !plain || location.is_empty() {
        return None;
    }
    let driver = host.resolve(&format!("{device}/driver"));
    let driver = driver.as_deref().and_then(|path| path.rsplit_once('/'));
    Some(Card {
        mac: mac(host, &interface),
        driver: driver
            .map(|(_, driver)| driver.to_owned())
            .filter(|driver| driver != "driver"),
        modalias: host.text(&format!("{device}/modalias")),
        location,
        name,
    })
}

/// The address that the card was made with. A bond gives its cards the address of one of
/// them, and a person any; 0 is `NET_ADDR_PERM`.
fn mac(host: &dyn Host, interface: &str) -> Option<String> {
    let bonded = host.text(&format!("{interface}/bonding_slave/perm_hwaddr"));
    let own = || {
        let assigned = host.number(&format!("{interface}/addr_assign_type"));
        let address = host.text(&format!("{interface}/address"))?;
        (assigned.unwrap_or(0) == 0).then_some(address)
    };
    let mac = bonded.or_else(own)?.to_ascii_lowercase();
    mac.contains(|c: char| c != '0' && c != ':').then_some(mac)
}
