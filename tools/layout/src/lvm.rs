//! Calls of LVM's one program.

use std::path::Path;

use lifeboat_sys::run::Tool;

use crate::disks::Disk;

/// The volume-group name and the device that LVM's own name is joined of, with
/// the dashes inside doubled, as the device mapper does it.
#[must_use]
pub fn mapper_name(group: &str, volume: &str) -> String {
    format!("{}-{}", group.replace('-', "--"), volume.replace('-', "--"))
}

/// Whether LVM takes this name for a volume group or logical volume (lvm(8)).
/// The rule also keeps names apart from options and paths.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+_.-".contains(c);
    !name.is_empty()
        && name.len() <= 127
        && name.chars().all(plain)
        && !name.starts_with('-')
        && ![".", ".."].contains(&name)
}

/// An `lvm` command that needs no udev and no files in `/etc/lvm`.
///
/// `only` restricts it to these devices: whatever it does, the volume groups on
/// other disks are out of its sight.
pub(crate) fn tool(command: &str, only: Option<&[String]>) -> Tool {
    let accept = only.map_or_else(|| vec!["\"a|.*|\"".to_owned()], accepting);
    configured(command, &accept)
}

/// The same, for a look at all disks, each by one path.
pub(crate) fn tool_for(command: &str, disks: &[Disk]) -> Tool {
    configured(command, &rejecting(disks))
}

fn configured(command: &str, filter: &[String]) -> Tool {
    Tool::new("lvm")
        // It complains of every descriptor it inherits.
        .env("LVM_SUPPRESS_FD_WARNINGS", "1")
        .arg(command)
        .arg("--config")
        .arg(config(filter, Path::new(UDEV).exists()))
}

/// What lets LVM see each of several disks by one path: it switches on no group that it
/// sees twice. `None` where each has one.
#[must_use]
pub fn one_path_each(disks: &[Disk]) -> Option<String> {
    let reject = rejecting(disks);
    (!reject.is_empty()).then(|| format!("devices {{ filter=[{}] }}", reject.join(",")))
}

/// What no pattern meets is accepted; a pattern that accepts would meet udev's links.
fn rejecting(disks: &[Disk]) -> Vec<String> {
    let further = disks.iter().flat_map(|disk| &disk.paths);
    further.map(|path| rejecting_path(path)).collect()
}

/// A path to a disk and its partitions: `sdb3`, `nvme0n1p3`.
fn rejecting_path(path: &str) -> String {
    let number = match path.ends_with(|c: char| c.is_ascii_digit()) {
        true => "(p[0-9]+)?",
        false => "[0-9]*",
    };
    format!("\"r|^/dev/{path}{number}$|\"")
}

fn accepting(devices: &[String]) -> Vec<String> {
    let accept = devices.iter().map(|device| format!("\"a|^{device}$|\""));
    accept.chain(["\"r|.*|\"".to_owned()]).collect()
}

/// A udev daemon listens here.
pub(crate) const UDEV: &str = "/run/udev/control";

/// See lvm.conf(5). A devices file would hide the disk that is new, so LVM lists
/// the devices itself. Where no udev runs, as in the rescue image, it makes the
/// device nodes itself and waits for nobody, and a backup of metadata would have
/// no place.
fn config(filter: &[String], udev: bool) -> String {
    let nodes = if udev {
        "activation { monitoring=0 }"
    } else {
        "activation { udev_sync=0 udev_rules=0 monitoring=0 } backup { backup=0 archive=0 }"
    };
    let filter = match filter {
        [] => String::new(),
        some => format!("filter=[{}]", some.join(",")),
    };
    format!(
        "{nodes} \
         devices {{ obtain_device_list_from_udev=0 external_device_info_source=\"none\" use_devicesfile=0 \
         hints=\"none\" md_component_detection=1 {filter} }}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_in_names_are_doubled() {
        assert_eq!(mapper_name("root-vg", "hd4"), "root--vg-hd4");
        assert_eq!(mapper_name("rootvg", "a-b"), "rootvg-a--b");
    }

    #[test]
    fn other_disks_are_filtered_out() {
        let config = config(&accepting(&["/dev/vda3".to_owned()]), false);
        assert!(
            config.contains("filter=[\"a|^/dev/vda3$|\",\"r|.*|\"]"),
            "{config}"
        );
    }

    #[test]
    fn of_several_paths_lvm_sees_one() {
        assert_eq!(one_path_each(&[]), None);
        let paths = ["sdb", "nvme0c1n1"].map(rejecting_path);
        assert_eq!(
            paths,
            [
                "\"r|^/dev/sdb[0-9]*$|\"",
                "\"r|^/dev/nvme0c1n1(p[0-9]+)?$|\""
            ]
        );
        assert!(config(&paths, false).contains("filter=[\"r|^/dev/sdb[0-9]*$|\",\"r"));
        assert!(!config(&[], false).contains("filter"));
    }

    #[test]
    fn nodes_are_left_to_udev_where_it_runs() {
        assert!(config(&[], false).contains("udev_rules=0"));
        assert!(!config(&[], true).contains("udev_rules"));
    }
}
