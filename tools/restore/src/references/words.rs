//! Lines of words in which devices are named: the kernel's command line wherever it
//! is kept (GRUB's defaults, `/etc/kernel/cmdline`, entries of the Boot Loader
//! Specification), and settings of dracut, initramfs-tools, kdump and systemd's units.

use super::lines::{Edited, each_entry};
use super::renames::{Fate, Name, Renames};

/// What may stand before and after a word.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '"' || c == '\''
}

/// What separates the parts of a word.
fn is_separator(c: char) -> bool {
    matches!(c, ',' | ';' | '(' | ')')
}

/// Parameters of the kernel's command line whose device is waited for.
const AWAITED: [&str; 6] = [
    "resume",
    "rd.luks.uuid",
    "rd.luks.name",
    "rd.md.uuid",
    "rd.lvm.lv",
    "rd.lvm.vg",
];

/// The new text of a file whose lines are words. Comments stay.
pub(super) fn file(text: &[u8], renames: &Renames) -> Edited {
    each_entry(text, |old| Some(line(old, renames)))
}

/// The words of a line with the new names. A parameter that makes the boot wait for
/// something that is gone is left out.
pub(super) fn line(text: &str, renames: &Renames) -> String {
    let mut new = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(is_blank).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if is_awaited_in_vain(word, renames) {
            // One of the two blanks around it goes as well.
            let one = after.starts_with(' ') && (new.is_empty() || new.ends_with(is_blank));
            rest = if one { &after[1..] } else { after };
        } else {
            new.push_str(&word_of_parts(word, renames));
            rest = after;
        }
        let blanks = rest.find(|c| !is_blank(c)).unwrap_or(rest.len());
        new.push_str(&rest[..blanks]);
        rest = &rest[blanks..];
    }
    new
}

fn is_awaited_in_vain(word: &str, renames: &Renames) -> bool {
    let awaited = word
        .split_once('=')
        .is_some_and(|(key, _)| AWAITED.contains(&key));
    awaited && matches!(part(word, renames), Some(Fate::Gone(_)))
}

/// A word may be a list: `noatime,device=/dev/sdb`.
fn word_of_parts(word: &str, renames: &Renames) -> String {
    let mut new = String::new();
    for piece in word.split_inclusive(is_separator) {
        let text = piece.trim_end_matches(is_separator);
        match part(text, renames) {
            Some(Fate::Now(now)) => new.push_str(&now),
            _ => new.push_str(text),
        }
        new.push_str(&piece[text.len()..]);
    }
    new
}

/// What became of `/dev/sda2`, `root=UUID=...`, `rd.lvm.lv=rootvg/hd4`.
fn part(text: &str, renames: &Renames) -> Option<Fate> {
    if let Some((key, value)) = text.split_once('=')
        && let Some(fate) = by_key(key, value, renames)
    {
        return Some(fate.with(|now| format!("{key}={now}")));
    }
    let starts = text.match_indices('=').map(|(at, _)| at + 1);
    std::iter::once(0).chain(starts).find_map(|start| {
        let (before, device) = text.split_at(start);
        let fate = renames.device(device)?;
        Some(fate.with(|now| format!("{before}{now}")))
    })
}

/// Parameters whose value is a bare name.
fn by_key(key: &str, value: &str, renames: &Renames) -> Option<Fate> {
    match key {
        "rd.luks.uuid" | "luks.uuid" => {
            let (before, uuid) = match value.strip_prefix("luks-") {
                Some(uuid) => ("luks-", uuid),
                None => ("", value),
            };
            let fate = luks(uuid, renames)?;
            Some(fate.with(|now| format!("{before}{now}")))
        }
        "rd.luks.name" | "luks.name" | "rd.luks.options" | "luks.options" | "rd.luks.key"
        | "luks.key" => {
            let (uuid, rest) = value.split_once('=')?;
            let fate = luks(uuid, renames)?;
            Some(fate.with(|now| format!("{now}={rest}")))
        }
        "rd.md.uuid" => renames
            .get(&Name::Array(super::renames::bare(value)))
            .cloned(),
        "rd.lvm.lv" => renames.get(&Name::Volume(value.to_owned())).cloned(),
        "rd.lvm.vg" => renames.get(&Name::Group(value.to_owned())).cloned(),
        _ => None,
    }
}

