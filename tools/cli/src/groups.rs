//! Volume groups as LVM reports them, in AIX's words: for `lspv`, `lsvg` and `lslv`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use lifeboat_layout::disks::{self, PhysicalVolume};
use lifeboat_layout::report::{Row, number, rows, text};
use lifeboat_sys::fs::read_to_string;
use serde::Serialize;

const MIB: u64 = 1 << 20;

/// A physical volume, or a disk that is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Physical {
    /// `hdisk0`; the kernel's name for what is no disk, as an array.
    pub name: String,
    /// The device: `/dev/sda3`; the disk itself if it is no physical volume.
    pub device: String,
    /// LVM's UUID.
    pub pvid: Option<String>,
    /// The volume group.
    pub group: Option<String>,
    /// The group is in use.
    pub active: bool,
}

/// What LVM has, as far as it is asked.
pub struct Groups {
    /// Rows of `vgs`.
    pub groups: Vec<Row>,
    /// Rows of `lvs`, hidden ones too.
    volumes: Vec<Row>,
}

impl Groups {
    /// Asks LVM.
    pub fn read() -> Result<Self> {
        let groups = "vg_name,vg_uuid,vg_permissions,vg_extent_size,vg_extent_count,\
                      vg_free_count,lv_count,pv_count,vg_missing_pv_count";
        let volumes = "vg_name,lv_name,lv_uuid,lv_size,vg_extent_size,lv_active,lv_device_open,\
                       lv_dm_path,lv_permissions,data_copies,devices";
        Ok(Self {
            groups: rows("vgs", groups, &[])?,
            volumes: rows("lvs", volumes, &["-a"])?,
        })
    }

    /// The volumes of a group, each once and none of those inside others.
    pub fn volumes(&self, group: &str) -> Vec<&Row> {
        let mut seen = BTreeSet::new();
        let all = self
            .volumes
            .iter()
            .filter(|row| text(row, "vg_name") == group);
        all.filter(|row| !text(row, "lv_name").starts_with('['))
            .filter(|row| seen.insert(text(row, "lv_name").to_owned()))
            .collect()
    }

    /// Whether a group is in use: one of its volumes is active.
    pub fn is_active(&self, group: &str) -> bool {
        let mut volumes = self.volumes(group).into_iter();
        volumes.any(|row| text(row, "lv_active") == "active")
    }

    /// The row of a group.
    pub fn group(&self, name: &str) -> Result<&Row> {
        let Some(row) = self.groups.iter().find(|row| text(row, "vg_name") == name) else {
            bail!("0590-428 There is no volume group {name}");
        };
        Ok(row)
    }

    /// On how many physical volumes a logical volume lies.
    pub fn spread(&self, volume: &Row) -> usize {
        let (group, name) = (text(volume, "vg_name"), text(volume, "lv_name"));
        let inside = format!("[{name}_");
        let parts = self.volumes.iter().filter(|row| {
            let part = text(row, "lv_name");
            text(row, "vg_name") == group && (part == name || part.starts_with(&inside))
        });
        let devices = parts.flat_map(|row| text(row, "devices").split(','));
        let devices = devices.filter(|device| device.starts_with('/'));
        let name = |device: &str| device.split('(').next().map(str::to_owned);
        devices.filter_map(name).collect::<BTreeSet<_>>().len()
    }
}

/// Disks and physical volumes, disks first.
pub fn physical(groups: &Groups) -> Result<Vec<Physical>> {
    let inventory = disks::inventory()?;
    let of = |name: &str, volume: &PhysicalVolume| {
        let group = volume.group.as_ref().map(|group| group.name.clone());
        Physical {
            name: name.to_owned(),
            device: volume.device.clone(),
            pvid: Some(volume.uuid.clone()),
            active: group.as_ref().is_some_and(|group| groups.is_active(group)),
            group,
        }
    };
    let mut all = Vec::new();
    for disk in &inventory.disks {
        all.extend(disk.physical_volumes.iter().map(|pv| of(&disk.hdisk, pv)));
        if disk.physical_volumes.is_empty() {
            all.push(Physical {
                name: disk.hdisk.clone(),
                device: format!("/dev/{}", disk.name),
                pvid: None,
                group: None,
                active: false,
            });
        }
    }
    let plain = |device: &str| device.trim_start_matches("/dev/").to_owned();
    let elsewhere = inventory.elsewhere.iter();
    all.extend(elsewhere.map(|pv| of(&plain(&pv.device), pv)));
    Ok(all)
}

