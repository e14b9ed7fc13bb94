//! A system put together from disks upwards, for what no machine was at hand to
//! record. What tools print is what they printed elsewhere, with other numbers.

use std::fmt::Write;
use std::io::{Read, Seek, SeekFrom};

use gptman::{GPT, GPTPartitionEntry};
use lifeboat_layout::guid::Guid;
use lifeboat_layout::size::MB;
use lifeboat_layout::system::host::Usage;

use super::recording::Recording;

pub const PREP: &str = "9e1a2d38-c612-4316-aa26-8b49521e5a8b";
pub const LINUX: &str = "0fc63daf-8483-4772-8e79-3d69d8477de4";
pub const LVM: &str = "e6d6d379-f507-44c2-a23c-238f2a3df928";
pub const SWAP: &str = "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f";
pub const RAID: &str = "a19d880f-05fc-4d3b-a006-743f0f84911e";

const EXT4: &str = include_str!("../recorded/dumpe2fs-ext4.txt");
const XFS: &str = include_str!("../recorded/xfs_info-6.13.txt");
const OLD_XFS: &str = include_str!("../recorded/xfs_info-4.5.txt");

/// A system and what it will say.
#[derive(Default)]
pub struct Scene {
    pub recording: Recording,
    mountinfo: String,
    swaps: String,
    fstab: String,
    vgs: Vec<String>,
    pvs: Vec<String>,
    lvs: Vec<String>,
    mappers: usize,
}

