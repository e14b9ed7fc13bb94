//! `lifeboat lslv`: a logical volume.

use std::process::ExitCode;

use anyhow::{Result, bail};
use lifeboat_layout::report::{Row, text};

use crate::groups::{Groups, extent, pairs, partitions, state, usage};
use crate::out;

/// Show a logical volume
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The logical volume: hd4, or rootvg/hd4 where several groups have one
    #[arg(value_name = "LV")]
    volume: String,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let groups = Groups::read()?;
    let wanted = args.volume.trim_start_matches("/dev/");
    let names = groups.groups.iter().map(|group| text(group, "vg_name"));
    let all: Vec<&Row> = names.flat_map(|name| groups.volumes(name)).collect();
    let is_wanted = |row: &&Row| {
        let (group, name) = (text(row, "vg_name"), text(row, "lv_name"));
        name == wanted || format!("{group}/{name}") == wanted
    };
    let found: Vec<&Row> = all.into_iter().filter(is_wanted).collect();
    let [volume] = found.as_slice() else {
        bail!(
            "0590-440 There are {} logical volumes {wanted}; name it as VG/LV",
            found.len()
        );
    };
    out::print(&details(&groups, volume))?;
    Ok(ExitCode::SUCCESS)
}

fn details(groups: &Groups, volume: &Row) -> String {
    let group = text(volume, "vg_name");
    let (kind, mount) = usage(volume);
    let (lps, pps) = partitions(volume);
    let permission = match text(volume, "lv_permissions") {
        "writeable" => "read/write",
        _ => "read-only",
    };
    let active = if groups.is_active(group) {
        "active"
    } else {
        "inactive"
    };
    pairs(&[
        ("LOGICAL VOLUME", text(volume, "lv_name").to_owned()),
        ("VOLUME GROUP", group.to_owned()),
        ("LV IDENTIFIER", text(volume, "lv_uuid").to_owned()),
        ("PERMISSION", permission.to_owned()),
        ("LV STATE", state(volume).to_owned()),
        ("VG STATE", active.to_owned()),
        ("TYPE", kind),
        ("PP SIZE", extent(volume)),
        ("COPIES", (pps / lps.max(1)).to_string()),
        ("LPs", lps.to_string()),
        ("PPs", pps.to_string()),
        ("PVs", groups.spread(volume).to_string()),
        ("MOUNT POINT", mount),
    ])
}
