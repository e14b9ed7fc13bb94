//! Addresses and places of cards in texts.

use super::moves::Moves;
use crate::references::lines::{Edited, each_entry};

/// What stands for a card, and what stands for the one in its place. In lower case.
pub(super) type Swap = (String, String);

/// The swaps of the moves: addresses, and places on a bus where both are on such a bus.
pub(super) fn swaps(moves: &Moves) -> Vec<Swap> {
    let mut swaps = Vec::new();
    for pair in &moves.moves {
        let (old, new) = (&pair.old, &pair.new);
        swaps.extend(old.mac.clone().zip(new.mac.clone()));
        if is_pci(bus(&old.location)) == is_pci(bus(&new.location)) {
            swaps.push((bus(&old.location).to_owned(), bus(&new.location).to_owned()));
        }
    }
    swaps.retain(|(old, new)| old != new);
    swaps
}

/// Places of cards whose successor is on a bus of another kind: they have no other words.
pub(super) fn lost(moves: &Moves) -> Vec<String> {
    let gone = moves.moves.iter().filter_map(|pair| {
        let old = bus(&pair.old.location);
        (is_pci(old) != is_pci(bus(&pair.new.location))).then(|| old.to_owned())
    });
    gone.collect()
}

/// The device in a place, without the port.
fn bus(location: &str) -> &str {
    let mut parts = location.rsplit('/');
    let last = parts.next().unwrap_or_default();
    let port = last
        .strip_prefix('p')
        .is_some_and(|n| n.parse::<u32>().is_ok());
    if port {
        parts.next().unwrap_or_default()
    } else {
        last
    }
}

/// `0000:00:01.0`, not `30000002`.
fn is_pci(bus: &str) -> bool {
    bus.contains('.')
}

/// The new text. Comments stay.
pub(super) fn file(text: &[u8], swaps: &[Swap]) -> Edited {
    each_entry(text, |line| Some(swapped(line, swaps)))
}

/// Whether a text names one of these, outside of comments.
pub(super) fn names(text: &[u8], words: &[String]) -> bool {
    let marked: Vec<Swap> = words.iter().map(|w| (w.clone(), String::new())).collect();
    !file(text, &marked).edits.is_empty()
}

fn swapped(line: &str, swaps: &[Swap]) -> String {
    let mut new = String::new();
    let mut at = 0;
    while let Some(c) = line[at..].chars().next() {
        let here = swaps.iter().find_map(|(old, now)| {
            let found = one_at(line, at, old)?;
            Some((found, now))
        });
        match here {
            Some((found, now)) => {
                new.push_str(&in_the_form_of(found, now));
                at += found.len();
            }
            None => {
                new.push(c);
                at += c.len_utf8();
            }
        }
    }
    new
}

/// The word at this place, if it is `old` and stands alone. An address may be written in
/// upper case and with hyphens.
fn one_at<'a>(line: &'a str, at: usize, old: &str) -> Option<&'a str> {
    let found = line.get(at..at + old.len())?;
    let same = |(a, b): (char, char)| a.eq_ignore_ascii_case(&b) || (a == '-' && b == ':');
    let equal = found.chars().zip(old.chars()).all(same);
    let (before, after) = (&line[..at], &line[at + old.len()..]);
    let alone = !before.ends_with(|c: char| c.is_ascii_alphanumeric())
        && !after.starts_with(|c: char| c.is_ascii_alphanumeric());
    // A part of a longer address, as of InfiniBand.
    let longer = before.strip_suffix([':', '-']).is_some_and(|before| {
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric());
        is_pair(&before[start.map_or(0, |start| start + 1)..])
    }) || after.strip_prefix([':', '-']).is_some_and(|after| {
        let end = after.find(|c: char| !c.is_ascii_alphanumeric());
        is_pair(&after[..end.unwrap_or(after.len())])
    });
    (equal && alone && !longer).then_some(found)
}

