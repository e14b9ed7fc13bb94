//! `/etc/fstab` of the restored system.

use std::ops::Range;

use crate::plan::{Plan, PlannedFileSystem};

/// The new text of an fstab: the devices of the plan's file systems and swap
/// spaces are put in, entries that are missing are added at the end, and
/// everything else stays as it was, byte for byte. What was named by its
/// UUID still is.
#[must_use]
pub fn fstab(existing: &str, plan: &Plan) -> String {
    let mut missing: Vec<&PlannedFileSystem> = plan.file_systems.iter().collect();
    missing.sort_by_key(|fs| (fs.mount.is_none(), &fs.mount));
    let entries = existing.lines().filter_map(Entry::parse);
    let one_swap = entries.filter(Entry::is_swap_device).count() == 1;
    let mut text = String::new();
    for line in existing.split_inclusive('\n') {
        let found =
            Entry::parse(line).and_then(|entry| Some((belongs_to(&entry, plan, one_swap)?, entry)));
        match found {
            Some((fs, entry)) => {
                missing.retain(|other| other.device != fs.device);
                let by_uuid = |uuid: &String| entry.device() == format!("UUID={uuid}");
                let device = if [&fs.uuid, &fs.old_uuid].into_iter().any(by_uuid) {
                    format!("UUID={}", fs.uuid)
                } else {
                    device(fs)
                };
                text.push_str(&entry.with(&device, &fs.kind));
            }
            None => text.push_str(line),
        }
    }
    append(&mut text, &missing);
    text
}

/// The text of a running system's fstab with the entries that it lacks added below
/// the comment `head`; and how many these are. What it has stays, byte for byte.
#[must_use]
pub fn add(existing: &str, file_systems: &[PlannedFileSystem], head: &str) -> (String, usize) {
    let entries: Vec<Entry<'_>> = existing.lines().filter_map(Entry::parse).collect();
    let is_there = |fs: &PlannedFileSystem| {
        entries.iter().any(|entry| match &fs.mount {
            Some(mount) => entry.kind() != "swap" && entry.mount() == *mount,
            None => entry.kind() == "swap" && is_name_of(entry.device(), fs),
        })
    };
    let mut missing: Vec<_> = file_systems.iter().filter(|fs| !is_there(fs)).collect();
    missing.sort_by_key(|fs| (fs.mount.is_none(), &fs.mount));
    let mut text = existing.to_owned();
    if !missing.is_empty() {
        end_line(&mut text);
        text.push_str(&format!("{head}\n"));
    }
    append(&mut text, &missing);
    (text, missing.len())
}

/// An entry that has something else where one of the file systems belongs: the mount
/// point, and the device of the entry.
#[must_use]
pub fn conflict(existing: &str, file_systems: &[PlannedFileSystem]) -> Option<(String, String)> {
    existing
        .lines()
        .filter_map(Entry::parse)
        .filter(|entry| entry.kind() != "swap")
        .find_map(|entry| {
            let mount = entry.mount();
            let fs = file_systems
                .iter()
                .find(|fs| fs.mount.as_deref() == Some(&mount))?;
            let ours = is_name_of(entry.device(), fs) && !entry.is_bind();
            (!ours).then(|| (mount, entry.device().to_owned()))
        })
}

/// Adds lines at the end.
fn append(text: &mut String, file_systems: &[&PlannedFileSystem]) {
    if !file_systems.is_empty() {
        end_line(text);
    }
    for fs in file_systems {
        let mount = fs
            .mount
            .as_deref()
            .map_or_else(|| "none".to_owned(), escape);
        let (device, options) = (device(fs), &fs.options);
        text.push_str(&format!(
            "{device} {mount} {} {options} {} {}\n",
            fs.kind, fs.dump, fs.pass
        ));
    }
}

fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

