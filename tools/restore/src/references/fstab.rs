//! The entries of `/etc/fstab` that are not about a file system of the plan: it has put
//! its own in already.

use super::lines::{Edit, Edited, each_entry, fields};
use super::renames::{Fate, Renames};
use super::words;

/// The new text. Entries of the plan's devices are those for which `is_planned`;
/// `is_there` says of any other device whether this machine has it. An entry whose
/// device is absent gets `nofail`: without it the boot stops in emergency mode.
pub(super) fn file(
    text: &[u8],
    renames: &Renames,
    is_planned: &dyn Fn(&str) -> bool,
    is_there: &dyn Fn(&str) -> bool,
) -> Edited {
    each_entry(text, |line| {
        let line = words::line(line, renames);
        let fields = fields(&line);
        let device = &line[fields.first()?.clone()];
        let waits = fields.len() >= 3 && is_block(device) && !is_planned(device);
        let absent = match renames.device(device) {
            Some(Fate::Gone(_)) => true,
            Some(Fate::Now(_)) => false,
            None => waits && !is_there(device),
        };
        Some(if absent { without_waiting(&line) } else { line })
    })
}

/// A device of a disk; not a file, a server, memory or a medium that comes and goes.
fn is_block(device: &str) -> bool {
    const OTHERS: [&str; 7] = [
        "/dev/zram",
        "/dev/ram",
        "/dev/loop",
        "/dev/sr",
        "/dev/cdrom",
        "/dev/fd",
        "/dev/dvd",
    ];
    let tagged = ["UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="]
        .iter()
        .any(|tag| device.starts_with(tag));
    let other = OTHERS.iter().any(|other| device.starts_with(other));
    tagged || (device.starts_with("/dev/") && !other)
}

/// The line with the option `nofail`.
fn without_waiting(line: &str) -> String {
    const NOT_AWAITED: [&str; 4] = ["nofail", "noauto", "x-systemd.automount", "_netdev"];
    let fields = fields(line);
    match fields.get(3) {
        Some(at) => {
            let mut options = line[at.clone()].split(',');
            if options.any(|option| NOT_AWAITED.contains(&option)) {
                return line.to_owned();
            }
            format!("{},nofail{}", &line[..at.end], &line[at.end..])
        }
        None => format!("{} defaults,nofail", line.trim_end()),
    }
}

/// How a text differs from an older one that had no line more and none in between.
pub(super) fn differences(old: &str, new: &str) -> Vec<Edit> {
    let mut before = old.lines();
    let mut edits = Vec::new();
    for (index, now) in new.lines().enumerate() {
        let was = before.next().unwrap_or_default();
        if was != now {
            edits.push(Edit {
                line: index + 1,
                old: was.to_owned(),
                new: now.to_owned(),
            });
        }
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::references::renames::Name;

    const TEXT: &str = "\
# /etc/fstab
/dev/mapper/rootvg-hd4 / ext4 errors=remount-ro 0 1
/dev/mapper/datavg-lv /data xfs defaults,noatime 0 0   # the other group
UUID=dddd /home ext4
/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0
UUID=eeee /mnt xfs noauto 0 0
/dev/md/old /old ext4 defaults 0 0
server:/x /nfs nfs defaults 0 0
tmpfs /tmp tmpfs size=1G 0 0
/swapfile none swap sw 0 0
";

    fn rewritten(there: &[&str]) -> String {
        let mut renames = Renames::default();
        let gone = Fate::Gone("not made again".into());
        renames.add(Name::Path("/dev/md/old".into()), gone);
        let planned = |device: &str| device == "/dev/mapper/rootvg-hd4";
        let there = |device: &str| there.contains(&device);
        String::from_utf8(file(TEXT.as_bytes(), &renames, &planned, &there).text).unwrap()
    }

    #[test]
    fn present_devices_keep_their_entries() {
        let new = rewritten(&["/dev/mapper/datavg-lv", "UUID=dddd"]);
        let expected = TEXT.replace("/old ext4 defaults", "/old ext4 defaults,nofail");
        assert_eq!(new, expected);
    }

    #[test]
    fn nobody_waits_for_absent_devices() {
        let new = rewritten(&[]);
        assert!(new.contains("/data xfs defaults,noatime,nofail 0 0   # the other group\n"));
        assert!(new.contains("UUID=dddd /home ext4 defaults,nofail\n"));
        assert!(new.contains("UUID=eeee /mnt xfs noauto 0 0\n"));
        assert_eq!(differences(TEXT, &new).len(), 3);
    }

    #[test]
    fn lines_at_the_end_are_new() {
        let edit = Edit {
            line: 2,
            old: String::new(),
            new: "b".into(),
        };
        assert_eq!(differences("a\n", "a\nb\n"), [edit]);
    }
}
