//! What a boot image needs so that the root of a plan is found: the drivers of the
//! target disks, and the programs and modules of everything that lies below `/`.

mod multipath;
mod sysfs;

use std::collections::BTreeSet;
use std::path::Path;

use lifeboat_boot::inspect::Wanted;
use lifeboat_devices::modules::ModuleIndex;
use lifeboat_layout::model::VolumeKind;
use lifeboat_layout::plan::{Plan, PlannedPartition, Stacked};

use sysfs::of_disk;

/// File systems that the boot image mounts.
const MOUNTED: [&str; 2] = ["/", "/usr"];

pub(crate) use multipath::multipath;

/// The modules of a kernel that drive the target disks of `plan`, as far as they are not
/// part of the kernel itself.
pub(crate) fn modules(sys: &Path, plan: &Plan, index: &ModuleIndex) -> Vec<String> {
    let mut modules = BTreeSet::new();
    for disk in plan.disks() {
        for any in of_disk(sys, disk, index) {
            modules.extend(any);
        }
    }
    modules.into_iter().collect()
}

/// What the boot image of that kernel must hold.
pub(crate) fn wanted(sys: &Path, plan: &Plan, index: &ModuleIndex) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let below = Below::of(plan);
    let targets = plan.targets.iter();
    for target in targets.filter(|target| below.has_disk(&target.device(), &target.partitions)) {
        for any in of_disk(sys, &target.disk, index) {
            wanted.push(Wanted {
                what: format!("a driver of {}", target.disk.hdisk),
                any: any.iter().map(|name| format!("{name}.ko")).collect(),
            });
        }
    }
    wanted.extend(below.wanted(index));
    wanted
}

/// What lies below the file systems that the boot image mounts.
#[derive(Debug, Default)]
struct Below<'a> {
    kinds: BTreeSet<&'a str>,
    /// Every node that was met.
    devices: BTreeSet<&'a str>,
    stack: Vec<&'a Stacked>,
}

impl<'a> Below<'a> {
    fn of(plan: &'a Plan) -> Self {
        let mut below = Self::default();
        for (mount, fs) in plan.mounts() {
            if MOUNTED.contains(&mount) {
                below.kinds.insert(&fs.kind);
                below.devices.insert(&fs.device);
                let more = fs.btrfs.iter().flat_map(|btrfs| &btrfs.more);
                below.devices.extend(more.map(String::as_str));
            }
        }
        // Each lies on what is made before it.
        for stacked in plan.stack.iter().rev() {
            let (own, under): (Vec<&str>, Vec<&String>) = match stacked {
                Stacked::Array(array) => (vec![&array.device], array.members.iter().collect()),
                Stacked::Crypt(crypt) => (vec![&crypt.device], vec![&crypt.under]),
                Stacked::Group(group) => (
                    group
                        .volumes
                        .iter()
                        .map(|volume| volume.device.as_str())
                        .collect(),
                    group.devices.iter().collect(),
                ),
            };
            if own.iter().any(|device| below.devices.contains(device)) {
                below.devices.extend(under.into_iter().map(String::as_str));
                below.stack.push(stacked);
            }
        }
        below
    }

    fn has_disk(&self, disk: &str, partitions: &[PlannedPartition]) -> bool {
        let has = |device: &str| self.devices.contains(device);
        has(disk) || partitions.iter().any(|partition| has(&partition.device))
    }

