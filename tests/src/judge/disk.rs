//! The restored disk as the host sees it: partition table and file systems,
//! read from the raw image while the machine is off.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use lifeboat_qemu::{Disk, Running};
use lifeboat_sys::run::Tool;

use super::guest::ask;
use crate::image_data::Stanza;
use crate::lab::Lab;

/// The GPT type of a PReP boot partition.
const PREP: &str = "9E1A2D38-C612-4316-AA26-8B49521E5A8B";
const SECTOR: u64 = 512;

/// Where a file system or swap space lies on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Mount point.
    pub mount: String,
    /// `ext4`, `xfs`, …
    pub kind: String,
    /// Byte ranges in order: offset and length.
    pub ranges: Vec<(u64, u64)>,
}

/// Asks the guest where its mounted file systems lie.
pub fn volumes(machine: &mut Running) -> Result<Vec<Volume>> {
    let mut volumes = Vec::new();
    for line in ask(machine, "findmnt -n -r --real -o TARGET,FSTYPE,SOURCE")?.lines() {
        let [mount, kind, source] = words(line)?;
        let partition = ask(machine, &format!("lsblk -n -d -o TYPE {source}"))? == "part";
        let ranges = if partition {
            vec![partition_range(machine, source)?]
        } else {
            logical_volume_ranges(machine, source)?
        };
        volumes.push(Volume {
            mount: mount.to_owned(),
            kind: kind.to_owned(),
            ranges,
        });
    }
    Ok(volumes)
}

/// The range of a partition, from sysfs, in sectors of 512 bytes whatever the disk's.
fn partition_range(machine: &mut Running, device: &str) -> Result<(u64, u64)> {
    let name = device.rsplit('/').next().unwrap_or(device);
    let directory = format!("/sys/class/block/{name}");
    let numbers = ask(machine, &format!("cat {directory}/start {directory}/size"))?;
    let numbers = numbers.replace('\n', " ");
    let [start, length] = words(&numbers)?;
    Ok((
        start.parse::<u64>()? * SECTOR,
        length.parse::<u64>()? * SECTOR,
    ))
}

/// The ranges of a logical volume: its segments, on their physical volume,
/// behind what LVM keeps for itself.
fn logical_volume_ranges(machine: &mut Running, device: &str) -> Result<Vec<(u64, u64)>> {
    let fields = "seg_size,vg_extent_size,devices";
    let segments = format!("lvs --noheadings --segments --units b --nosuffix -o {fields} {device}");
    let mut ranges = Vec::new();
    for line in ask(machine, &segments)?.lines() {
        let (physical, extent, extent_size, length) = segment(line)?;
        let ask_start = format!("pvs --noheadings --units b --nosuffix -o pe_start {physical}");
        let data: u64 = ask(machine, &ask_start)?.trim().parse()?;
        let (start, _) = partition_range(machine, physical)?;
        ranges.push((start + data + extent * extent_size, length));
    }
    Ok(ranges)
}

/// `SIZE EXTENT_SIZE /dev/vda3(17)`, the last being the first extent there.
fn segment(line: &str) -> Result<(&str, u64, u64, u64)> {
    let [length, extent_size, place] = words(line)?;
    let (physical, extent) = place
        .strip_suffix(')')
        .and_then(|place| place.split_once('('))
        .with_context(|| format!("not a linear segment: {line:?}"))?;
    Ok((
        physical,
        extent.parse()?,
        extent_size.parse()?,
        length.parse()?,
    ))
}

/// The table is sound, PReP is the first partition, and all are as recorded.
/// The physical volume may be larger, on a larger disk.
pub fn partition_table(disk: &Disk, recorded: &[Stanza]) -> Result<()> {
    let (mut found, dump) = if disk.sector_bytes() == SECTOR {
        by_sfdisk(disk)?
    } else {
        by_fdisk(disk)?
    };
    found.sort_by_key(|partition| partition.start);
    ensure!(
        found.first().is_some_and(|first| first.kind == PREP),
        "the first partition is not PReP:\n{dump}"
    );
    let wanted: Vec<_> = recorded
        .iter()
        .filter(|s| s.name == "lx_partition_data")
        .collect();
    ensure!(
        found.len() == wanted.len(),
        "{} partitions are recorded:\n{dump}",
        wanted.len()
    );
    for stanza in wanted {
        let uuid = stanza.get("LX_PARTUUID").to_uppercase();
        let partition = found.iter().find(|partition| partition.uuid == uuid);
        let partition = partition.with_context(|| format!("no partition {uuid}:\n{dump}"))?;
        let size = stanza.number("LX_PART_SIZE")?;
        let grows = stanza.get("LX_PART_TYPE") == "lvm" && partition.size >= size;
        ensure!(
            partition.number == stanza.number("LX_PART_NUMBER")?
                && (partition.size == size || grows),
            "partition {uuid} has number {} and {} sectors, recorded is {stanza:?}",
            partition.number,
            partition.size
        );
    }
    Ok(())
}

