//! Which physical partitions a logical volume has.

use std::collections::BTreeSet;

use super::Map;
use super::facts::Facts;
use super::lvm::{Range, Segment, Volume};

/// How deep the hidden parts of a logical volume may be nested.
const DEPTH: usize = 6;

/// Where the map files are, on the source and in the backup.
pub const DIRECTORY: &str = "/var/lib/lifeboat/maps";

/// The map of a logical volume; `None` if its kind has none that AIX could read
/// (thin volumes, parity).
pub(super) fn map(facts: &Facts<'_>, volume: &Volume) -> Option<Map> {
    let copies = copies(facts, volume, DEPTH)?;
    let line = |(device, extent): (&str, u64)| {
        // AIX counts from 1.
        format!("{}:{}", name(facts, device), extent + 1)
    };
    let lines: Vec<String> = copies.into_iter().flatten().map(line).collect();
    (!lines.is_empty()).then(|| Map {
        file: format!("{DIRECTORY}/{}.{}.map", volume.group, volume.name),
        group: volume.group.clone(),
        volume: volume.name.clone(),
        lines,
    })
}

/// The device and extent that a logical volume begins at.
pub(super) fn first(facts: &Facts<'_>, volume: &Volume) -> Option<(String, u64)> {
    let segment = volume.segments.first()?;
    let range = segment.ranges.first()?;
    let (device, extent) = extent(facts, &volume.group, range, 0, DEPTH)?;
    Some((device.to_owned(), extent))
}

/// The disks that a logical volume lies on, by their names in image.data.
pub(super) fn disks(facts: &Facts<'_>, volume: &Volume) -> Vec<String> {
    let mut devices = BTreeSet::new();
    devices_of(facts, volume, &mut devices, DEPTH);
    let mut found = BTreeSet::new();
    for device in devices {
        if let Some(block) = facts.blocks.at(facts.host, &device) {
            found.extend(facts.disks_under(block));
        }
    }
    let known = facts.disks.iter().filter(|disk| found.contains(&disk.name));
    known.map(|disk| disk.hdisk.clone()).collect()
}

fn devices_of(facts: &Facts<'_>, volume: &Volume, found: &mut BTreeSet<String>, depth: usize) {
    let ranges = volume.segments.iter().flat_map(|segment| &segment.ranges);
    let names: BTreeSet<&String> = ranges.map(|range| &range.on).chain(&volume.pool).collect();
    for name in names {
        match facts.lvm.volume(&volume.group, name) {
            Some(part) if depth > 0 => devices_of(facts, part, found, depth - 1),
            Some(_) => {}
            None => {
                found.insert(name.clone());
            }
        }
    }
}

/// The disk of a physical volume; of one on several disks, how the model names it.
fn name(facts: &Facts<'_>, device: &str) -> String {
    let block = facts.blocks.at(facts.host, device);
    let disks: Vec<String> = block
        .map(|block| facts.disks_under(block).into_iter().collect())
        .unwrap_or_default();
    let hdisk = match disks.as_slice() {
        [disk] => facts.hdisk(disk).map(str::to_owned),
        _ => block
            .and_then(|block| facts.place(block))
            .map(|place| place.to_string()),
    };
    hdisk.unwrap_or_else(|| device.to_owned())
}

/// Copy after copy, the device and number of each extent.
type Copies<'a> = Vec<Vec<(&'a str, u64)>>;

fn copies<'a>(facts: &'a Facts<'_>, volume: &'a Volume, depth: usize) -> Option<Copies<'a>> {
    let mut copies: Copies<'a> = Vec::new();
    for segment in &volume.segments {
        let found = segment_copies(facts, &volume.group, segment, depth)?;
        copies.resize(copies.len().max(found.len()), Vec::new());
        for (copy, more) in copies.iter_mut().zip(found) {
            copy.extend(more);
        }
    }
    Some(copies)
}

fn segment_copies<'a>(
    facts: &'a Facts<'_>,
    group: &str,
    segment: &'a Segment,
    depth: usize,
) -> Option<Copies<'a>> {
    let at = |range: &'a Range, index: u64| extent(facts, group, range, index, depth);
    let count = segment.ranges.len() as u64;
    match segment.kind.as_str() {
        "raid1" | "mirror" => segment
            .ranges
            .iter()
            .map(|range| (0..segment.extents).map(|index| at(range, index)).collect())
            .collect(),
        // Stripes take extents in turns.
        "linear" | "striped" | "thin-pool" if count > 0 => {
            let all = (0..segment.extents).map(|index| {
                let range = usize::try_from(index % count).ok()?;
                at(&segment.ranges[range], index / count)
            });
            Some(vec![all.collect::<Option<_>>()?])
        }
        _ => None,
    }
}

/// The extent of a range, followed down to the physical volume.
fn extent<'a>(
    facts: &'a Facts<'_>,
    group: &str,
    range: &'a Range,
    index: u64,
    depth: usize,
) -> Option<(&'a str, u64)> {
    let extent = range.first + index;
    if extent > range.last {
        return None;
    }
    let Some(part) = facts.lvm.volume(group, &range.on) else {
        return Some((&range.on, extent));
    };
    if depth == 0 {
        return None;
    }
    let inside =
        |segment: &&Segment| (segment.start..segment.start + segment.extents).contains(&extent);
    let segment = part.segments.iter().find(inside)?;
    let index = extent - segment.start;
    let count = match segment.kind.as_str() {
        "linear" | "striped" => segment.ranges.len() as u64,
        // Of copies inside, the first.
        "raid1" | "mirror" => 1,
        _ => return None,
    };
    let turn = usize::try_from(index.checked_rem(count)?).ok()?;
    let range = segment.ranges.get(turn)?;
    self::extent(facts, group, range, index / count, depth - 1)
}
