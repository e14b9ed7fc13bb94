//! `lifeboat lsvg`: volume groups.

use std::process::ExitCode;

use anyhow::Result;
use lifeboat_layout::report::{Row, number, rows, text};

use crate::groups::{Groups, amount, extent, pairs, partitions, physical, state, usage};
use crate::lsmksysb::{Table, VOLUMES};
use crate::out;

/// Show the volume groups, or what is in one
///
/// Without a name: the names of all groups. A group is active when one of its logical
/// volumes is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only the names of active groups
    #[arg(short = 'o', conflicts_with = "group")]
    active: bool,

    /// The logical volumes of the group
    #[arg(short = 'l', requires = "group", conflicts_with = "physical")]
    logical: bool,

    /// The physical volumes of the group
    #[arg(short = 'p', requires = "group")]
    physical: bool,

    /// Print JSON: LVM's own columns
    #[arg(long, conflicts_with_all = ["logical", "physical"])]
    json: bool,

    /// The volume group
    #[arg(value_name = "VG")]
    group: Option<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let groups = Groups::read()?;
    let name = |row: &Row| text(row, "vg_name").to_owned();
    match &args.group {
        Some(group) if args.logical => {
            groups.group(group)?;
            out::print(&logical(&groups, group))?;
        }
        Some(group) if args.physical => {
            groups.group(group)?;
            out::print(&disks(&groups, group)?)?;
        }
        Some(group) if args.json => {
            out::line(&serde_json::to_string_pretty(groups.group(group)?)?)?;
        }
        Some(group) => out::print(&summary(&groups, groups.group(group)?))?,
        None => {
            let mut all = groups.groups.clone();
            all.retain(|row| !args.active || groups.is_active(&name(row)));
            if args.json {
                out::line(&serde_json::to_string_pretty(&all)?)?;
            } else {
                all.iter().try_for_each(|row| out::line(&name(row)))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(groups: &Groups, group: &Row) -> String {
    let name = text(group, "vg_name");
    let volumes = groups.volumes(name);
    let open = volumes.iter().filter(|row| state(row).starts_with("open"));
    let (total, free) = (
        number(group, "vg_extent_count"),
        number(group, "vg_free_count"),
    );
    let (disks, missing) = (
        number(group, "pv_count"),
        number(group, "vg_missing_pv_count"),
    );
    let permission = match text(group, "vg_permissions") {
        "writeable" => "read/write",
        _ => "read-only",
    };
    let state = if groups.is_active(name) {
        "active"
    } else {
        "inactive"
    };
    pairs(&[
        ("VOLUME GROUP", name.to_owned()),
        ("VG STATE", state.to_owned()),
        ("VG IDENTIFIER", text(group, "vg_uuid").to_owned()),
        ("VG PERMISSION", permission.to_owned()),
        ("PP SIZE", extent(group)),
        ("LVs", volumes.len().to_string()),
        ("TOTAL PPs", amount(group, total)),
        ("OPEN LVs", open.count().to_string()),
        ("FREE PPs", amount(group, free)),
        ("TOTAL PVs", disks.to_string()),
        ("USED PPs", amount(group, total.saturating_sub(free))),
        ("ACTIVE PVs", disks.saturating_sub(missing).to_string()),
        ("MISSING PVs", missing.to_string()),
    ])
}

fn logical(groups: &Groups, group: &str) -> String {
    let row = |volume: &&Row| {
        let (kind, mount) = usage(volume);
        let (lps, pps) = partitions(volume);
        vec![
            text(volume, "lv_name").to_owned(),
            kind,
            lps.to_string(),
            pps.to_string(),
            groups.spread(volume).to_string(),
            state(volume).to_owned(),
            mount,
        ]
    };
    let table = Table {
        title: Some(group),
        columns: &VOLUMES,
        rows: groups.volumes(group).iter().map(row).collect(),
    };
    table.aligned()
}

fn disks(groups: &Groups, group: &str) -> Result<String> {
    let counts = rows(
        "pvs",
        "pv_name,pv_missing,pv_pe_count,pv_pe_alloc_count",
        &[],
    )?;
    let volumes = physical(groups)?.into_iter();
    let ours = volumes.filter(|volume| volume.group.as_deref() == Some(group));
    let row = |volume: crate::groups::Physical| {
        let counts = counts
            .iter()
            .find(|row| text(row, "pv_name") == volume.device);
        let number = |column| counts.map_or(0, |row| number(row, column));
        let missing = counts.is_some_and(|row| !text(row, "pv_missing").is_empty());
        let total = number("pv_pe_count");
        vec![
            volume.name,
            if missing { "missing" } else { "active" }.to_owned(),
            total.to_string(),
            total
                .saturating_sub(number("pv_pe_alloc_count"))
                .to_string(),
        ]
    };
    let table = Table {
        title: Some(group),
        columns: &[
            ("PV_NAME", 17),
            ("PV STATE", 17),
            ("TOTAL PPs", 11),
            ("FREE PPs", 0),
        ],
        rows: ours.map(row).collect(),
    };
    Ok(table.aligned())
}