fn is_pair(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn in_the_form_of(found: &str, now: &str) -> String {
    let now = if found.contains('-') {
        now.replace(':', "-")
    } else {
        now.to_owned()
    };
    if found.contains(|c: char| c.is_ascii_uppercase()) {
        now.to_ascii_uppercase()
    } else {
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swap(old: &str, new: &str) -> Swap {
        (old.to_owned(), new.to_owned())
    }

    /// Each kind of file that names cards, with what becomes of it.
    #[test]
    fn each_kind_of_file_names_the_new_card() {
        let swaps = [
            swap("52:54:00:ab:00:01", "52:54:00:cd:00:09"),
            swap("0000:00:01.0", "0000:00:05.0"),
        ];
        for (old, new) in [
            // systemd .link and .network
            (
                "[Match]\nMACAddress=52:54:00:ab:00:01\n[Link]\nName=lan0\n",
                "[Match]\nMACAddress=52:54:00:cd:00:09\n[Link]\nName=lan0\n",
            ),
            (
                "PermanentMACAddress=52-54-00-AB-00-01",
                "PermanentMACAddress=52-54-00-CD-00-09",
            ),
            ("Path=pci-0000:00:01.0-*\n", "Path=pci-0000:00:05.0-*\n"),
            // NetworkManager
            (
                "[ethernet]\nmac-address=52:54:00:AB:00:01\n",
                "[ethernet]\nmac-address=52:54:00:CD:00:09\n",
            ),
            (
                "unmanaged-devices=mac:52:54:00:ab:00:01;",
                "unmanaged-devices=mac:52:54:00:cd:00:09;",
            ),
            // ifupdown
            (
                "  hwaddress ether 52:54:00:ab:00:01\n",
                "  hwaddress ether 52:54:00:cd:00:09\n",
            ),
            (
                "rename mac/52:54:00:ab:00:01=lan0\n",
                "rename mac/52:54:00:cd:00:09=lan0\n",
            ),
            // ifcfg
            (
                "HWADDR=\"52:54:00:AB:00:01\"\n",
                "HWADDR=\"52:54:00:CD:00:09\"\n",
            ),
            // netplan
            (
                "        macaddress: '52:54:00:ab:00:01'\n",
                "        macaddress: '52:54:00:cd:00:09'\n",
            ),
            // udev
            (
                "SUBSYSTEM==\"net\", ATTR{address}==\"52:54:00:ab:00:01\", KERNELS==\"0000:00:01.0\", NAME=\"eth0\"\n",
                "SUBSYSTEM==\"net\", ATTR{address}==\"52:54:00:cd:00:09\", KERNELS==\"0000:00:05.0\", NAME=\"eth0\"\n",
            ),
            // the kernel's command line
            (
                "ifname=enp1s0f0:52:54:00:ab:00:01 rd.neednet",
                "ifname=enp1s0f0:52:54:00:cd:00:09 rd.neednet",
            ),
            (
                "ifname=eth0:52:54:00:ab:00:01 ip=eth0:dhcp",
                "ifname=eth0:52:54:00:cd:00:09 ip=eth0:dhcp",
            ),
        ] {
            let edited = file(old.as_bytes(), &swaps);
            assert_eq!(String::from_utf8_lossy(&edited.text), new);
            assert!(names(
                old.as_bytes(),
                &[swaps[0].0.clone(), swaps[1].0.clone()]
            ));
        }
    }

    #[test]
    fn what_is_no_address_of_the_card_stays() {
        let swaps = [swap("52:54:00:ab:00:01", "52:54:00:cd:00:09")];
        for text in [
            "# HWADDR=52:54:00:ab:00:01\n",
            "mac-address=52:54:00:ab:00:012\n",
            "wwpn=50:05:52:54:00:ab:00:01\n",
            "guid=52:54:00:ab:00:01:00:00\n",
            "caf\u{e9} 52:54:00:ab:00:0\u{e9}\n",
        ] {
            let edited = file(text.as_bytes(), &swaps);
            assert_eq!(edited.edits, [], "{text}");
        }
    }

    #[test]
    fn cards_may_change_places() {
        let swaps = [
            swap("52:54:00:00:00:01", "52:54:00:00:00:02"),
            swap("52:54:00:00:00:02", "52:54:00:00:00:01"),
        ];
        let text = b"a 52:54:00:00:00:01\nb 52:54:00:00:00:02\n";
        let new = b"a 52:54:00:00:00:02\nb 52:54:00:00:00:01\n";
        assert_eq!(file(text, &swaps).text, new);
    }
}
