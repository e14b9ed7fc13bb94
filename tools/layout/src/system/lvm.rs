//! What LVM says of its groups, physical and logical volumes.

use std::collections::HashMap;

use serde::Deserialize;

use super::error::SystemError;
use super::host::Host;
use crate::model::VolumeKind;

/// The columns of the reports, each from one command.
const GROUPS: &str = "vg_name,vg_uuid,vg_extent_size,vg_missing_pv_count";
const PHYSICAL: &str = "pv_name,pv_uuid,vg_name,pe_start";
const SEGMENTS: &str = "vg_name,lv_name,lv_uuid,lv_role,lv_permissions,lv_active,origin,pool_lv,\
                        segtype,stripes,stripe_size,chunk_size,lv_metadata_size,\
                        seg_start_pe,seg_size_pe,seg_pe_ranges";

/// A row of a report: all values are text, blank where there is none.
type Row = HashMap<String, String>;

#[derive(Deserialize)]
struct Report {
    report: Vec<HashMap<String, Vec<Row>>>,
}

/// Everything that LVM has.
#[derive(Debug, Clone, Default)]
pub(super) struct Lvm {
    pub(super) groups: Vec<Group>,
    pub(super) physical: Vec<Physical>,
    pub(super) volumes: Vec<Volume>,
}

/// A volume group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) uuid: String,
    /// Bytes.
    pub(super) extent: u64,
    /// Physical volumes that are not there.
    pub(super) missing: u64,
}

/// A physical volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Physical {
    pub(super) device: String,
    pub(super) uuid: String,
    pub(super) group: Option<String>,
}

/// A logical volume, hidden ones too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Volume {
    pub(super) group: String,
    pub(super) name: String,
    /// Only a part of another one.
    pub(super) hidden: bool,
    pub(super) uuid: String,
    pub(super) read_only: bool,
    pub(super) active: bool,
    /// Of a snapshot, what it was taken of.
    pub(super) snapshot_of: Option<String>,
    pub(super) pool: Option<String>,
    /// Bytes of a chunk, of thin pools.
    pub(super) chunk: u64,
    /// Bytes of the metadata, of thin pools.
    pub(super) metadata: u64,
    pub(super) segments: Vec<Segment>,
}

/// Extents of a logical volume that are arranged in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) kind: String,
    /// Ranges that it takes in turns, or that are copies of each other.
    pub(super) stripes: u32,
    /// Bytes.
    pub(super) stripe_size: u64,
    pub(super) start: u64,
    pub(super) extents: u64,
    pub(super) ranges: Vec<Range>,
}

/// Extents of a physical volume or of a hidden logical volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    /// `/dev/vda3`, or the name of a logical volume.
    pub(super) on: String,
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Lvm {
    /// Asks LVM, in the system's own configuration.
    pub(super) fn ask(host: &dyn Host) -> Result<Self, SystemError> {
        let ask = |command: &str, columns: &str, all: bool| {
            let format = ["--reportformat", "json", "--units", "b", "--nosuffix"];
            let mut arguments = vec![command];
            arguments.extend(all.then_some("-a"));
            arguments.extend(format);
            arguments.extend(["-o", columns]);
            host.run("lvm", &arguments).map_err(SystemError::Lvm)
        };
        let report = |text: &str| rows(text).map_err(SystemError::LvmReport);
        let groups = report(&ask("vgs", GROUPS, false)?)?;
        let physical = report(&ask("pvs", PHYSICAL, false)?)?;
        let segments = report(&ask("lvs", SEGMENTS, true)?)?;
        Ok(Self {
            groups: groups.iter().map(group).collect(),
            physical: physical.iter().map(physical_volume).collect(),
            volumes: volumes(&segments),
        })
    }

    pub(super) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    pub(super) fn volume(&self, group: &str, name: &str) -> Option<&Volume> {
        let is = |volume: &&Volume| volume.group == group && volume.name == name;
        self.volumes.iter().find(is)
    }

    /// The volume behind the part of a device-mapper UUID that follows `LVM-`:
    /// the UUIDs of group and volume, without dashes.
    pub(super) fn by_mapper(&self, uuid: &str) -> Option<&Volume> {
        let plain = |uuid: &str| uuid.replace('-', "");
        self.volumes.iter().find(|volume| {
            let group = self.group(&volume.group);
            let group = group.map(|group| plain(&group.uuid)).unwrap_or_default();
            !group.is_empty() && uuid == format!("{group}{}", plain(&volume.uuid))
        })
    }
}

