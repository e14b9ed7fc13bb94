//! What image.data says about the system in a backup, in few words.
//!
//! This reads the stanzas themselves, not the model that a restore makes of them: a
//! backup that this version cannot restore is summarised all the same.

use lifeboat_stanza::{Document, Stanza};
use serde::Serialize;

/// What there is to say, as text; sizes in MB.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// The volume group; several, with blanks between them, if the system lies on several.
    pub volume_group: String,
    /// When the backup was taken.
    pub date: String,
    /// `uname -a` of the system.
    pub uname: String,
    /// The distribution and its version.
    pub os_level: String,
    /// What the file systems and swap spaces take.
    pub size_mb: u64,
    /// What they take with SHRINK.
    pub shrink_size_mb: u64,
    /// The logical volumes.
    pub logical_volumes: Vec<Volume>,
    /// Partitions, md arrays and encrypted devices.
    pub devices: Vec<Device>,
    /// Whether it is a whole system, or a volume group on its own.
    pub whole_system: bool,
}

/// A line of AIX's table of logical volumes.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Its volume group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: String,
    /// Logical partitions.
    pub lps: u64,
    /// Physical partitions.
    pub pps: u64,
    /// Physical volumes that it lies on.
    pub pvs: u64,
    /// Its state when the backup was taken.
    pub state: String,
    /// Where it was mounted.
    pub mount_point: String,
}

/// A device that is no logical volume.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// A partition's disk and number, `hdisk0:1`; or `md:NAME`, `crypt:NAME`.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its size.
    pub mb: u64,
    /// Where it was mounted.
    pub mount_point: String,
}

/// What stands where nothing is known.
const UNKNOWN: &str = "unknown";
/// AIX's word for what a thing does not have.
const NONE: &str = "N/A";
const BLOCKS_PER_MB: u64 = 2048;

impl Overview {
    /// Reads an image.data.
    pub fn of(image: &Document) -> Self {
        let first = |stanza, field| {
            let found = image.named(stanza).find_map(|stanza| text(stanza, field));
            found.unwrap_or(UNKNOWN).to_owned()
        };
        let file_systems = || image.named("fs_data").chain(image.named("lx_swap_data"));
        let blocks = |field| -> u64 {
            let size = |stanza| number(stanza, field).or_else(|| number(stanza, "FS_SIZE"));
            file_systems().filter_map(size).sum()
        };
        let groups = image.named("vg_data").chain(image.named("lx_vg_data"));
        let groups: Vec<_> = groups.filter_map(|group| text(group, "VGNAME")).collect();
        Self {
            volume_group: if groups.is_empty() {
                NONE.to_owned()
            } else {
                groups.join(" ")
            },
            date: first("image_data", "DATE_TIME"),
            uname: first("image_data", "UNAME_INFO"),
            os_level: first("image_data", "OSLEVEL"),
            size_mb: blocks("FS_SIZE").div_ceil(BLOCKS_PER_MB),
            shrink_size_mb: blocks("FS_MIN_SIZE").div_ceil(BLOCKS_PER_MB),
            logical_volumes: image.named("lv_data").map(volume).collect(),
            devices: devices(image),
            whole_system: image
                .named("fs_data")
                .any(|stanza| text(stanza, "FS_NAME") == Some("/")),
        }
    }
}

fn volume(stanza: &Stanza) -> Volume {
    let word = |field| text(stanza, field).unwrap_or(NONE).to_owned();
    let lps = number(stanza, "LPs").unwrap_or(0);
    let copies = number(stanza, "COPIES").unwrap_or(1);
    let disks = text(stanza, "LV_SOURCE_DISK_LIST").map_or(0, |list| list.split(' ').count());
    Volume {
        group: word("VOLUME_GROUP"),
        name: word("LOGICAL_VOLUME"),
        kind: word("TYPE"),
        lps,
        pps: number(stanza, "PP").unwrap_or(lps.saturating_mul(copies)),
        pvs: disks as u64,
        state: word("LV_STATE"),
        mount_point: word("MOUNT_POINT"),
    }
}