    fn wanted(&self, index: &ModuleIndex) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        let mut module = |what: &str, name: &str| {
            if index.module(name).is_some() {
                wanted.push(Wanted {
                    what: what.to_owned(),
                    any: vec![format!("{name}.ko")],
                });
            }
        };
        for kind in &self.kinds {
            let driver = match *kind {
                "ext2" | "ext3" => "ext4",
                kind => kind,
            };
            module("the driver of the root file system", driver);
        }
        let mut programs: Vec<(&str, &[&str])> = Vec::new();
        for stacked in &self.stack {
            match stacked {
                Stacked::Array(array) => {
                    let driver = match array.level.as_str() {
                        "raid4" | "raid5" | "raid6" => "raid456",
                        level => level,
                    };
                    module("the driver of the md array", driver);
                    programs.push(("what assembles md arrays", &["mdadm"]));
                }
                Stacked::Crypt(_) => {
                    module("the driver of encrypted devices", "dm_crypt");
                    let openers = &["cryptsetup", "systemd-cryptsetup"];
                    programs.push(("what opens encrypted devices", openers));
                }
                Stacked::Group(group) => {
                    module("the device mapper", "dm_mod");
                    let own = |device: &str| self.devices.contains(device);
                    for volume in group.volumes.iter().filter(|volume| own(&volume.device)) {
                        match &volume.kind {
                            VolumeKind::Mirrored { segment, .. } if segment == "raid1" => {
                                module("the driver of LVM's mirrors", "dm_raid");
                            }
                            VolumeKind::Mirrored { .. } => {
                                module("the driver of LVM's mirrors", "dm_mirror");
                            }
                            VolumeKind::Thin { .. } => {
                                module("the driver of thin volumes", "dm_thin_pool");
                            }
                            _ => {}
                        }
                    }
                    programs.push(("what switches volume groups on", &["lvm"]));
                }
            }
        }
        wanted.extend(programs.into_iter().map(|(what, any)| Wanted {
            what: what.to_owned(),
            any: any.iter().map(|&name| name.to_owned()).collect(),
        }));
        wanted
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use lifeboat_layout::disks::Disk;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    const DEP: &str = "\
kernel/drivers/block/virtio_blk.ko.xz:
kernel/drivers/md/dm-mod.ko.xz:
kernel/fs/xfs/xfs.ko.xz:
";

    #[test]
    fn what_lies_below_the_root_is_wanted() {
        let image = include_str!("../../tests/data/rhel9.image.data");
        let image = lifeboat_stanza::Document::parse(image).unwrap();
        let model = lifeboat_layout::model::Model::from_document(&image).unwrap();
        let disk = disk();
        let settings = lifeboat_layout::plan::Settings::default();
        let plan = lifeboat_layout::plan::plan(&model, &[disk], &settings).unwrap();
        let index = ModuleIndex::parse(lifeboat_devices::modules::Texts {
            dep: DEP,
            alias: "alias virtio:d00000002v* virtio_blk\n",
            ..Default::default()
        });
        let sys = tempfile::tempdir().unwrap();
        let device = sys.path().join("devices/virtio0");
        create_dir_all(&device).unwrap();
        create_dir_all(sys.path().join("block/vda")).unwrap();
        symlink("/drivers/virtio_blk", device.join("driver")).unwrap();
        write(device.join("modalias"), "virtio:d00000002v00001AF4\n").unwrap();
        symlink(&device, sys.path().join("block/vda/device")).unwrap();

        assert_eq!(modules(sys.path(), &plan, &index), ["virtio_blk"]);
        let wanted = wanted(sys.path(), &plan, &index);
        let files: Vec<&str> = wanted.iter().map(|wanted| wanted.any[0].as_str()).collect();
        assert_eq!(files, ["virtio_blk.ko", "xfs.ko", "dm_mod.ko", "lvm"]);
    }

    /// An empty disk of 20 GB.
    pub(crate) fn disk() -> Disk {
        Disk {
            name: "vda".into(),
            hdisk: "hdisk0".into(),
            size: 20 << 30,
            sector: 512,
            read_only: false,
            serial: None,
            wwid: None,
            location: "pci0000:00/0000:00:01.0".into(),
            signature: lifeboat_layout::signature::identify(&[0; 4096], &[]),
            partitions: Vec::new(),
            physical_volumes: Vec::new(),
            paths: Vec::new(),
            bootable: true,
            in_use: None,
        }
    }
}
