//! Whether a disk is in use: mounted, swapped to, or held by a driver.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::attribute;

/// How deep drivers may stack (partition, md, crypt, LVM ...) before we stop.
const DEPTH: usize = 8;

/// What the kernel has mounted or swaps to.
pub(super) struct Usage {
    sys_block: PathBuf,
    /// By device number and by name, what the device is used for.
    uses: HashMap<String, String>,
}

impl Usage {
    pub(super) fn read(root: &Path) -> Self {
        let mounts = attribute(root.join("proc/self/mountinfo")).unwrap_or_default();
        let swaps = attribute(root.join("proc/swaps")).unwrap_or_default();
        Self {
            sys_block: root.join("sys/block"),
            uses: uses(&mounts, &swaps),
        }
    }

    /// Why nothing may be written to the block device at `path` in sysfs.
    /// Logical volumes that only are active do not count.
    pub(super) fn of(&self, path: &Path) -> Option<String> {
        self.below(path, DEPTH)
    }

    fn below(&self, path: &Path, depth: usize) -> Option<String> {
        let name = file_name(path);
        let number = attribute(path.join("dev")).unwrap_or_default();
        if let Some(used) = self.uses.get(&number).or_else(|| self.uses.get(&name)) {
            return Some(used.clone());
        }
        if depth == 0 {
            return Some("held by drivers".to_owned());
        }
        holders(path).iter().find_map(|holder| {
            let device = self.sys_block.join(holder);
            let lvm =
                attribute(device.join("dm/uuid")).is_some_and(|uuid| uuid.starts_with("LVM-"));
            if lvm {
                self.below(&device, depth - 1)
            } else {
                Some(format!("held by {holder}"))
            }
        })
    }
}

fn holders(path: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(path.join("holders")) else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| file_name(&entry.path()))
        .collect()
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Reads `/proc/self/mountinfo` and `/proc/swaps` (proc(5)).
fn uses(mountinfo: &str, swaps: &str) -> HashMap<String, String> {
    let mut uses = HashMap::new();
    for line in mountinfo.lines() {
        let mut fields = line.split(' ');
        let (Some(number), Some(place)) = (fields.nth(2), fields.nth(1)) else {
            continue;
        };
        let used = format!("mounted on {place}");
        uses.entry(number.to_owned())
            .or_insert_with(|| used.clone());
        // File systems with several devices have a number of their own; their source tells.
        let source = line
            .split_once(" - ")
            .and_then(|(_, end)| end.split(' ').nth(1));
        if let Some(source) = source.filter(|source| source.starts_with("/dev/")) {
            uses.entry(file_name(Path::new(source))).or_insert(used);
        }
    }
    for path in swaps
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
    {
        uses.insert(file_name(Path::new(path)), "used as swap".to_owned());
    }
    uses
}
