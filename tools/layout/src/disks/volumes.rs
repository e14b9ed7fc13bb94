//! The logical volumes on the disks, switched on or not. What lies on one is read from
//! the physical volumes below it, so that nothing has to be switched on.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::DiskError;
use crate::report::{Row, rows, text};
use crate::signature::{HEAD, identify};

/// How deep volumes lie in volumes: a mirror's half in a mirror.
const DEPTH: usize = 4;

/// A logical volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherVolume {
    /// Its volume group.
    pub group: String,
    /// UUID of that group, in LVM's form.
    pub group_uuid: String,
    /// Its name.
    pub name: String,
    /// UUID of what lies on it, where it has one that can be read: the first extent must
    /// be on a disk as it is, which that of a thin volume is not.
    pub uuid: Option<String>,
}

/// Every logical volume that LVM sees on the disks.
///
/// # Errors
/// [`DiskError`] when LVM cannot say.
pub fn volumes() -> Result<Vec<OtherVolume>, DiskError> {
    let segments = "vg_name,vg_uuid,vg_extent_size,lv_name,seg_start_pe,seg_pe_ranges";
    let segments = rows("lvs", segments, &["-a"])?;
    let starts = rows("pvs", "pv_name,pe_start", &[])?;
    let mut found = Vec::new();
    for row in segments.iter().filter(|row| is_first(row)) {
        if text(row, "lv_name").starts_with('[') {
            continue;
        }
        let place = first_byte(row, &segments, &starts, DEPTH);
        found.push(OtherVolume {
            group: text(row, "vg_name").to_owned(),
            group_uuid: text(row, "vg_uuid").to_owned(),
            name: text(row, "lv_name").to_owned(),
            uuid: place.and_then(|(device, offset)| uuid_at(&device, offset)),
        });
    }
    Ok(found)
}

fn is_first(row: &Row) -> bool {
    ["", "0"].contains(&text(row, "seg_start_pe"))
}

/// The device and the offset of a volume's first byte: its first extent, or that of the
/// volume below it.
fn first_byte(row: &Row, segments: &[Row], starts: &[Row], depth: usize) -> Option<(String, u64)> {
    let range = text(row, "seg_pe_ranges").split_whitespace().next()?;
    let (on, extents) = range.rsplit_once(':')?;
    let first: u64 = extents.split('-').next()?.parse().ok()?;
    if on.starts_with('/') {
        let device = starts.iter().find(|start| text(start, "pv_name") == on)?;
        let start: u64 = text(device, "pe_start").parse().ok()?;
        let extent: u64 = text(row, "vg_extent_size").parse().ok()?;
        let offset = start.checked_add(first.checked_mul(extent)?)?;
        return Some((on.to_owned(), offset));
    }
    let below = segments.iter().find(|below| {
        is_first(below)
            && text(below, "vg_name") == text(row, "vg_name")
            && text(below, "lv_name").trim_matches(['[', ']']) == on
    })?;
    // Only a beginning that begins there is the same one.
    (depth > 0 && first == 0)
        .then(|| first_byte(below, segments, starts, depth - 1))
        .flatten()
}

fn uuid_at(device: &str, offset: u64) -> Option<String> {
    let mut head = vec![0; HEAD];
    File::open(device)
        .ok()?
        .read_exact_at(&mut head, offset)
        .ok()?;
    identify(&head, &[]).uuid
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::parse;

    /// As printed by LVM 2.03.31, shortened.
    const SEGMENTS: &str = r#"{"report":[{"seg":[
      {"vg_name":"datavg","vg_extent_size":"4194304","lv_name":"plain","seg_start_pe":"0","seg_pe_ranges":"/dev/vdb:16-255"},
      {"vg_name":"datavg","vg_extent_size":"4194304","lv_name":"plain","seg_start_pe":"240","seg_pe_ranges":"/dev/vdc:0-9"},
      {"vg_name":"datavg","vg_extent_size":"4194304","lv_name":"mirror","seg_start_pe":"0","seg_pe_ranges":"mirror_rimage_0:0-99 mirror_rimage_1:0-99"},
      {"vg_name":"datavg","vg_extent_size":"4194304","lv_name":"[mirror_rimage_0]","seg_start_pe":"0","seg_pe_ranges":"/dev/vdc:100-199"},
      {"vg_name":"datavg","vg_extent_size":"4194304","lv_name":"thin","seg_start_pe":"0","seg_pe_ranges":""}
    ]}]}"#;
    const STARTS: &str = r#"{"report":[{"pv":[
      {"pv_name":"/dev/vdb","pe_start":"1048576"},{"pv_name":"/dev/vdc","pe_start":"1048576"}]}]}"#;

    #[test]
    fn the_first_byte_of_a_volume_is_found() {
        let (segments, starts) = (parse(SEGMENTS).unwrap(), parse(STARTS).unwrap());
        let of = |name: &str| {
            let row = segments.iter().find(|row| text(row, "lv_name") == name)?;
            first_byte(row, &segments, &starts, DEPTH)
        };
        let extent = 4 << 20;
        assert_eq!(
            of("plain"),
            Some(("/dev/vdb".into(), (1 << 20) + 16 * extent))
        );
        assert_eq!(
            of("mirror"),
            Some(("/dev/vdc".into(), (1 << 20) + 100 * extent))
        );
        assert_eq!(of("thin"), None);
        assert_eq!(segments.iter().filter(|row| is_first(row)).count(), 4);
    }
}