fn devices(image: &Document) -> Vec<Device> {
    let partitions = image.named("lx_partition_data").map(|stanza| {
        let word = |field| text(stanza, field).unwrap_or(UNKNOWN);
        let name = format!("{}:{}", word("LX_DISK"), word("LX_PART_NUMBER"));
        device(image, stanza, name, word("LX_PART_TYPE"), "LX_PART_SIZE")
    });
    let arrays = image.named("lx_md_data").map(|stanza| {
        let word = |field| text(stanza, field).unwrap_or(UNKNOWN);
        let name = format!("md:{}", word("LX_MD_NAME"));
        device(image, stanza, name, word("LX_MD_LEVEL"), "LX_MD_SIZE")
    });
    let encrypted = image.named("lx_crypt_data").map(|stanza| {
        let name = text(stanza, "LX_CRYPT_NAME").unwrap_or(UNKNOWN);
        device(
            image,
            stanza,
            format!("crypt:{name}"),
            "luks",
            "LX_CRYPT_SIZE",
        )
    });
    partitions.chain(arrays).chain(encrypted).collect()
}

/// A device of which it is known that it holds `kind`, if no file system is on it.
fn device(image: &Document, stanza: &Stanza, name: String, kind: &str, size: &str) -> Device {
    let on_it = |fs: &&Stanza| {
        let places = ["LX_FS_PARTITION", "LX_FS_DEVICE"];
        places.iter().any(|place| text(fs, place) == Some(&name))
    };
    let file_system = image.named("fs_data").find(on_it);
    let of_it = |field| file_system.and_then(|fs| text(fs, field));
    Device {
        kind: of_it("LX_FS_TYPE").unwrap_or(kind).to_owned(),
        mb: number(stanza, size).unwrap_or(0) / BLOCKS_PER_MB,
        mount_point: of_it("FS_NAME").unwrap_or(NONE).to_owned(),
        name,
    }
}

/// A field's value, unless it is blank.
fn text<'a>(stanza: &'a Stanza, field: &str) -> Option<&'a str> {
    stanza.get(field).filter(|value| !value.is_empty())
}

/// A number, unless it is none that a size can be.
fn number(stanza: &Stanza, field: &str) -> Option<u64> {
    let number = text(stanza, field)?.parse().ok()?;
    // Sums of a damaged file must not overflow.
    (number < 1 << 50).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_in_few_words() {
        let text = include_str!("../../../../image-build/demo/image.data");
        let overview = Overview::of(&Document::parse(text).unwrap());
        assert_eq!(overview.volume_group, "rootvg");
        assert_eq!(overview.os_level, "Debian 13");
        assert!(overview.whole_system);
        assert!(overview.shrink_size_mb < overview.size_mb);
        let root = &overview.logical_volumes[0];
        assert_eq!(
            (root.name.as_str(), root.mount_point.as_str()),
            ("hd4", "/")
        );
        assert_eq!((root.lps, root.pps, root.pvs), (320, 320, 1));
        let boot = Device {
            name: "hdisk0:2".to_owned(),
            kind: "ext4".to_owned(),
            mb: 384,
            mount_point: "/boot".to_owned(),
        };
        assert_eq!(overview.devices[1], boot);
        assert_eq!(overview.devices.len(), 3);
    }

    #[test]
    fn arrays_and_encrypted_devices_are_listed_too() {
        let image = "lx_vg_data:\n\tVGNAME= datavg\n\
            lx_md_data:\n\tLX_MD_NAME= boot\n\tLX_MD_LEVEL= raid1\n\tLX_MD_SIZE= 4096\n\
            lx_crypt_data:\n\tLX_CRYPT_NAME= safe\n\tLX_CRYPT_SIZE= 2048\n\
            fs_data:\n\tFS_NAME= /safe\n\tLX_FS_TYPE= xfs\n\tLX_FS_DEVICE= crypt:safe\n";
        let overview = Overview::of(&Document::parse(image).unwrap());
        assert_eq!(overview.volume_group, "datavg");
        let line = |device: &Device| {
            let Device {
                name,
                kind,
                mb,
                mount_point,
            } = device;
            format!("{name} {kind} {mb} {mount_point}")
        };
        let lines: Vec<_> = overview.devices.iter().map(line).collect();
        assert_eq!(lines, ["md:boot raid1 2 N/A", "crypt:safe xfs 1 /safe"]);
    }

    #[test]
    fn a_description_that_says_little_is_no_trouble() {
        let image = "lv_data:\n\tLPs= 99999999999999999999\nfs_data:\n\tFS_SIZE=\n";
        let overview = Overview::of(&Document::parse(image).unwrap());
        assert_eq!(overview.volume_group, NONE);
        assert_eq!(overview.logical_volumes[0].lps, 0);
        assert_eq!((overview.size_mb, overview.whole_system), (0, false));
    }
}
