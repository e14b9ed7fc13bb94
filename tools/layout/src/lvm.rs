//! Calls of LVM's one program.

use std::path::Path;

use lifeboat_sys::run::Tool;

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
    Tool::new("lvm")
        // It complains of every descriptor it inherits.
        .env("LVM_SUPPRESS_FD_WARNINGS", "1")
        .arg(command)
        .arg("--config")
        .arg(config(only, Path::new(UDEV).exists()))
}

/// A udev daemon listens here.
pub(crate) const UDEV: &str = "/run/udev/control";

/// See lvm.conf(5). A devices file would hide the disk that is new, so LVM lists
/// the devices itself. Where no udev runs, as in the rescue image, it makes the
/// device nodes itself and waits for nobody, and a backup of metadata would have
/// no place.
fn config(only: Option<&[String]>, udev: bool) -> String {
    let accept: Vec<String> = match only {
        None => vec!["\"a|.*|\"".to_owned()],
        Some(devices) => devices
            .iter()
            .map(|device| format!("\"a|^{device}$|\""))
            .chain(std::iter::once("\"r|.*|\"".to_owned()))
            .collect(),
    };
    let nodes = if udev {
        "activation { monitoring=0 }"
    } else {
        "activation { udev_sync=0 udev_rules=0 monitoring=0 } backup { backup=0 archive=0 }"
    };
    format!(
        "{nodes} \
         devices {{ obtain_device_list_from_udev=0 external_device_info_source=\"none\" use_devicesfile=0 \
         hints=\"none\" md_component_detection=1 filter=[{}] }}",
        accept.join(",")
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
        let config = config(Some(&["/dev/vda3".to_owned()]), false);
        assert!(
            config.contains("filter=[\"a|^/dev/vda3$|\",\"r|.*|\"]"),
            "{config}"
        );
    }

    #[test]
    fn nodes_are_left_to_udev_where_it_runs() {
        assert!(config(None, false).contains("udev_rules=0"));
        assert!(!config(None, true).contains("udev_rules"));
    }
}
