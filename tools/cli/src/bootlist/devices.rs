//! The ways to the devices that were named.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use lifeboat_boot::ofpath::{Call, Route, kernel_name, network, routes};
use lifeboat_layout::disks::Disk;

use super::words::Wanted;

/// The ways to each device.
///
/// # Errors
/// When a device is not there or has no firmware path.
pub fn ways(sysfs: &Path, disks: &[Disk], wanted: &[Wanted]) -> Result<Vec<Vec<Route>>> {
    let ways = wanted.iter().map(|device| {
        let all = all_ways(sysfs, disks, device)?;
        let Some(numbers) = &device.paths else {
            return Ok(all);
        };
        let path = |number: &usize| {
            let path = all.get(*number).cloned();
            path.with_context(|| {
                let (name, count) = (&device.name, all.len());
                format!("0590-741 {name} has no path {number}: it has {count}, counted from 0")
            })
        };
        numbers.iter().map(path).collect()
    });
    ways.collect()
}

fn all_ways(sysfs: &Path, disks: &[Disk], device: &Wanted) -> Result<Vec<Route>> {
    let name = device.name.as_str();
    if sysfs.join("class/net").join(name).exists() {
        let path = network(sysfs, name, device.call)?;
        return Ok(vec![Route {
            adapter: path.clone(),
            path,
            name: name.to_owned(),
        }]);
    }
    ensure!(
        device.call == Call::default(),
        "0590-748 {name} is no network interface: bserver=, client= and gateway= are for those"
    );
    let names: Vec<String> = match disks.iter().find(|disk| disk.hdisk == name) {
        Some(disk) => std::iter::once(&disk.name)
            .chain(&disk.paths)
            .cloned()
            .collect(),
        None => vec![match name.strip_prefix("cd") {
            Some(number) => format!("sr{number}"),
            None => kernel_name(sysfs, name),
        }],
    };
    let mut ways = Vec::new();
    for name in &names {
        ways.extend(routes(sysfs, name)?);
    }
    Ok(ways)
}