/// An encrypted device by its bare UUID.
fn luks(uuid: &str, renames: &Renames) -> Option<Fate> {
    let fate = renames.get(&Name::Uuid(uuid.to_ascii_lowercase()))?;
    Some(
        fate.clone()
            .with(|now| now.trim_start_matches("UUID=").to_owned()),
    )
}

impl Fate {
    /// With the new name as `write` puts it.
    fn with(self, write: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Now(now) => Self::Now(write(&now)),
            gone @ Self::Gone(_) => gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn renames() -> Renames {
        let mut renames = Renames::default();
        let now = |now: &str| Fate::Now(now.to_owned());
        let gone = || Fate::Gone("a half of the mirror md:boot".to_owned());
        renames.add(Name::Uuid("1111-aa".into()), now("UUID=2222-bb"));
        renames.add(
            Name::Path("/dev/mapper/rhel-root".into()),
            now("/dev/mapper/new-root"),
        );
        renames.add(
            Name::Path("/dev/md/boot".into()),
            now("/dev/disk/by-uuid/33"),
        );
        renames.add(Name::Volume("rhel/root".into()), now("new/root"));
        renames.add(Name::Volume("rhel/old".into()), gone());
        renames.add(Name::Array("aabb".into()), gone());
        renames.add(Name::Path("/dev/sdz9".into()), gone());
        renames
    }

    fn check(old: &str, new: &str) {
        assert_eq!(line(old, &renames()), new);
    }

    #[test]
    fn the_command_line_in_grubs_defaults() {
        check(
            "GRUB_CMDLINE_LINUX=\"crashkernel=2G-4G:384M,4G-16G:512M resume=UUID=1111-aa rd.lvm.lv=rhel/root rhgb\"",
            "GRUB_CMDLINE_LINUX=\"crashkernel=2G-4G:384M,4G-16G:512M resume=UUID=2222-bb rd.lvm.lv=new/root rhgb\"",
        );
        check(
            "options root=/dev/mapper/rhel-root ro rd.luks.uuid=luks-1111-AA quiet",
            "options root=/dev/mapper/new-root ro rd.luks.uuid=luks-2222-bb quiet",
        );
        check("rd.luks.name=1111-aa=crypt", "rd.luks.name=2222-bb=crypt");
        check("RESUME=UUID=1111-aa", "RESUME=UUID=2222-bb");
        check(
            "What=/dev/disk/by-uuid/1111-aa",
            "What=/dev/disk/by-uuid/2222-bb",
        );
        check(
            "rootflags=device=/dev/md/boot,subvol=@",
            "rootflags=device=/dev/disk/by-uuid/33,subvol=@",
        );
    }

    #[test]
    fn what_the_boot_would_wait_for_in_vain_is_left_out() {
        check("X=\"a rd.md.uuid=aa:bb b\"", "X=\"a b\"");
        check("X=\"rd.md.uuid=aa:bb b\"", "X=\"b\"");
        check("X=\"a rd.lvm.lv=rhel/old\"", "X=\"a \"");
        check("resume=/dev/sdz9 quiet", "quiet");
        // The kernel needs a root, even one that is not there.
        check("root=/dev/sdz9 quiet", "root=/dev/sdz9 quiet");
    }

    #[test]
    fn comments_stay() {
        let text = b"# root=UUID=1111-aa\nroot=UUID=1111-aa\n";
        let edited = file(text, &renames());
        assert_eq!(edited.text, b"# root=UUID=1111-aa\nroot=UUID=2222-bb\n");
        assert_eq!(edited.edits.len(), 1);
    }

    proptest! {
        #[test]
        fn nothing_renamed_nothing_changed(text in "[ -~\t\n]{0,200}") {
            prop_assert_eq!(line(&text, &Renames::default()), text);
        }

        #[test]
        fn words_that_name_nothing_stay(text in "[ a-z\"',;()=./]{0,80}") {
            prop_assert_eq!(line(&text, &renames()), text);
        }
    }
}