/// A UUID that says what it belongs to.
pub fn uuid(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// An LVM UUID likewise.
pub fn lvm_uuid(kind: &str, number: usize) -> String {
    format!("{kind:0>6}-0000-0000-0000-0000-0000-{number:06}")
}

impl Scene {
    pub fn new() -> Self {
        let mut scene = Self::default();
        let recording = &mut scene.recording;
        let runs = [
            ("date", "Sat Nov 21 12:00:00 UTC 2026\n"),
            ("uname -a", "Linux scene 6.12 ppc64le GNU/Linux\n"),
        ];
        for (command, said) in runs {
            recording.runs.insert(command.to_owned(), said.to_owned());
        }
        recording.file(
            "/etc/os-release",
            "NAME=\"Scene Linux\"\nVERSION_ID=\"1\"\n",
        );
        recording.file("/proc/device-tree/system-id", "IBM,0210ABCDE\0");
        recording.file("/proc/device-tree/ibm,partition-no", [0, 0, 0, 7]);
        scene
    }

    pub fn disk(&mut self, name: &str, mb: u64) {
        let number = self.recording.disks.len();
        self.recording
            .disk(name, &format!("hdisk{number}"), mb * MB);
        let disk = self.recording.disks.last_mut().unwrap();
        disk.serial = Some(format!("SERIAL{number}"));
        disk.location = format!("vio/7100000{number}/0:1:0");
        self.block(name, mb);
    }

    /// A block device without anything of its own.
    pub fn block(&mut self, name: &str, mb: u64) {
        let base = format!("/sys/block/{name}");
        let number = 200 + self.recording.files.len();
        self.recording
            .file(&format!("{base}/dev"), format!("{number}:0\n"));
        self.recording
            .file(&format!("{base}/size"), format!("{}\n", mb * 2048));
    }

    /// The kernel's number of a block device.
    fn number(&self, name: &str) -> String {
        let find = |path: &&String| path.ends_with(&format!("/{name}/dev"));
        let path = self.recording.files.keys().find(find).unwrap();
        String::from_utf8_lossy(&self.recording.files[path])
            .trim()
            .to_owned()
    }

    fn partition(&mut self, disk: &str, number: u32, start: u64, mb: u64) -> String {
        let name = format!("{disk}{number}");
        let base = format!("/sys/block/{disk}/{name}");
        let count = 200 + self.recording.files.len();
        for (file, value) in [
            ("dev", format!("{count}:{number}\n")),
            ("partition", format!("{number}\n")),
            ("start", format!("{}\n", start / 512)),
            ("size", format!("{}\n", mb * 2048)),
        ] {
            self.recording.file(&format!("{base}/{file}"), value);
        }
        name
    }

    /// A GPT with partitions one after the other: type, MB, name.
    pub fn gpt(&mut self, disk: &str, partitions: &[(&str, u64, &str)]) {
        let mb = self
            .recording
            .disks
            .iter()
            .find(|d| d.name == disk)
            .unwrap()
            .size
            / MB;
        let letter = u8::from_str_radix(&disk[disk.len() - 1..], 36).unwrap();
        let mut device = tempfile::tempfile().unwrap();
        device.set_len(mb * MB).unwrap();
        let guid = |n: u32| uuid(u32::from(letter) * 100 + n).parse::<Guid>().unwrap();
        let mut table = GPT::new_from(&mut device, 512, guid(0).0).unwrap();
        let mut start = MB;
        for ((kind, mb, name), number) in partitions.iter().zip(1u32..) {
            table[number] = GPTPartitionEntry {
                partition_type_guid: kind.parse::<Guid>().unwrap().0,
                unique_partition_guid: guid(number).0,
                starting_lba: start / 512,
                ending_lba: (start + mb * MB) / 512 - 1,
                attribute_bits: 0,
                partition_name: (*name).into(),
            };
            self.partition(disk, number, start, *mb);
            start += mb * MB;
        }
        GPT::write_protective_mbr_into(&mut device, 512).unwrap();
        table.write_into(&mut device).unwrap();
        let mut head = vec![0; 34 * 512];
        device.seek(SeekFrom::Start(0)).unwrap();
        device.read_exact(&mut head).unwrap();
        self.recording.write(&format!("/dev/{disk}"), 0, &head);
    }

    /// An MBR with partitions one after the other: number, type, MB. Number 4 is
    /// the extended one when there are more; each logical one has a MB before it.
    pub fn mbr(&mut self, disk: &str, id: u32, partitions: &[(u32, u8, u64)]) {
        let node = format!("/dev/{disk}");
        let mut sector = vec![0; 512];
        sector[440..444].copy_from_slice(&id.to_le_bytes());
        let (mut start, mut base, mut at) = (1, 0, 0);
        for (number, kind, mb) in partitions {
            let slot = if *number > 4 { 0 } else { *number as usize - 1 };
            if *number > 5 {
                entry(&mut sector, 1, 5, start - base, mb + 1);
            }
            if *number > 4 {
                self.put_mbr(&node, at, sector);
                (sector, at) = (vec![0; 512], start);
                entry(&mut sector, 0, *kind, 1, *mb);
                self.partition(disk, *number, (start + 1) * MB, *mb);
                start += mb + 1;
                continue;
            }
            entry(&mut sector, slot, *kind, start, *mb);
            self.partition(disk, *number, start * MB, *mb);
            if *number == 4 {
                base = start;
            } else {
                start += mb;
            }
        }
        self.put_mbr(&node, at, sector);
        let first = self
            .recording
            .bytes
            .get_mut(&node)
            .unwrap()
            .get_mut(&0)
            .unwrap();
        first[446] = 0x80;
    }

    fn put_mbr(&mut self, node: &str, at: u64, mut sector: Vec<u8>) {
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        self.recording.write(node, at * MB, &sector);
    }

    /// A device-mapper device; returns the kernel's name.
    pub fn mapper(&mut self, name: &str, uuid: &str, mb: u64, slaves: &[&str]) -> String {
        let kernel = format!("dm-{}", self.mappers);
        self.mappers += 1;
        self.block(&kernel, mb);
        let base = format!("/sys/block/{kernel}");
        self.recording.file(&format!("{base}/dm/name"), name);
        self.recording.file(&format!("{base}/dm/uuid"), uuid);
        self.slaves(&kernel, slaves);
        kernel
    }

    pub fn slaves(&mut self, kernel: &str, slaves: &[&str]) {
        let names = slaves.iter().map(|name| (*name).to_owned()).collect();
        self.recording
            .lists
            .insert(format!("/sys/block/{kernel}/slaves"), names);
    }

    /// An array of level 1.
    pub fn mirror(&mut self, kernel: &str, name: &str, mb: u64, members: &[&str]) {
        self.block(kernel, mb);
        self.slaves(kernel, members);
        let base = format!("/sys/block/{kernel}/md");
        for (file, value) in [
            ("level", "raid1"),
            ("layout", "0"),
            ("chunk_size", "0"),
            ("bitmap/location", "+8"),
        ] {
            self.recording.file(&format!("{base}/{file}"), value);
        }
        let link = format!("/dev/md/{name}");
        self.recording.links.insert(link, format!("/dev/{kernel}"));
        let width = 2;
        let mut export = format!(
            "MD_LEVEL=raid1\nMD_DEVICES={width}\nMD_METADATA=1.2\n\
             MD_UUID=0badcafe:00000000:00000000:00000{mb:03}\nMD_DEVNAME={name}\nMD_NAME=scene:{name}\n"
        );
        for (role, member) in members.iter().enumerate() {
            let role = if role < width {
                role.to_string()
            } else {
                "spare".to_owned()
            };
            let _ = writeln!(export, "MD_DEVICE_dev_{member}_ROLE={role}");
            let _ = writeln!(export, "MD_DEVICE_dev_{member}_DEV=/dev/{member}");
        }
        let command = format!("mdadm --detail --export /dev/{kernel}");
        self.recording.runs.insert(command, export);
    }

    /// A volume group with extents of 4 MB.
    pub fn group(&mut self, name: &str, physical: &[&str]) {
        let number = self.vgs.len();
        let group = lvm_uuid("vg", number);
        self.vgs.push(format!(
            r#"{{"vg_name":"{name}", "vg_uuid":"{group}", "vg_extent_size":"4194304", "vg_missing_pv_count":"0"}}"#
        ));
        for device in physical {
            let pv = lvm_uuid("pv", self.pvs.len());
            self.pvs.push(format!(
                r#"{{"pv_name":"{device}", "pv_uuid":"{pv}", "vg_name":"{name}", "pe_start":"1048576"}}"#
            ));
        }
    }

    /// A logical volume of the last group in one segment, active on `slaves`;
    /// returns the kernel's name.
    pub fn volume(
        &mut self,
        full: &str,
        kind: &str,
        extents: u64,
        ranges: &str,
        slaves: &[&str],
    ) -> String {
        let (group, name) = full.split_once('/').unwrap();
        let stripes = ranges.split_whitespace().count();
        let lv = lvm_uuid("lv", self.lvs.len());
        let hidden = name.starts_with('[');
        let pool = if kind == "thin" { ranges } else { "" };
        let ranges = if kind == "thin" { "" } else { ranges };
        let stripe = if kind == "striped" { 65536 } else { 0 };
        let role = if hidden { "private" } else { "public" };
        self.lvs.push(format!(
            r#"{{"vg_name":"{group}", "lv_name":"{name}", "lv_uuid":"{lv}", "lv_role":"{role}", "lv_permissions":"writeable", "lv_active":"active", "origin":"", "pool_lv":"{pool}", "segtype":"{kind}", "stripes":"{stripes}", "stripe_size":"{stripe}", "chunk_size":"65536", "lv_metadata_size":"4194304", "seg_start_pe":"0", "seg_size_pe":"{extents}", "seg_pe_ranges":"{ranges}"}}"#
        ));
        let group_uuid = lvm_uuid("vg", self.vgs.len() - 1).replace('-', "");
        let uuid = format!("LVM-{group_uuid}{}", lv.replace('-', ""));
        let plain = name.trim_matches(['[', ']']);
        let mapped = format!("{}-{}", group.replace('-', "--"), plain.replace('-', "--"));
        self.mapper(&mapped, &uuid, extents * 4, slaves)
    }

    /// What `mount` would print; the node is the source.
    pub fn mount(&mut self, block: &str, node: &str, at: &str, kind: &str, used_mb: u64) {
        let number = self.number(block);
        self.mount_as(&number, "/", node, at, kind, used_mb);
    }

    pub fn mount_as(
        &mut self,
        number: &str,
        root: &str,
        node: &str,
        at: &str,
        kind: &str,
        used_mb: u64,
    ) {
        let _ = writeln!(
            self.mountinfo,
            "30 1 {number} {root} {at} rw,relatime shared:1 - {kind} {node} rw"
        );
        let usage = Usage {
            size: used_mb * 2 * MB,
            used: used_mb * MB,
            files: used_mb * 30,
        };
        self.recording.usages.insert(at.to_owned(), usage);
    }

    pub fn fstab(&mut self, line: &str) {
        self.fstab.push_str(line);
        self.fstab.push('\n');
    }

    /// An ext4, mounted.
    pub fn ext4(&mut self, block: &str, node: &str, at: &str, mb: u64, number: u32) {
        self.ext4_unmounted(node, mb, number);
        self.mount(block, node, at, "ext4", mb / 4);
    }

    pub fn ext4_unmounted(&mut self, node: &str, mb: u64, number: u32) {
        let said = replaced(EXT4, "Filesystem UUID:", &uuid(number));
        let said = replaced(&said, "Filesystem volume name:", "<none>");
        let said = replaced(&said, "Block count:", &(mb * 256).to_string());
        let said = replaced(&said, "Inode count:", &(mb * 64).to_string());
        let said = replaced(&said, "Reserved block count:", &(mb * 256 / 20).to_string());
        let said = replaced(&said, "Free blocks:", &(mb * 192).to_string());
        let said = replaced(&said, "Free inodes:", &(mb * 60).to_string());
        self.recording
            .runs
            .insert(format!("dumpe2fs -h {node}"), said);
        self.recording.write(node, 0x438, &[0x53, 0xef]);
        self.recording.write(node, 0x468, &raw(&uuid(number)));
    }

    /// An XFS, mounted; `old` as RHEL 7 prints it.
    pub fn xfs(&mut self, block: &str, node: &str, at: &str, mb: u64, number: u32, old: bool) {
        let (said, from) = if old {
            (OLD_XFS, 13_107_200)
        } else {
            (XFS, 131_072)
        };
        let said = said.replace(&format!("blocks={from},"), &format!("blocks={},", mb * 256));
        self.recording.runs.insert(format!("xfs_info {at}"), said);
        self.recording.write(node, 0, b"XFSB");
        self.recording.write(node, 32, &raw(&uuid(number)));
        self.recording.write(node, 108, b"label");
        self.mount(block, node, at, "xfs", mb / 4);
    }

    /// Swap with such pages, in use.
    pub fn swap(&mut self, node: &str, page: u64, number: u32) {
        self.recording.write(node, page - 10, b"SWAPSPACE2");
        self.recording.write(node, 1024 + 12, &raw(&uuid(number)));
        let _ = writeln!(self.swaps, "{node} partition 1 0 -2");
    }

    /// The system, ready to be asked.
    pub fn done(mut self) -> Recording {
        let recording = &mut self.recording;
        recording.file("/proc/self/mountinfo", &self.mountinfo);
        recording.file(
            "/proc/swaps",
            format!("Filename Type Size Used Priority\n{}", self.swaps),
        );
        recording.file("/etc/fstab", &self.fstab);
        let report =
            |rows: &[String]| format!(r#"{{"report": [{{"any": [{}]}}]}}"#, rows.join(", "));
        let tail = "--reportformat json --units b --nosuffix -o";
        for (command, rows) in [
            (
                format!("lvm vgs {tail} vg_name,vg_uuid,vg_extent_size,vg_missing_pv_count"),
                &self.vgs,
            ),
            (
                format!("lvm pvs {tail} pv_name,pv_uuid,vg_name,pe_start"),
                &self.pvs,
            ),
            (
                format!(
                    "lvm lvs -a {tail} vg_name,lv_name,lv_uuid,lv_role,lv_permissions,lv_active,origin,\
                     pool_lv,segtype,stripes,stripe_size,chunk_size,lv_metadata_size,seg_start_pe,\
                     seg_size_pe,seg_pe_ranges"
                ),
                &self.lvs,
            ),
        ] {
            recording.runs.insert(command, report(rows));
        }
        self.recording
    }
}

fn entry(sector: &mut [u8], slot: usize, kind: u8, start_mb: u64, mb: u64) {
    let at = 446 + slot * 16;
    sector[at + 4] = kind;
    let sectors = |mb: u64| u32::try_from(mb * 2048).unwrap().to_le_bytes();
    sector[at + 8..at + 12].copy_from_slice(&sectors(start_mb));
    sector[at + 12..at + 16].copy_from_slice(&sectors(mb));
}

fn raw(uuid: &str) -> Vec<u8> {
    let digits = uuid.replace('-', "");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..32).step_by(2).map(byte).collect()
}

/// A report with another value in the line that begins with `name`.
fn replaced(report: &str, name: &str, value: &str) -> String {
    let line = |line: &str| match line.starts_with(name) {
        true => format!("{name} {value}\n"),
        false => format!("{line}\n"),
    };
    assert!(report.contains(name), "no {name}");
    report.lines().map(line).collect()
}
