//! What LVM says of volumes and groups.

use lifeboat_sys::run::{RunError, Tool};
use serde::Deserialize;

use super::SnapshotError;

/// A volume group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub name: String,
    /// `wz--n-`: see vgs(8).
    pub attributes: String,
    /// Bytes of an extent.
    pub extent: u64,
    /// Extents that no volume has.
    pub free: u64,
}

/// A logical volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Volume {
    pub group: String,
    pub name: String,
    /// `swi-a-s---`: see lvs(8).
    pub attributes: String,
    /// Bytes.
    pub size: u64,
    /// The volume that it is a snapshot of.
    pub origin: Option<String>,
    /// The thin pool that it lies in.
    pub pool: Option<String>,
    /// Of a snapshot or pool, the percentage that is taken, rounded down.
    pub filled: Option<u32>,
    /// The same of a pool's metadata.
    pub metadata_filled: Option<u32>,
    pub tags: Vec<String>,
}

impl Volume {
    /// The fifth letter is `I` or `S` of a snapshot that has overflowed.
    pub fn is_invalid(&self) -> bool {
        matches!(self.attributes.as_bytes().get(4), Some(b'I' | b'S'))
    }
}

#[derive(Deserialize)]
struct Report {
    report: Vec<Section>,
}

#[derive(Deserialize)]
struct Section {
    #[serde(default)]
    vg: Vec<GroupRow>,
    #[serde(default)]
    lv: Vec<VolumeRow>,
}

#[derive(Deserialize)]
struct GroupRow {
    vg_name: String,
    vg_attr: String,
    vg_extent_size: String,
    vg_free_count: String,
}

#[derive(Deserialize)]
struct VolumeRow {
    vg_name: String,
    lv_name: String,
    lv_attr: String,
    lv_size: String,
    origin: String,
    pool_lv: String,
    data_percent: String,
    metadata_percent: String,
    lv_tags: String,
}

const GROUP_COLUMNS: &str = "vg_name,vg_attr,vg_extent_size,vg_free_count";
const VOLUME_COLUMNS: &str =
    "vg_name,lv_name,lv_attr,lv_size,origin,pool_lv,data_percent,metadata_percent,lv_tags";

/// A command of LVM with the configuration of the system.
pub(super) fn lvm(command: &str) -> Tool {
    Tool::new("lvm")
        // It complains of every descriptor it inherits.
        .env("LVM_SUPPRESS_FD_WARNINGS", "1")
        .arg(command)
}

/// The volume groups.
pub(super) fn groups() -> Result<Vec<Group>, SnapshotError> {
    let text = ask("vgs", GROUP_COLUMNS)?;
    parse(&text).map(|(groups, _)| groups)
}

/// The logical volumes of all groups.
pub(super) fn volumes() -> Result<Vec<Volume>, SnapshotError> {
    let text = ask("lvs", VOLUME_COLUMNS)?;
    parse(&text).map(|(_, volumes)| volumes)
}

fn ask(command: &str, columns: &str) -> Result<String, SnapshotError> {
    let form = ["--reportformat", "json", "--units", "b", "--nosuffix", "-o"];
    let output: Result<_, RunError> = lvm(command).args(form).arg(columns).run();
    Ok(output.map_err(SnapshotError::Lvm)?.text())
}

fn parse(json: &str) -> Result<(Vec<Group>, Vec<Volume>), SnapshotError> {
    let report: Report = serde_json::from_str(json).map_err(SnapshotError::Report)?;
    let (mut groups, mut volumes) = (Vec::new(), Vec::new());
    for section in report.report {
        groups.extend(section.vg.into_iter().map(GroupRow::group));
        volumes.extend(section.lv.into_iter().map(VolumeRow::volume));
    }
    Ok((groups, volumes))
}

impl GroupRow {
    fn group(self) -> Group {
        Group {
            name: self.vg_name,
            attributes: self.vg_attr,
            extent: self.vg_extent_size.parse().unwrap_or(0),
            free: self.vg_free_count.parse().unwrap_or(0),
        }
    }
}

impl VolumeRow {
    fn volume(self) -> Volume {
        let name = |text: String| (!text.is_empty()).then_some(text);
        // "12.34", or nothing for what has no such number.
        let percent = |text: &str| text.split('.').next().and_then(|whole| whole.parse().ok());
        Volume {
            group: self.vg_name,
            name: self.lv_name,
            attributes: self.lv_attr,
            size: self.lv_size.parse().unwrap_or(0),
            origin: name(self.origin),
            pool: name(self.pool_lv),
            filled: percent(&self.data_percent),
            metadata_filled: percent(&self.metadata_percent),
            tags: self
                .lv_tags
                .split(',')
                .filter_map(|tag| name(tag.to_owned()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As printed by LVM 2.03.31.
    const VOLUMES: &str = r#"  {
      "report": [
          {
              "lv": [
                  {"vg_name":"rootvg", "lv_name":"hd4", "lv_attr":"owi-aos---", "lv_size":"2147483648", "origin":"", "pool_lv":"", "data_percent":"", "metadata_percent":"", "lv_tags":""},
                  {"vg_name":"rootvg", "lv_name":"lifeboat_snap_0", "lv_attr":"swi-Ios---", "lv_size":"2147483648", "origin":"hd4", "pool_lv":"", "data_percent":"100.00", "metadata_percent":"", "lv_tags":"lifeboat_snapshot,x"},
                  {"vg_name":"rootvg", "lv_name":"pool", "lv_attr":"twi-aotz--", "lv_size":"1073741824", "origin":"", "pool_lv":"", "data_percent":"7.81", "metadata_percent":"10.99", "lv_tags":""},
                  {"vg_name":"rootvg", "lv_name":"home", "lv_attr":"Vwi-aotz--", "lv_size":"1073741824", "origin":"", "pool_lv":"pool", "data_percent":"7.81", "metadata_percent":"", "lv_tags":""}
              ]
          }
      ]
      ,
      "log": []
  }"#;

    #[test]
    fn volumes_are_read() {
        let (groups, volumes) = parse(VOLUMES).unwrap();
        assert!(groups.is_empty());
        let [hd4, snapshot, pool, home] = volumes.as_slice() else {
            panic!("{volumes:?}");
        };
        assert_eq!(
            (hd4.size, hd4.filled, hd4.is_invalid()),
            (2 << 30, None, false)
        );
        assert_eq!(snapshot.origin.as_deref(), Some("hd4"));
        assert_eq!((snapshot.filled, snapshot.is_invalid()), (Some(100), true));
        assert_eq!(snapshot.tags, ["lifeboat_snapshot", "x"]);
        assert_eq!((pool.filled, pool.metadata_filled), (Some(7), Some(10)));
        assert_eq!(home.pool.as_deref(), Some("pool"));
    }

    #[test]
    fn groups_are_read() {
        let text = r#"{"report":[{"vg":[{"vg_name":"rootvg","vg_attr":"wz--n-","vg_extent_size":"4194304","vg_free_count":"400"}]}]}"#;
        let (groups, _) = parse(text).unwrap();
        let expected = Group {
            name: "rootvg".to_owned(),
            attributes: "wz--n-".to_owned(),
            extent: 4 << 20,
            free: 400,
        };
        assert_eq!(groups, [expected]);
        assert!(
            parse("no report")
                .unwrap_err()
                .to_string()
                .starts_with("0590-362")
        );
    }
}
