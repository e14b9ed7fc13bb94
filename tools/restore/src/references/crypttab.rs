//! `/etc/crypttab` (crypttab(5)): name, device, key, options.

use std::collections::BTreeMap;

use super::lines::{Edited, each_entry, fields};
use super::renames::{Fate, Renames, path_of};

/// The new text. `crypts` are the encrypted devices of the plan by name, each with the
/// UUID of its header; `is_there` says of any other device whether this machine has it.
///
/// An entry whose device is absent gets `nofail`: without it the boot waits for the
/// device and then stops.
pub(super) fn file(
    text: &[u8],
    renames: &Renames,
    crypts: &BTreeMap<String, String>,
    is_there: &dyn Fn(&str) -> bool,
) -> Edited {
    each_entry(text, |line| {
        let fields = fields(line);
        let at = fields.get(1)?.clone();
        let (name, device) = (&line[fields[0].clone()], &line[at.clone()]);
        if let Some(uuid) = crypts.get(name) {
            let mut new = line.to_owned();
            new.replace_range(at, &of_plan(device, uuid, renames));
            return Some(new);
        }
        let now = match renames.device(device) {
            Some(Fate::Now(now)) => Some(now),
            Some(Fate::Gone(_)) => None,
            None => is_there(device).then(|| device.to_owned()),
        };
        let mut new = line.to_owned();
        match now {
            Some(now) => new.replace_range(at, &now),
            None => new = without_waiting(line),
        }
        Some(new)
    })
}

/// The name of a planned device: as it was where that still means it, else by UUID.
fn of_plan(device: &str, uuid: &str, renames: &Renames) -> String {
    let tag = format!("UUID={uuid}");
    if path_of(device).eq_ignore_ascii_case(&path_of(&tag)) {
        return device.to_owned();
    }
    match renames.device(device) {
        Some(Fate::Now(now)) if path_of(&now) == path_of(&tag) => now,
        _ => tag,
    }
}

/// The line with the option `nofail`.
fn without_waiting(line: &str) -> String {
    let fields = fields(line);
    let (body, blanks) = line.split_at(line.trim_end().len());
    match fields.get(3) {
        Some(at)
            if line[at.clone()]
                .split(',')
                .any(|option| ["nofail", "noauto"].contains(&option)) =>
        {
            line.to_owned()
        }
        Some(at) => format!("{},nofail{}", &line[..at.end], &line[at.end..]),
        None if fields.len() == 3 => format!("{body} nofail{blanks}"),
        None => format!("{body} none nofail{blanks}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# <target name> <source device> <key file> <options>
luks-root UUID=aaaa none luks,discard
swap\t/dev/sda3 /dev/urandom swap,cipher=aes-xts-plain64
old /dev/sdb1 none luks,discard
data UUID=dddd /root/key luks
short UUID=eeee
away UUID=ffff none luks,nofail
";

    fn crypts(uuid: &str) -> BTreeMap<String, String> {
        let crypts = [("luks-root", uuid), ("old", "bbbb")];
        let owned = crypts.map(|(name, uuid)| (name.to_owned(), uuid.to_owned()));
        owned.into()
    }

    fn text(edited: Edited) -> String {
        String::from_utf8(edited.text).unwrap()
    }

    #[test]
    fn devices_of_the_plan_are_named_by_their_header() {
        let new = text(file(
            TEXT.as_bytes(),
            &Renames::default(),
            &crypts("aaaa"),
            &|_| true,
        ));
        let expected = TEXT.replace("old /dev/sdb1", "old UUID=bbbb");
        assert_eq!(new, expected);
        let new = text(file(
            TEXT.as_bytes(),
            &Renames::default(),
            &crypts("cccc"),
            &|_| true,
        ));
        assert!(new.contains("luks-root UUID=cccc none luks,discard"));
    }

    #[test]
    fn nobody_waits_for_what_is_absent() {
        let there = |device: &str| !["UUID=dddd", "UUID=eeee", "UUID=ffff"].contains(&device);
        let edited = file(
            TEXT.as_bytes(),
            &Renames::default(),
            &crypts("aaaa"),
            &there,
        );
        assert_eq!(edited.edits.len(), 3);
        let new = text(edited);
        assert!(new.contains("data UUID=dddd /root/key luks,nofail\n"));
        assert!(new.contains("short UUID=eeee none nofail\n"));
        assert!(new.contains("away UUID=ffff none luks,nofail\n"));
    }
}