/// The planned file system that an entry is about. `one_swap` says that the
/// fstab has a single swap device.
fn belongs_to<'a>(
    entry: &Entry<'_>,
    plan: &'a Plan,
    one_swap: bool,
) -> Option<&'a PlannedFileSystem> {
    let mut all = plan.file_systems.iter();
    if entry.kind() != "swap" {
        // A bind mount on our mount point is not about our device.
        let mount = entry.mount();
        return all
            .find(|fs| fs.mount.as_deref() == Some(&mount))
            .filter(|_| !entry.is_bind());
    }
    let swaps: Vec<_> = all.filter(|fs| fs.mount.is_none()).collect();
    let named = swaps
        .iter()
        .find(|fs| is_name_of(entry.device(), fs))
        .copied();
    // Where both sides have one, it is meant whatever it was called.
    named.or_else(|| match swaps.as_slice() {
        [only] if one_swap && entry.is_swap_device() => Some(only),
        _ => None,
    })
}

fn is_name_of(name: &str, fs: &PlannedFileSystem) -> bool {
    let tagged = |key: &str| {
        let rest = name.strip_prefix(key)?.strip_prefix('=')?;
        Some(rest.trim_matches('"'))
    };
    fs.device == name
        || fs.old_devices.iter().any(|old| old == name)
        || tagged("UUID").is_some_and(|uuid| {
            [&fs.uuid, &fs.old_uuid]
                .iter()
                .any(|own| uuid.eq_ignore_ascii_case(own))
        })
        || tagged("LABEL").is_some_and(|label| fs.label.as_deref() == Some(label))
}

/// How fstab shall name a device: a logical volume by its name, which is unique
/// and says what it is; a partition by what is on it, for disk names change.
fn device(fs: &PlannedFileSystem) -> String {
    if fs.on_volume {
        fs.device.clone()
    } else {
        format!("UUID={}", fs.uuid)
    }
}

/// A line of fstab that is neither blank nor a comment (fstab(5)).
struct Entry<'a> {
    line: &'a str,
    /// Where its fields stand in the line; there are three at least.
    fields: Vec<Range<usize>>,
}

impl<'a> Entry<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = Vec::new();
        let mut start = 0;
        for part in line.split_inclusive(char::is_whitespace) {
            let word = part.trim_end();
            if !word.is_empty() {
                fields.push(start..start + word.len());
            }
            start += part.len();
        }
        let comment = line.trim_start().starts_with('#');
        (!comment && fields.len() >= 3).then_some(Self { line, fields })
    }

    fn field(&self, index: usize) -> &'a str {
        self.fields
            .get(index)
            .map_or("", |range| &self.line[range.clone()])
    }

    fn device(&self) -> &'a str {
        self.field(0)
    }

    fn mount(&self) -> String {
        let mount = unescape(self.field(1));
        match mount.trim_end_matches('/') {
            "" => mount,
            trimmed => trimmed.to_owned(),
        }
    }

    fn kind(&self) -> &'a str {
        self.field(2)
    }

    /// Swap on a disk: not a swap file, not compressed memory.
    fn is_swap_device(&self) -> bool {
        let device = self.device();
        let disk = device.starts_with("/dev/") || device.contains('=');
        self.kind() == "swap" && disk && !device.starts_with("/dev/zram")
    }

    fn is_bind(&self) -> bool {
        self.field(3)
            .split(',')
            .any(|option| ["bind", "rbind"].contains(&option))
    }

    /// The line with another device and kind; blanks, options and the rest stay.
    fn with(&self, device: &str, kind: &str) -> String {
        let kind = if self.kind() == "auto" { "auto" } else { kind };
        let mut line = self.line.to_owned();
        line.replace_range(self.fields[2].clone(), kind);
        line.replace_range(self.fields[0].clone(), device);
        line
    }
}

/// fstab writes blanks in names as octal escapes.
fn escape(name: &str) -> String {
    name.replace('\\', "\\134")
        .replace(' ', "\\040")
        .replace('\t', "\\011")
}

/// A name as fstab and the kernel's lists of mounts write it, without the escapes.
#[must_use]
pub fn unescape(name: &str) -> String {
    name.replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\134", "\\")
}