/// Reads a report of LVM, whatever it calls its section.
fn rows(json: &str) -> Result<Vec<Row>, serde_json::Error> {
    let report: Report = serde_json::from_str(json)?;
    let sections = report.report.into_iter().flatten();
    Ok(sections.flat_map(|(_, rows)| rows).collect())
}

fn text(row: &Row, column: &str) -> String {
    row.get(column).cloned().unwrap_or_default()
}

fn given(row: &Row, column: &str) -> Option<String> {
    row.get(column).filter(|value| !value.is_empty()).cloned()
}

fn number(row: &Row, column: &str) -> u64 {
    row.get(column)
        .and_then(|value| value.parse().ok())
        .unwrap_or(0)
}

fn group(row: &Row) -> Group {
    Group {
        name: text(row, "vg_name"),
        uuid: text(row, "vg_uuid"),
        extent: number(row, "vg_extent_size"),
        missing: number(row, "vg_missing_pv_count"),
    }
}

fn physical_volume(row: &Row) -> Physical {
    Physical {
        device: text(row, "pv_name"),
        uuid: text(row, "pv_uuid"),
        group: given(row, "vg_name"),
    }
}

/// LVM shows the names of hidden volumes in brackets.
fn plain_name(name: &str) -> String {
    name.trim_matches(['[', ']']).to_owned()
}

/// A row is a segment; its volume is repeated in each.
fn volumes(rows: &[Row]) -> Vec<Volume> {
    let mut volumes: Vec<Volume> = Vec::new();
    for row in rows {
        let name = text(row, "lv_name");
        let hidden = name.starts_with('[');
        let name = plain_name(&name);
        let group = text(row, "vg_name");
        let known = volumes
            .iter()
            .position(|v| v.group == group && v.name == name);
        let at = known.unwrap_or(volumes.len());
        if known.is_none() {
            volumes.push(Volume {
                group,
                name,
                hidden,
                uuid: text(row, "lv_uuid"),
                read_only: text(row, "lv_permissions") == "read-only",
                active: text(row, "lv_active") == "active",
                snapshot_of: given(row, "origin")
                    .filter(|_| text(row, "lv_role").contains("snapshot"))
                    .map(|name| plain_name(&name)),
                pool: given(row, "pool_lv").map(|name| plain_name(&name)),
                chunk: number(row, "chunk_size"),
                metadata: number(row, "lv_metadata_size"),
                segments: Vec::new(),
            });
        }
        volumes[at].segments.push(segment(row));
    }
    for volume in &mut volumes {
        volume.segments.sort_by_key(|segment| segment.start);
    }
    volumes
}

fn segment(row: &Row) -> Segment {
    Segment {
        kind: text(row, "segtype"),
        stripes: u32::try_from(number(row, "stripes")).unwrap_or(1),
        stripe_size: number(row, "stripe_size"),
        start: number(row, "seg_start_pe"),
        extents: number(row, "seg_size_pe"),
        ranges: text(row, "seg_pe_ranges")
            .split_whitespace()
            .filter_map(range)
            .collect(),
    }
}

/// `/dev/vda3:0-319`.
fn range(text: &str) -> Option<Range> {
    let (on, extents) = text.rsplit_once(':')?;
    let (first, last) = extents.split_once('-')?;
    Some(Range {
        on: plain_name(on),
        first: first.parse().ok()?,
        last: last.parse().ok()?,
    })
}

impl Volume {
    pub(super) fn extents(&self) -> u64 {
        self.segments.iter().map(|segment| segment.extents).sum()
    }