/// Its partitions, from a table that sgdisk finds in order.
fn by_sfdisk(disk: &Disk) -> Result<(Vec<Partition>, String)> {
    let verify = Tool::new("sgdisk").arg("-v").arg(disk.path()).run()?.text();
    ensure!(
        verify.contains("No problems found"),
        "sgdisk -v says\n{verify}"
    );
    let dump = Tool::new("sfdisk").arg("-d").arg(disk.path()).run()?.text();
    let found = partitions(&dump).with_context(|| format!("sfdisk -d says\n{dump}"))?;
    Ok((found, dump))
}

/// The same of an image whose disk has other sectors: only fdisk can be told so.
fn by_fdisk(disk: &Disk) -> Result<(Vec<Partition>, String)> {
    let listed = Tool::new("fdisk")
        .arg("-b")
        .arg(disk.sector_bytes().to_string())
        .args(["-l", "-o", "Device,Start,Sectors,Type-UUID,UUID"])
        .arg(disk.path())
        .run()?;
    let complaint = String::from_utf8_lossy(&listed.stderr).trim().to_owned();
    ensure!(complaint.is_empty(), "fdisk complains: {complaint}");
    let list = listed.text();
    let each = disk.sector_bytes() / SECTOR;
    let found = fdisk_partitions(&list, each).with_context(|| format!("fdisk says\n{list}"))?;
    Ok((found, list))
}

/// The lines `DISK.imgN START SECTORS TYPE-UUID UUID`, `each` sectors of 512 bytes a sector.
fn fdisk_partitions(list: &str, each: u64) -> Option<Vec<Partition>> {
    let (_, table) = list.split_once("Type-UUID")?;
    let rows = table.lines().skip(1).filter(|line| !line.trim().is_empty());
    rows.map(|row| {
        let &[node, start, size, kind, uuid] =
            row.split_whitespace().collect::<Vec<_>>().as_slice()
        else {
            return None;
        };
        Some(Partition {
            number: number(node)?,
            start: start.parse::<u64>().ok()? * each,
            size: size.parse::<u64>().ok()? * each,
            kind: kind.to_uppercase(),
            uuid: uuid.to_uppercase(),
        })
    })
    .collect()
}

/// The digits at the end of a node's name.
fn number(node: &str) -> Option<u64> {
    let digits = node.len() - node.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    node[node.len() - digits..].parse().ok()
}

/// A partition in a dump of sfdisk; start and size in sectors of 512 bytes.
#[derive(Debug, PartialEq, Eq)]
struct Partition {
    number: u64,
    start: u64,
    size: u64,
    kind: String,
    uuid: String,
}

/// The lines `DISK.imgN : start= …, size= …, type=GUID, uuid=GUID, …`.
fn partitions(dump: &str) -> Option<Vec<Partition>> {
    let lines = dump.lines().filter(|line| line.contains(" : start="));
    lines
        .map(|line| {
            let (node, fields) = line.split_once(" : ")?;
            let field = |name: &str| {
                let mut pairs = fields
                    .split(',')
                    .filter_map(|pair| pair.trim().split_once('='));
                Some(pairs.find(|(key, _)| *key == name)?.1.trim())
            };
            Some(Partition {
                number: number(node)?,
                start: field("start")?.parse().ok()?,
                size: field("size")?.parse().ok()?,
                kind: field("type")?.to_uppercase(),
                uuid: field("uuid")?.to_uppercase(),
            })
        })
        .collect()
}

