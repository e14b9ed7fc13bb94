//! `bosinst.data`: how an installation from the backup is to run.

use lifeboat_layout::disks::Disk;
use lifeboat_layout::size::mb;
use lifeboat_stanza::{Document, Stanza, Style};

/// Where it is on the running system.
pub const BOSINST: &str = "/bosinst.data";

/// While this file exists `target_disk_data` stays as it is.
pub const SAVE: &str = "/save_bosinst.data_file";

/// The fields of `target_disk_data`, in AIX's order and with ours.
const FIELDS: [&str; 8] = [
    "PVID",
    "SERIAL",
    "PHYSICAL_LOCATION",
    "SAN_DISKID",
    "CONNECTION",
    "LOCATION",
    "SIZE_MB",
    "HDISKNAME",
];

/// What a system gets that has none: a person is asked, and no disk with data is
/// taken without being named.
pub fn fresh() -> Document {
    let mut document = Document::new(Style::Bosinst);
    document.comment("How an installation from this backup is to run; docs/image-data.md");
    document.comment("describes the fields. mksysb -i rewrites target_disk_data unless");
    document.comment("/save_bosinst.data_file exists, and nothing else.");
    let control = document.add("control_flow");
    control
        .set("CONSOLE", "Default")
        .set("INSTALL_METHOD", "overwrite")
        .set("PROMPT", "yes")
        .set("EXISTING_SYSTEM_OVERWRITE", "no")
        .set("RECOVER_DEVICES", "Default")
        .set("IMPORT_USER_VGS", "")
        .set("ERROR_EXIT", "")
        .set("CUSTOMIZATION_FILE", "");
    document
        .add("lx_first_boot")
        .set("LX_NEW_IDENTITY", "no")
        .set("LX_HOSTNAME", "")
        .set("LX_FIRST_BOOT_SCRIPT", "")
        .set("LX_CFGMGR_PHASE", "");
    document
}

/// Makes `target_disk_data` describe these disks; everything else stays.
///
/// A disk is described by what belongs to the disk itself, then by its size and its
/// number. Not by its place: an installation without questions takes a disk that
/// `target_disk_data` identifies even when it holds data, and on another machine
/// another disk is in the same place.
pub fn describe_disks(document: &mut Document, disks: &[&Disk]) {
    let present = document.named("target_disk_data").count();
    for _ in present..disks.len() {
        document.add("target_disk_data");
    }
    for (index, stanza) in document.named_mut("target_disk_data").enumerate() {
        match disks.get(index) {
            Some(disk) => describe(stanza, disk),
            // A stanza of blank fields is one that nobody filled in.
            None => fill(stanza, |_| None),
        }
    }
}

fn describe(stanza: &mut Stanza, disk: &Disk) {
    let pvid = disk.physical_volumes.first().map(|pv| pv.uuid.clone());
    fill(stanza, |field| match field {
        "PVID" => pvid.clone(),
        "SERIAL" => disk.serial.clone().or_else(|| disk.wwid.clone()),
        "SIZE_MB" => Some(mb(disk.size).to_string()),
        "HDISKNAME" => Some(disk.hdisk.clone()),
        _ => None,
    });
}

fn fill(stanza: &mut Stanza, value: impl Fn(&str) -> Option<String>) {
    for field in FIELDS {
        stanza.set(field, &value(field).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_layout::disks::{Group, PhysicalVolume};
    use lifeboat_layout::signature::{Found, Signature};
    use lifeboat_stanza::bosinst::{Bosinst, Criterion, TargetSize};

    fn disk(hdisk: &str, serial: Option<&str>, pvid: Option<&str>) -> Disk {
        let volume = |uuid: &str| PhysicalVolume {
            device: "/dev/vda3".to_owned(),
            uuid: uuid.to_owned(),
            group: Some(Group {
                name: "rootvg".to_owned(),
                uuid: "u".to_owned(),
            }),
            tags: Vec::new(),
        };
        Disk {
            name: "vda".to_owned(),
            hdisk: hdisk.to_owned(),
            size: 8 << 30,
            sector: 512,
            read_only: false,
            serial: serial.map(str::to_owned),
            wwid: Some("wwid".to_owned()),
            location: "pci/x".to_owned(),
            signature: Signature {
                found: Found::Empty,
                uuid: None,
            },
            partitions: Vec::new(),
            physical_volumes: pvid.map(volume).into_iter().collect(),
            paths: Vec::new(),
            bootable: true,
            in_use: None,
        }
    }

    #[test]
    fn a_fresh_file_says_the_defaults() {
        let read = Bosinst::from_document(&fresh()).unwrap();
        assert_eq!(read, Bosinst::default());
    }

    #[test]
    fn a_disk_is_described_by_itself_and_not_by_its_place() {
        let mut document = fresh();
        let disk = disk("hdisk0", Some("LB1"), Some("pv-1"));
        describe_disks(&mut document, &[&disk]);
        let read = Bosinst::from_document(&document).unwrap();
        assert_eq!(read.targets.len(), 1);
        let criteria: Vec<_> = read.targets[0].criteria().collect();
        assert_eq!(
            criteria,
            [
                Criterion::Pvid("pv-1"),
                Criterion::Serial("LB1"),
                Criterion::Size(TargetSize::Mb(8192)),
                Criterion::Name("hdisk0")
            ]
        );
    }

    #[test]
    fn only_target_disk_data_changes() {
        let text = "# mine\ncontrol_flow:\n    PROMPT = no\n\ntarget_disk_data:\n    PVID = old\n    \
            LOCATION = here\n\ntarget_disk_data:\n    SIZE_MB = largest\n\nlocale:\n    X = y\n";
        let mut document = Document::parse(text).unwrap();
        let disk = disk("hdisk0", None, None);
        describe_disks(&mut document, &[&disk]);
        let read = Bosinst::from_document(&document).unwrap();
        assert!(!read.control.prompt);
        let targets: Vec<Vec<_>> = read
            .targets
            .iter()
            .map(|t| t.criteria().collect())
            .collect();
        assert_eq!(
            targets,
            [[
                Criterion::Serial("wwid"),
                Criterion::Size(TargetSize::Mb(8192)),
                Criterion::Name("hdisk0")
            ]]
        );
        let written = document.to_string();
        assert!(written.starts_with("# mine\ncontrol_flow:\n    PROMPT = no\n"));
        assert!(written.ends_with("locale:\n    X = y\n"));
    }
}
