//! `lifeboat lscfg`: where the devices of this machine are, and what they say of
//! themselves.

use std::process::ExitCode;

use anyhow::{Result, bail};
use lifeboat_devices::listing::Listed;

use crate::lsdev::devices;
use crate::out;

/// Show where devices are: name, location, description
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this device
    #[arg(short = 'l', value_name = "NAME")]
    name: Option<String>,

    /// With what the device says of itself: manufacturer, model, serial number
    #[arg(short = 'v')]
    verbose: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut all = devices()?;
    if let Some(name) = &args.name {
        all.retain(|device| device.name == *name);
        if all.is_empty() {
            bail!("0590-447 There is no device {name}");
        }
    }
    for device in &all {
        out::print(&text(device, args.verbose))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(device: &Listed, verbose: bool) -> String {
    let line = format!(
        "  {:<15} {:<30} {}\n",
        device.name, device.location, device.description
    );
    let data = device.product_data.iter().filter(|_| verbose);
    let data = data.map(|(label, value)| format!("        {label:.<28}{value}\n"));
    line + &data.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_data_is_dotted_as_on_aix() {
        let device = Listed {
            name: "hdisk0".into(),
            class: "disk",
            available: true,
            location: "U9009-V3-C2".into(),
            description: "disk".into(),
            product_data: vec![("Manufacturer", "IBM".into())],
        };
        assert_eq!(
            text(&device, true).lines().nth(1),
            Some("        Manufacturer................IBM")
        );
        assert_eq!(text(&device, false).lines().count(), 1);
    }
}
