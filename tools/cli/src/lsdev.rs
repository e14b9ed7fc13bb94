//! `lifeboat lsdev`: the devices of this machine.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use lifeboat_devices::listing::{self, Listed};
use lifeboat_layout::disks;
use lifeboat_layout::size::mb;
use serde_json::json;

use crate::bootlist::SYS;
use crate::out;

/// Show the devices: name, state, location, description
///
/// A device is Available when a driver works it, Defined otherwise.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The devices that are configured; that is all of them, as without it
    #[arg(short = 'C')]
    configured: bool,

    /// Only this class: adapter, cdrom, disk, if, processor, tape
    #[arg(
        short = 'c',
        value_name = "CLASS",
        hide_possible_values = true,
        value_parser = ["adapter", "cdrom", "disk", "if", "processor", "tape"]
    )]
    class: Option<String>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut all = devices()?;
    all.retain(|device| {
        args.class
            .as_deref()
            .is_none_or(|class| class == device.class)
    });
    if args.json {
        let value = |device: &Listed| {
            json!({
                "name": device.name,
                "class": device.class,
                "status": status(device),
                "location": device.location,
                "description": device.description,
            })
        };
        let list: Vec<_> = all.iter().map(value).collect();
        out::line(&serde_json::to_string_pretty(&list)?)?;
    } else {
        for device in &all {
            out::line(&format!(
                "{:<12} {:<10} {:<28} {}",
                device.name,
                status(device),
                device.location,
                device.description
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn status(device: &Listed) -> &'static str {
    if device.available {
        "Available"
    } else {
        "Defined"
    }
}

/// All devices, disks first.
pub fn devices() -> Result<Vec<Listed>> {
    let sysfs = Path::new(SYS);
    let disks = disks::probe(Path::new("/"))?.into_iter();
    let disks = disks.map(|disk| {
        let place = sysfs.join("class/block").join(&disk.name);
        let mut data = listing::product_data(&place);
        data.extend(disk.wwid.clone().map(|wwid| ("Unique Identifier", wwid)));
        let model = data
            .iter()
            .find(|(label, _)| *label == "Machine Type and Model");
        let model = model.map_or("disk", |(_, model)| model);
        Listed {
            description: format!("{model} ({}), {} MB", disk.name, mb(disk.size)),
            name: disk.hdisk,
            class: "disk",
            available: true,
            location: listing::location(sysfs, &place).unwrap_or(disk.location),
            product_data: data,
        }
    });
    Ok(disks.chain(listing::devices(sysfs)).collect())
}
