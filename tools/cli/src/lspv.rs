//! `lifeboat lspv`: physical volumes.

use std::process::ExitCode;

use anyhow::{Result, bail};
use lifeboat_layout::report::{number, rows, text};

use crate::groups::{Groups, Physical, amount, extent, pairs, physical};
use crate::out;

/// Show the disks, and the volume groups that they belong to
///
/// A line for each disk or physical volume: name, LVM's UUID of it, volume group, and
/// whether that is active.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Show one disk: hdisk0, or its physical volume: sda3
    #[arg(value_name = "DISK")]
    disk: Option<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let groups = Groups::read()?;
    let mut all = physical(&groups)?;
    if let Some(name) = &args.disk {
        let device = format!("/dev/{}", name.trim_start_matches("/dev/"));
        all.retain(|volume| volume.name == *name || volume.device == device);
        if all.is_empty() {
            bail!("0590-429 There is no disk or physical volume {name}");
        }
    }
    if args.json {
        out::line(&serde_json::to_string_pretty(&all)?)?;
    } else if args.disk.is_some() {
        all.iter().try_for_each(|volume| details(&groups, volume))?;
    } else {
        all.iter().try_for_each(|volume| out::line(&line(volume)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(volume: &Physical) -> String {
    let pvid = volume.pvid.as_deref().unwrap_or("none");
    let group = volume.group.as_deref().unwrap_or("None");
    let state = if volume.active { "active" } else { "" };
    let line = format!("{:<15} {pvid:<38} {group:<15} {state}", volume.name);
    line.trim_end().to_owned()
}

fn details(groups: &Groups, volume: &Physical) -> Result<()> {
    let Some(name) = &volume.group else {
        bail!("0590-749 {} is in no volume group", volume.name);
    };
    let columns = "pv_name,pv_missing,pv_allocatable,pv_pe_count,pv_pe_alloc_count";
    let counts = rows("pvs", columns, &[])?;
    let counts = counts
        .into_iter()
        .find(|row| text(row, "pv_name") == volume.device)
        .unwrap_or_default();
    let group = groups.group(name)?;
    let (total, used) = (
        number(&counts, "pv_pe_count"),
        number(&counts, "pv_pe_alloc_count"),
    );
    let missing = !text(&counts, "pv_missing").is_empty();
    let yes = |yes| if yes { "yes" } else { "no" }.to_owned();
    out::print(&pairs(&[
        ("PHYSICAL VOLUME", volume.name.clone()),
        ("VOLUME GROUP", name.clone()),
        ("DEVICE", volume.device.clone()),
        (
            "PV STATE",
            if missing { "missing" } else { "active" }.to_owned(),
        ),
        ("PV IDENTIFIER", volume.pvid.clone().unwrap_or_default()),
        ("VG IDENTIFIER", text(group, "vg_uuid").to_owned()),
        ("PP SIZE", extent(group)),
        (
            "ALLOCATABLE",
            yes(!text(&counts, "pv_allocatable").is_empty()),
        ),
        ("TOTAL PPs", amount(group, total)),
        ("FREE PPs", amount(group, total.saturating_sub(used))),
        ("USED PPs", amount(group, used)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_on_aix() {
        let volume = |pvid: Option<&str>, group: Option<&str>| Physical {
            name: "hdisk0".into(),
            device: "/dev/sda3".into(),
            pvid: pvid.map(Into::into),
            group: group.map(Into::into),
            active: group.is_some(),
        };
        let words = |volume| {
            let line = line(&volume);
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            words(volume(Some("Ab-1"), Some("rootvg"))),
            ["hdisk0", "Ab-1", "rootvg", "active"]
        );
        assert_eq!(words(volume(None, None)), ["hdisk0", "none", "None"]);
    }
}
