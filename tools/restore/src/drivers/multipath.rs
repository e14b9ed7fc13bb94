//! What a boot image needs for a root on a disk of several paths. dracut, which looks at
//! the devices below the root, does not see multipath in a rescue system: the restored one
//! would come up over a single path, and keep to it.

use std::fs::File;
use std::path::Path;

use lifeboat_boot::inspect::Wanted;
use lifeboat_layout::disks::Disk;
use lifeboat_layout::plan::Plan;
use lifeboat_sys::fs::{FsError, PathContext};

use super::Below;
use crate::references::{multipath_id, read};

/// The disks that belong to multipath.
const WWIDS: &str = "etc/multipath/wwids";
/// Where the makers of boot images have what they put multipath in with.
const INITRAMFS_TOOLS: &str = "usr/share/initramfs-tools/hooks/multipath";
const DRACUT: &str = "usr/lib/dracut/modules.d";

/// The program, where the system below `root` gives a disk of its root to multipath and
/// can do so in its boot image.
///
/// # Errors
/// [`FsError`] when the list of such disks cannot be read.
pub(crate) fn multipath(root: &Path, plan: &Plan) -> Result<Option<Wanted>, FsError> {
    let system = File::open(root).at("open", root)?;
    let list = read(&system, Path::new(WWIDS))?.unwrap_or_default();
    let list = String::from_utf8_lossy(&list);
    let below = Below::of(plan);
    let mut targets = plan.targets.iter();
    let wanted = targets.any(|target| {
        below.has_disk(&target.device(), &target.partitions) && is_listed(&list, &target.disk)
    });
    Ok((wanted && can_put_in(root)).then(|| Wanted {
        what: "multipath, to which the disk of the root belongs".to_owned(),
        any: ["multipath", "multipathd"].map(str::to_owned).into(),
    }))
}

/// Each line is an identifier between slashes.
fn is_listed(wwids: &str, disk: &Disk) -> bool {
    let id = disk.wwid.as_deref().and_then(multipath_id);
    id.is_some_and(|id| wwids.lines().any(|line| line.trim() == format!("/{id}/")))
}

fn can_put_in(root: &Path) -> bool {
    let modules = std::fs::read_dir(root.join(DRACUT)).into_iter().flatten();
    let mut modules = modules.flatten().map(|entry| entry.file_name());
    root.join(INITRAMFS_TOOLS).exists()
        || modules.any(|name| name.to_string_lossy().ends_with("multipath"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::tests::disk;
    use std::fs::{create_dir_all, write};

    #[test]
    fn a_root_on_a_disk_of_multipath_wants_it_in_the_boot_image() {
        let image = include_str!("../../tests/data/rhel9.image.data");
        let image = lifeboat_stanza::Document::parse(image).unwrap();
        let model = lifeboat_layout::model::Model::from_document(&image).unwrap();
        let mut disk = disk();
        disk.wwid = Some("naa.600507680c80".to_owned());
        let settings = lifeboat_layout::plan::Settings::default();
        let plan = lifeboat_layout::plan::plan(&model, &[disk], &settings).unwrap();
        let root = tempfile::tempdir().unwrap();
        let wants = || multipath(root.path(), &plan).unwrap().is_some();
        let list = |text: &str| write(root.path().join(WWIDS), text).unwrap();

        create_dir_all(root.path().join(DRACUT).join("90multipath")).unwrap();
        assert!(!wants(), "no list");
        create_dir_all(root.path().join("etc/multipath")).unwrap();
        list("# Valid WWIDs:\n/3600507680c81/\n");
        assert!(!wants(), "another disk");
        list("# Valid WWIDs:\n/3600507680c81/\n/3600507680c80/\n");
        assert!(wants());
        std::fs::remove_dir(root.path().join(DRACUT).join("90multipath")).unwrap();
        assert!(!wants(), "nothing puts it in");
    }
}
