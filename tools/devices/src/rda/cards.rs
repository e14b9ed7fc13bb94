//! Network interfaces, and the routes over them.

use std::path::Path;

use super::Ask;
use super::place::{Placed, placed};
use super::script::Script;

/// Offloads: their names for setting and in the list, and what nearly every driver begins with.
const OFFLOADS: [(&str, &str, &str); 9] = [
    ("rx", "rx-checksumming", "on"),
    ("tx", "tx-checksumming", "on"),
    ("sg", "scatter-gather", "on"),
    ("tso", "tcp-segmentation-offload", "on"),
    ("gso", "generic-segmentation-offload", "on"),
    ("gro", "generic-receive-offload", "on"),
    ("lro", "large-receive-offload", "off"),
    ("rxvlan", "rx-vlan-offload", "on"),
    ("txvlan", "tx-vlan-offload", "on"),
];

/// `NET_ADDR_SET`: a person gave the card its address.
const GIVEN: u64 = 3;

pub(super) fn collect(root: &Path, ask: &Ask<'_>, script: &mut Script) {
    let cards = placed(root, "sys/class/net");
    let routes = routes(ask);
    script.section("network");
    for card in &cards {
        let mac = card.get("address").unwrap_or_default();
        script.line("card", &[&card.pattern, &mac, &card.name]);
        script.line("name", &[&card.name]);
        let other = |name: &str, default: u64| {
            let value = card.number(name).filter(|value| *value != default);
            value.map(|value| value.to_string())
        };
        for (name, default) in [("mtu", 1500), ("tx_queue_len", 1000)] {
            if let Some(value) = other(name, default) {
                script.line("attribute", &[name, &value]);
            }
        }
        let listed = ask("ethtool", &["-k", &card.name]).unwrap_or_default();
        for (short, long, value) in offloads(&listed) {
            script.line("offload", &[short, long, value]);
        }
        let link = ask("ethtool", &[&card.name]).unwrap_or_default();
        if link
            .lines()
            .any(|line| line.trim() == "Auto-negotiation: off")
            && let (Some(speed), Some(duplex)) = (card.number("speed"), card.get("duplex"))
        {
            script.line("link", &[&speed.to_string(), &duplex]);
        }
    }
    script.section("addresses");
    let given = |card: &&Placed| card.number("addr_assign_type") == Some(GIVEN);
    for card in cards.iter().filter(given) {
        let mac = card.get("address").unwrap_or_default();
        script.line("card", &[&card.pattern, &mac, &card.name]);
        script.line("mac", &[&mac]);
    }
    script.section("routes");
    let mut last = "";
    for route in &routes {
        if last != route.device {
            last = &route.device;
            match cards.iter().find(|card| card.name == route.device) {
                Some(card) => {
                    let mac = card.get("address").unwrap_or_default();
                    script.line("card", &[&card.pattern, &mac, &card.name]);
                }
                None => script.line("interface", &[&route.device]),
            }
        }
        script.line("route", &[route.family, &route.words]);
    }
}

/// Those that somebody has switched, and that can be switched.
fn offloads(listed: &str) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
    OFFLOADS
        .into_iter()
        .filter_map(move |(short, long, default)| {
            let mut lines = listed.lines();
            let value =
                lines.find_map(|line| line.trim().strip_prefix(long)?.strip_prefix(": "))?;
            let (value, fixed) = value.split_once(' ').unwrap_or((value, ""));
            (value != default && !fixed.contains("fixed")).then_some((short, long, value))
        })
}

struct Route {
    family: &'static str,
    words: String,
    device: String,
}

/// The routes that a person or the configuration made, by device: not those that come
/// with an address, nor from a server or a routing daemon.
fn routes(ask: &Ask<'_>) -> Vec<Route> {
    let mut routes = Vec::new();
    for family in ["-4", "-6"] {
        let listed = ask("ip", &[family, "route", "show"]).unwrap_or_default();
        routes.extend(listed.lines().filter_map(|line| route(family, line)));
    }
    routes.sort_by(|a, b| a.device.cmp(&b.device));
    routes
}

fn route(family: &'static str, line: &str) -> Option<Route> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    // What a route says of the moment, and of who made it.
    words.retain(|word| !["linkdown", "dead", "onlink"].contains(word));
    let mut take = |key: &str| {
        let at = words.iter().position(|word| *word == key)?;
        (at + 1 < words.len()).then(|| words.drain(at..at + 2).nth(1))?
    };
    let device = take("dev")?.to_owned();
    let maker = take("proto").unwrap_or("static");
    let _ = (take("pref"), take("scope"), take("src"));
    let plain = ["static", "boot"].contains(&maker) && words.first() != Some(&"nexthop");
    plain.then(|| Route {
        family,
        words: words.join(" "),
        device,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_that_somebody_made_are_told_from_others() {
        for (line, wanted) in [
            (
                "default via 10.0.2.2 dev enp0s1 onlink",
                Some("default via 10.0.2.2"),
            ),
            (
                "10.1.0.0/16 via 10.0.2.9 dev enp0s1 proto static metric 100",
                Some("10.1.0.0/16 via 10.0.2.9 metric 100"),
            ),
            (
                "10.0.2.0/24 dev enp0s1 proto kernel scope link src 10.0.2.15",
                None,
            ),
            (
                "default via 10.0.2.2 dev enp0s1 proto dhcp src 10.0.2.15 metric 100",
                None,
            ),
            ("blackhole 10.9.0.0/16", None),
        ] {
            let found = route("-4", line).map(|route| route.words);
            assert_eq!(found.as_deref(), wanted, "{line}");
        }
    }

    #[test]
    fn offloads_that_were_switched_are_told_from_fixed_ones() {
        let listed = "Features for enp0s1:\nrx-checksumming: on [fixed]\ntx-checksumming: on\n\ttx-checksum-ipv4: off [fixed]\n\
                      tcp-segmentation-offload: off\nlarge-receive-offload: off [fixed]\nrx-vlan-offload: off [fixed]\n";
        let found: Vec<_> = offloads(listed).collect();
        assert_eq!(found, [("tso", "tcp-segmentation-offload", "off")]);
    }
}