/// Every file system passes its own checker, untouched since the shutdown.
pub fn file_systems(lab: &Lab, disk: &Disk, volumes: &[Volume]) -> Result<()> {
    ensure!(!volumes.is_empty(), "the guest has no file systems");
    for volume in volumes {
        let copy = lab.path("volume.img");
        copy_out(disk.path(), &copy, &volume.ranges)?;
        let checker = match volume.kind.as_str() {
            "ext2" | "ext3" | "ext4" => Tool::new("e2fsck").arg("-fn"),
            "xfs" => Tool::new("xfs_repair").args(["-n", "-f"]),
            kind => bail!("no checker for {kind} on {}", volume.mount),
        };
        checker
            .arg(&copy)
            .run()
            .with_context(|| format!("{} is not sound", volume.mount))?;
        std::fs::remove_file(&copy)?;
    }
    Ok(())
}

/// Copies byte ranges of the image, one behind the other, holes kept.
fn copy_out(image: &Path, copy: &Path, ranges: &[(u64, u64)]) -> Result<()> {
    let mut written = 0;
    for (offset, length) in ranges {
        Tool::new("dd")
            .args([
                "bs=1M",
                "conv=sparse,notrunc",
                "iflag=skip_bytes,count_bytes",
                "oflag=seek_bytes",
            ])
            .arg(format!("if={}", image.display()))
            .arg(format!("of={}", copy.display()))
            .args([
                format!("skip={offset}"),
                format!("count={length}"),
                format!("seek={written}"),
            ])
            .run()?;
        written += length;
    }
    // dd leaves out a hole at the end.
    Tool::new("truncate")
        .args(["-s", &written.to_string()])
        .arg(copy)
        .run()?;
    Ok(())
}

/// A line of exactly so many words.
fn words<const N: usize>(line: &str) -> Result<[&str; N]> {
    let words: Vec<&str> = line.split_whitespace().collect();
    <[&str; N]>::try_from(words)
        .ok()
        .with_context(|| format!("not {N} words: {line:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_segment_is_understood_and_others_are_not() {
        assert_eq!(
            segment("  1073741824 4194304 /dev/vda3(17)").unwrap(),
            ("/dev/vda3", 17, 4_194_304, 1_073_741_824)
        );
        assert!(segment("1073741824 4194304 /dev/vda3(0),/dev/vdb1(0)").is_err());
        assert!(segment("1073741824 4194304").is_err());
    }

    #[test]
    fn partitions_are_read_from_a_dump() {
        let dump = "label: gpt\nunit: sectors\n\n\
            d/x.img1 : start=        2048, size=       16384, type=9e1a2d38-c612, uuid=AB-1, name=\"PReP\"\n\
            d/x.img12 : start=       18432, size=     1048576, type=0FC63DAF, uuid=ab-2\n";
        let found = partitions(dump).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].number, found[0].start, found[0].size),
            (1, 2048, 16384)
        );
        assert_eq!(
            (found[0].kind.as_str(), found[1].uuid.as_str()),
            ("9E1A2D38-C612", "AB-2")
        );
        assert_eq!(found[1].number, 12);
        assert_eq!(partitions("x.img1 : start=1, size=2\n"), None);
    }

    #[test]
    fn partitions_are_read_from_a_list_in_sectors_of_other_sizes() {
        let list = "Disk x.img: 4 GiB\n\nDevice   Start Sectors Type-UUID     UUID\n\
            /d/x.img1   256    2048 9e1a2d38-c612 ab-1\n/d/x.img2  2304   98304 0FC63DAF-8483 AB-2\n";
        let found = fdisk_partitions(list, 8).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[1].number, found[1].start, found[1].size),
            (2, 18432, 786_432)
        );
        assert_eq!(found[0].kind, "9E1A2D38-C612");
        assert_eq!(fdisk_partitions("Device Type-UUID\nx.img1 2\n", 8), None);
    }

    #[test]
    fn ranges_are_copied_one_behind_the_other_with_their_holes() {
        let dir = tempfile::tempdir().unwrap();
        let (image, copy) = (dir.path().join("image"), dir.path().join("copy"));
        std::fs::write(&image, b"..abc..defg\0\0\0\0..").unwrap();
        copy_out(&image, &copy, &[(7, 8), (2, 3)]).unwrap();
        assert_eq!(std::fs::read(&copy).unwrap(), b"defg\0\0\0\0abc");
    }
}