    pub(super) fn kind(&self) -> VolumeKind {
        let mut kinds: Vec<&str> = self.segments.iter().map(|s| s.kind.as_str()).collect();
        kinds.dedup();
        let Some(first) = self.segments.first() else {
            return VolumeKind::Linear;
        };
        let alike = self
            .segments
            .iter()
            .all(|s| (s.stripes, s.stripe_size) == (first.stripes, first.stripe_size));
        match (kinds.as_slice(), &self.pool) {
            (["linear"], _) => VolumeKind::Linear,
            (["striped"], _) if alike && first.stripes > 1 => VolumeKind::Striped {
                stripes: first.stripes,
                size: first.stripe_size,
            },
            (["raid1" | "mirror"], _) if alike => VolumeKind::Mirrored {
                segment: first.kind.clone(),
                copies: first.stripes,
            },
            (["thin-pool"], _) => VolumeKind::ThinPool {
                chunk: self.chunk,
                metadata: self.metadata,
            },
            (["thin"], Some(pool)) => VolumeKind::Thin { pool: pool.clone() },
            _ => VolumeKind::Other {
                segment: kinds.join(","),
                // LVM's raid10 has two copies of everything.
                copies: if kinds == ["raid10"] { 2 } else { 1 },
                stripes: if kinds == ["raid10"] {
                    first.stripes / 2
                } else {
                    first.stripes
                }
                .max(1),
                size: first.stripe_size,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(rows: &str) -> Volume {
        let json = format!("{{\"report\": [{{\"lv\": [{rows}]}}]}}");
        volumes(&super::rows(&json).unwrap()).remove(0)
    }

    #[test]
    fn segments_make_a_volume() {
        let volume = volume(
            r#"{"vg_name":"vg", "lv_name":"a", "lv_uuid":"u", "segtype":"linear", "stripes":"1", "seg_start_pe":"3", "seg_size_pe":"2", "seg_pe_ranges":"/dev/vdc:0-1"},
               {"vg_name":"vg", "lv_name":"a", "lv_uuid":"u", "segtype":"linear", "stripes":"1", "seg_start_pe":"0", "seg_size_pe":"3", "seg_pe_ranges":"/dev/vdb:5-7"}"#,
        );
        assert_eq!((volume.extents(), volume.kind()), (5, VolumeKind::Linear));
        assert_eq!(volume.segments[0].ranges[0].on, "/dev/vdb");
    }

    #[test]
    fn kinds_are_told() {
        let kind = |segtype: &str, stripes: u32, more: &str| {
            volume(&format!(
                r#"{{"vg_name":"vg", "lv_name":"a", "segtype":"{segtype}", "stripes":"{stripes}", "stripe_size":"65536", "seg_size_pe":"4"{more}}}"#
            ))
            .kind()
        };
        let striped = VolumeKind::Striped {
            stripes: 2,
            size: 65536,
        };
        assert_eq!(kind("striped", 2, ""), striped);
        let mirrored = |segment: &str| VolumeKind::Mirrored {
            segment: segment.to_owned(),
            copies: 2,
        };
        assert_eq!(kind("raid1", 2, ""), mirrored("raid1"));
        assert_eq!(kind("mirror", 2, ""), mirrored("mirror"));
        let thin = kind("thin", 0, r#", "pool_lv":"pool""#);
        assert!(matches!(thin, VolumeKind::Thin { pool } if pool == "pool"));
        let pool = kind(
            "thin-pool",
            1,
            r#", "chunk_size":"65536", "lv_metadata_size":"4194304""#,
        );
        let wanted = VolumeKind::ThinPool {
            chunk: 65536,
            metadata: 4 << 20,
        };
        assert_eq!(pool, wanted);
        let raid10 = kind("raid10", 4, "");
        assert!(matches!(
            raid10,
            VolumeKind::Other {
                copies: 2,
                stripes: 2,
                ..
            }
        ));
        let raid5 = kind("raid5", 3, "");
        assert!(
            matches!(raid5, VolumeKind::Other { segment, copies: 1, .. } if segment == "raid5")
        );
    }

    #[test]
    fn a_range_names_its_device() {
        let wanted = Range {
            on: "/dev/disk/by-id/a:b".to_owned(),
            first: 4,
            last: 9,
        };
        assert_eq!(range("/dev/disk/by-id/a:b:4-9"), Some(wanted));
        assert_eq!(range("nonsense"), None);
    }
}
