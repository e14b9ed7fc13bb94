//! What image.data says about the system in a backup, in few words.
//!
//! This reads the stanzas themselves, not the model that a restore makes of them: a
//! backup that this version cannot restore is summarised all the same.

use lifeboat_stanza::{Document, Stanza};
use serde::Serialize;

/// What there is to say, as text; sizes in MB.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// The volume group.
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
    /// The partitions that hold something else than logical volumes.
    pub partitions: Vec<Partition>,
    /// Whether it is a whole system, or a volume group on its own.
    pub whole_system: bool,
}

/// A line of AIX's table of logical volumes.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Volume {
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

/// A partition.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// Disk and number, `hdisk0:1`.
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
        Self {
            volume_group: first("vg_data", "VGNAME"),
            date: first("image_data", "DATE_TIME"),
            uname: first("image_data", "UNAME_INFO"),
            os_level: first("image_data", "OSLEVEL"),
            size_mb: blocks("FS_SIZE").div_ceil(BLOCKS_PER_MB),
            shrink_size_mb: blocks("FS_MIN_SIZE").div_ceil(BLOCKS_PER_MB),
            logical_volumes: image.named("lv_data").map(volume).collect(),
            partitions: image
                .named("lx_partition_data")
                .filter(|stanza| text(stanza, "LX_PART_TYPE") != Some("lvm"))
                .map(|stanza| partition(image, stanza))
                .collect(),
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
        name: word("LOGICAL_VOLUME"),
        kind: word("TYPE"),
        lps,
        pps: number(stanza, "PP").unwrap_or(lps.saturating_mul(copies)),
        pvs: disks as u64,
        state: word("LV_STATE"),
        mount_point: word("MOUNT_POINT"),
    }
}

fn partition(image: &Document, stanza: &Stanza) -> Partition {
    let word = |field| text(stanza, field).unwrap_or(UNKNOWN);
    let name = format!("{}:{}", word("LX_DISK"), word("LX_PART_NUMBER"));
    let file_system = image
        .named("fs_data")
        .find(|fs| text(fs, "LX_FS_PARTITION") == Some(&name));
    let of_it = |field| file_system.and_then(|fs| text(fs, field));
    Partition {
        kind: of_it("LX_FS_TYPE")
            .unwrap_or(word("LX_PART_TYPE"))
            .to_owned(),
        mb: number(stanza, "LX_PART_SIZE").unwrap_or(0) / BLOCKS_PER_MB,
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
        let boot = Partition {
            name: "hdisk0:2".to_owned(),
            kind: "ext4".to_owned(),
            mb: 384,
            mount_point: "/boot".to_owned(),
        };
        assert_eq!(overview.partitions[1], boot);
        assert_eq!(overview.partitions.len(), 2);
    }

    #[test]
    fn a_description_that_says_little_is_no_trouble() {
        let image = "lv_data:\n\tLPs= 99999999999999999999\nfs_data:\n\tFS_SIZE=\n";
        let overview = Overview::of(&Document::parse(image).unwrap());
        assert_eq!(overview.volume_group, UNKNOWN);
        assert_eq!(overview.logical_volumes[0].lps, 0);
        assert_eq!((overview.size_mb, overview.whole_system), (0, false));
    }
}