/// What a logical volume is used for: its kind and its mount point.
pub fn usage(volume: &Row) -> (String, String) {
    let none = || "N/A".to_owned();
    let device = text(volume, "lv_dm_path");
    let list = |path| read_to_string(path).unwrap_or_default();
    let mounts = list("/proc/self/mounts");
    let mut mounts = mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    if let Some(mount) = mounts.find(|mount| mount.first() == Some(&device)) {
        let word = |at: usize| mount.get(at).map_or_else(none, ToString::to_string);
        return (word(2), word(1));
    }
    // Swap spaces stand there by the kernel's name.
    let real = std::fs::canonicalize(device).unwrap_or_default();
    let swaps = list("/proc/swaps");
    let mut swaps = swaps
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    if swaps.any(|swap| real == std::path::Path::new(swap)) {
        return ("paging".to_owned(), none());
    }
    (none(), none())
}

/// `opened/syncd` and the like.
pub fn state(volume: &Row) -> &'static str {
    if text(volume, "lv_device_open") == "open" {
        "open/syncd"
    } else {
        "closed/syncd"
    }
}

/// Logical and physical partitions of a volume.
pub fn partitions(volume: &Row) -> (u64, u64) {
    let extent = number(volume, "vg_extent_size").max(1);
    let logical = number(volume, "lv_size").div_ceil(extent);
    (logical, logical * number(volume, "data_copies").max(1))
}

/// `4 megabyte(s)`.
pub fn extent(row: &Row) -> String {
    format!("{} megabyte(s)", number(row, "vg_extent_size") / MIB)
}

/// `925 (3700 megabytes)`.
pub fn amount(row: &Row, count: u64) -> String {
    let size = count * number(row, "vg_extent_size") / MIB;
    format!("{count} ({size} megabytes)")
}

/// Names and values in two columns, as AIX prints them; long values get a line.
pub fn pairs(list: &[(&str, String)]) -> String {
    let pair = |(name, value): &(&str, String)| format!("{:<19} {value}", format!("{name}:"));
    let mut text = String::new();
    let mut left: Option<String> = None;
    for item in list {
        let is_long = item.1.len() > 24;
        match left.take() {
            Some(left) if !is_long => text += &format!("{left:<45}{}\n", pair(item)),
            Some(left) => text += &format!("{left}\n{}\n", pair(item)),
            None if is_long => text += &format!("{}\n", pair(item)),
            None => left = Some(pair(item)),
        }
    }
    text + &left.map_or_else(String::new, |left| left + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_layout::report::parse;

    /// As printed by LVM 2.03.31, shortened.
    const VOLUMES: &str = r#"{"report":[{"lv":[
      {"vg_name":"rootvg","lv_name":"hd4","lv_size":"1342177280","vg_extent_size":"4194304","lv_active":"active","lv_device_open":"open","data_copies":"1","devices":"/dev/sda3(0)"},
      {"vg_name":"rootvg","lv_name":"hd4","lv_size":"1342177280","vg_extent_size":"4194304","lv_active":"active","lv_device_open":"open","data_copies":"1","devices":"/dev/sdb(0)"},
      {"vg_name":"datavg","lv_name":"mirror","lv_size":"8388608","vg_extent_size":"4194304","lv_active":"","lv_device_open":"","data_copies":"2","devices":"mirror_rimage_0(0),mirror_rimage_1(0)"},
      {"vg_name":"datavg","lv_name":"[mirror_rimage_0]","devices":"/dev/sdc(1)"},
      {"vg_name":"datavg","lv_name":"[mirror_rimage_1]","devices":"/dev/sdd(1)"}
    ]}]}"#;

    #[test]
    fn volumes_are_counted_once_with_all_their_disks() {
        let groups = Groups {
            groups: Vec::new(),
            volumes: parse(VOLUMES).unwrap(),
        };
        let (root, data) = (groups.volumes("rootvg"), groups.volumes("datavg"));
        assert_eq!((root.len(), data.len()), (1, 1));
        assert_eq!((groups.spread(root[0]), groups.spread(data[0])), (2, 2));
        assert_eq!(partitions(root[0]), (320, 320));
        assert_eq!(partitions(data[0]), (2, 4));
        assert!(groups.is_active("rootvg") && !groups.is_active("datavg"));
        assert_eq!(
            (state(root[0]), state(data[0])),
            ("open/syncd", "closed/syncd")
        );
        assert!(groups.group("rootvg").is_err());
    }

    #[test]
    fn long_values_have_a_line_of_their_own() {
        let list = [
            ("A", "1".to_owned()),
            ("B", "2".to_owned()),
            ("C", "3".to_owned()),
            ("LONG", "x".repeat(38)),
            ("D", "4".to_owned()),
        ];
        let text = pairs(&list);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].starts_with("A:") && lines[0].contains("B:"));
        assert!(lines.iter().all(|line| line.len() <= 80), "{text}");
    }
}
