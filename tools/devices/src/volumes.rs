//! What lies on disks: new disks of adapters, paths to them, arrays and volume groups.
//! All of it is done by the system's own tools, as they would do it at its start.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use lifeboat_sys::fs::attribute;
use lifeboat_sys::run::Tool;

use crate::cfgmgr::Report;
use crate::coldplug::{children, file_name};
use crate::scope::Scope;
use crate::system::System;

/// One of these tools may take this long; a system may have thousands of paths.
const LIMIT: Duration = Duration::from_secs(600);
/// Drivers of which a look for new disks resets links that are in use.
const RESETTING: [&str; 2] = ["ahci", "ata_piix"];

/// Lets adapters look for disks that were given to them since the start.
pub(crate) fn rescan(sys: &Path, scope: &Scope) {
    for host in scope.members(sys, "scsi_host") {
        let place = sys.join("class/scsi_host").join(&host);
        let driver = attribute(place.join("proc_name")).unwrap_or_default();
        if RESETTING.contains(&&*driver) {
            continue;
        }
        // Any channel, target and unit.
        if let Err(error) = std::fs::write(place.join("scan"), "- - -") {
            log::info!("{host} does not look for new disks: {error}");
        }
    }
}

/// Makes maps of paths, assembles arrays and switches volume groups on.
pub(crate) fn activate(system: &System<'_>, scope: &Scope, report: &mut Report) {
    let sys = system.sys();
    if scope.members(&sys, "block").is_empty() {
        return;
    }
    let before = devices(&sys);
    // Without a configuration multipath would take disks that have one path.
    if system.root.join("etc/multipath.conf").exists() && system.has("multipath") {
        run(Tool::new("multipath"), report);
    }
    if system.has("mdadm") {
        // Its status says whether there are arrays. One that lacks a disk is not started:
        // the disk may be late, or on the way to another machine.
        let mdadm = Tool::new("mdadm").args(["--assemble", "--scan", "--no-degraded"]);
        if let Err(error) = mdadm.deadline(LIMIT).status() {
            report.failed.push(error.to_string());
        }
    }
    if system.has("vgchange") {
        // Those that the system switches on by itself.
        run(Tool::new("vgchange").arg("-aay"), report);
    }
    let new = devices(&sys);
    let new = new.difference(&before);
    report
        .done
        .extend(new.map(|name| format!("{name} available")));
}

fn run(tool: Tool, report: &mut Report) {
    if let Err(error) = tool.deadline(LIMIT).run() {
        report.failed.push(error.to_string());
    }
}

/// The arrays and mapped devices that there are, by their own names.
fn devices(sys: &Path) -> BTreeSet<String> {
    let blocks = children(&sys.join("class/block")).unwrap_or_default();
    let names = blocks.iter().filter_map(|block| {
        if block.join("md/array_state").exists() {
            return Some(format!("array {}", file_name(block)));
        }
        let name = attribute(block.join("dm/name"))?;
        let uuid = attribute(block.join("dm/uuid")).unwrap_or_default();
        let kind = match uuid.split('-').next() {
            Some("LVM") => "logical volume",
            Some("mpath") => "multipath",
            _ => "device",
        };
        Some(format!("{kind} {name}"))
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, read_to_string, write};

    #[test]
    fn adapters_look_for_disks_unless_that_disturbs() {
        let sys = tempfile::tempdir().unwrap();
        for (host, driver) in [("host0", "ibmvscsi\n"), ("host1", "ahci\n")] {
            let place = sys.path().join("class/scsi_host").join(host);
            create_dir_all(&place).unwrap();
            write(place.join("proc_name"), driver).unwrap();
            write(place.join("scan"), "").unwrap();
        }
        rescan(sys.path(), &Scope::default());
        let scan = |host: &str| {
            let path = sys.path().join("class/scsi_host").join(host).join("scan");
            read_to_string(path).unwrap()
        };
        assert_eq!((&*scan("host0"), &*scan("host1")), ("- - -", ""));
    }

    #[test]
    fn arrays_and_volumes_have_their_own_names() {
        let sys = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = sys.path().join("class/block").join(path);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, text).unwrap();
        };
        put("md127/md/array_state", "clean\n");
        put("dm-0/dm/name", "rootvg-hd4\n");
        put("dm-0/dm/uuid", "LVM-abc\n");
        put("dm-1/dm/name", "mpatha\n");
        put("dm-1/dm/uuid", "mpath-3600\n");
        put("sda/size", "8\n");
        let found: Vec<String> = devices(sys.path()).into_iter().collect();
        let expected = [
            "array md127",
            "logical volume rootvg-hd4",
            "multipath mpatha",
        ];
        assert_eq!(found, expected);
    }
}
