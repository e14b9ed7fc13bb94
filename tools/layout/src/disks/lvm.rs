//! What LVM says of the disks.

use serde::{Deserialize, Serialize};

use super::{Disk, DiskError};
use crate::lvm;

/// An LVM physical volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhysicalVolume {
    /// Its device: `/dev/vda3`.
    pub device: String,
    /// Its UUID, in LVM's form.
    pub uuid: String,
    /// The volume group it belongs to.
    pub group: Option<Group>,
    /// The tags of that group.
    pub tags: Vec<String>,
}

/// A volume group: names may repeat, UUIDs do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its UUID, in LVM's form.
    pub uuid: String,
}

#[derive(Deserialize)]
struct Report {
    report: Vec<Section>,
}

#[derive(Deserialize)]
struct Section {
    #[serde(default)]
    pv: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    pv_name: String,
    pv_uuid: String,
    vg_name: String,
    vg_uuid: String,
    vg_tags: String,
}

/// Asks LVM for the physical volumes that it sees, each over one path.
pub(super) fn physical_volumes(disks: &[Disk]) -> Result<Vec<PhysicalVolume>, DiskError> {
    let columns = "pv_name,pv_uuid,vg_name,vg_uuid,vg_tags";
    let tool = lvm::tool_for("pvs", disks).args(["--reportformat", "json", "-o", columns]);
    let output = tool.run().map_err(DiskError::Pvs)?;
    parse_report(&output.text())
}

/// Reads the report of `lvm pvs --reportformat json`.
///
/// # Errors
/// [`DiskError::Report`].
pub fn parse_report(json: &str) -> Result<Vec<PhysicalVolume>, DiskError> {
    let report: Report = serde_json::from_str(json).map_err(DiskError::Report)?;
    let rows = report.report.into_iter().flat_map(|section| section.pv);
    Ok(rows
        .map(|row| PhysicalVolume {
            device: row.pv_name,
            uuid: row.pv_uuid,
            group: (!row.vg_name.is_empty()).then_some(Group {
                name: row.vg_name,
                uuid: row.vg_uuid,
            }),
            tags: row
                .vg_tags
                .split(',')
                .filter(|tag| !tag.is_empty())
                .map(str::to_owned)
                .collect(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As printed by LVM 2.03.31.
    const REPORT: &str = r#"  {
      "report": [
          {
              "pv": [
                  {"pv_name":"/dev/vda3", "pv_uuid":"Ab0000-0000-0000-0000-0000-0000-000001", "vg_name":"rootvg", "vg_uuid":"Cd0000-0000-0000-0000-0000-0000-000002", "vg_tags":"lifeboat_restoring,other"},
                  {"pv_name":"/dev/vdb", "pv_uuid":"Ef0000-0000-0000-0000-0000-0000-000003", "vg_name":"", "vg_uuid":"", "vg_tags":""}
              ]
          }
      ]
  }"#;

    #[test]
    fn a_report_is_read() {
        let pvs = parse_report(REPORT).unwrap();
        assert_eq!(pvs[0].device, "/dev/vda3");
        assert_eq!(pvs[0].group.as_ref().unwrap().name, "rootvg");
        assert_eq!(pvs[0].tags, ["lifeboat_restoring", "other"]);
        assert_eq!((&pvs[1].group, pvs[1].tags.len()), (&None, 0));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert_eq!(
            parse_report("{}").unwrap_err().to_string(),
            "0590-212 The report of lvm pvs cannot be read"
        );
    }
}
