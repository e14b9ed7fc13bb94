//! The installed systems on the disks of this machine.

use std::collections::BTreeSet;
use std::path::Path;

use lifeboat_layout::disks::{
    Content, Disk, PhysicalVolume, RESTORING, inventory, probe as disks_of,
};
use lifeboat_layout::lvm::one_path_each;
use lifeboat_sys::error::chain;
use lifeboat_sys::fs::attribute;
use lifeboat_sys::run::Tool;

use super::{AccessError, arrays, probe};

/// An installed system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// What it calls itself.
    pub name: String,
    /// Its host name.
    pub host: String,
    /// The node of its root file system.
    pub device: String,
    /// The kind of that.
    pub kind: String,
    /// Mount options that name the part of it.
    pub options: String,
    /// Its volume group, if it is on one.
    pub group: Option<String>,
    /// Its disks, as a person calls them.
    pub disks: Vec<String>,
    /// A restore of it did not end.
    pub unfinished: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The systems.
    pub systems: Vec<Installed>,
    /// Encrypted devices, which nobody has opened.
    pub encrypted: Vec<String>,
}

/// A device that may hold a root file system.
struct Candidate {
    device: String,
    group: Option<String>,
    disks: Vec<String>,
    unfinished: bool,
}

/// Looks at every partition, array and logical volume. Volume groups are switched on
/// for it and off again.
///
/// # Errors
/// [`AccessError`] when the disks cannot be listed.
pub fn installed() -> Result<Found, AccessError> {
    arrays::assemble()?;
    let inventory = inventory()?;
    let disks = &inventory.disks;
    let mut found = Found::default();
    let mut look = |candidate: Candidate| {
        let Some(root) = probe::root(&candidate.device) else {
            if probe::tag(&candidate.device, "TYPE").as_deref() == Some("crypto_LUKS") {
                found.encrypted.push(candidate.device);
            }
            return;
        };
        found.systems.push(Installed {
            name: root.name,
            host: root.host,
            device: candidate.device,
            kind: root.kind,
            options: root.options,
            group: candidate.group,
            disks: candidate.disks,
            unfinished: candidate.unfinished,
        });
    };
    disks.iter().flat_map(on_disk).for_each(&mut look);
    others().into_iter().for_each(&mut look);
    let on_disks = disks.iter().flat_map(|disk| &disk.physical_volumes);
    let physical: Vec<&PhysicalVolume> = on_disks.chain(&inventory.elsewhere).collect();
    let named = physical
        .iter()
        .filter_map(|pv| Some(&pv.group.as_ref()?.name));
    for group in named.collect::<BTreeSet<_>>() {
        attempt(switch(group, true));
        volumes(group)
            .into_iter()
            .map(|device| in_group(device, group, disks, &physical))
            .for_each(&mut look);
        attempt(switch(group, false));
    }
    // Each device of a btrfs leads to all of it.
    let mut seen = BTreeSet::new();
    found.systems.retain(|system| {
        let uuid = (system.kind == "btrfs").then(|| probe::tag(&system.device, "UUID"));
        uuid.flatten().is_none_or(|uuid| seen.insert(uuid))
    });
    Ok(found)
}

fn on_disk(disk: &Disk) -> Vec<Candidate> {
    let parts = disk.partitions.iter().map(|part| &part.name);
    let names = parts.chain([&disk.name]);
    names
        .map(|name| Candidate {
            device: format!("/dev/{name}"),
            group: None,
            disks: vec![disk.to_string()],
            unfinished: disk.content() == Content::Unfinished,
        })
        .collect()
}

/// Arrays, and encrypted devices that somebody has opened.
fn others() -> Vec<Candidate> {
    let entries = std::fs::read_dir("/sys/block").into_iter().flatten();
    let names = entries.flatten().map(|entry| entry.file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names
        .filter(|name| name.starts_with("md") || (name.starts_with("dm-") && !is_volume(name)))
        .map(|name| Candidate {
            device: format!("/dev/{name}"),
            group: None,
            disks: Vec::new(),
            unfinished: false,
        })
        .collect()
}

fn is_volume(name: &str) -> bool {
    let uuid = attribute(format!("/sys/block/{name}/dm/uuid"));
    uuid.is_some_and(|uuid| uuid.starts_with("LVM-"))
}

fn in_group(
    device: String,
    group: &str,
    disks: &[Disk],
    physical: &[&PhysicalVolume],
) -> Candidate {
    let of_group = |pv: &&PhysicalVolume| pv.group.as_ref().is_some_and(|g| g.name == group);
    let own = disks
        .iter()
        .filter(|disk| disk.physical_volumes.iter().any(|pv| of_group(&pv)));
    let own: Vec<&Disk> = own.collect();
    let tagged = physical
        .iter()
        .filter(|pv| of_group(pv))
        .any(|pv| pv.tags.iter().any(|tag| tag == RESTORING));
    Candidate {
        device,
        group: Some(group.to_owned()),
        unfinished: tagged || own.iter().any(|disk| disk.content() == Content::Unfinished),
        disks: own.iter().map(ToString::to_string).collect(),
    }
}

/// One broken group must not hide the others.
fn attempt(done: Result<(), AccessError>) {
    if let Err(error) = done {
        log::warn!("{}", chain(&error));
    }
}

/// Switches a volume group on or off.
pub(super) fn switch(group: &str, on: bool) -> Result<(), AccessError> {
    let how = if on { "-ay" } else { "-an" };
    let done = lvm("vgchange")?.args([how, group]).run();
    done.map(drop).map_err(|source| AccessError::Tool {
        what: format!(
            "Switching volume group {group} {}",
            if on { "on" } else { "off" }
        ),
        source,
    })
}

/// The nodes of the volumes of a group that are switched on.
fn volumes(group: &str) -> Vec<String> {
    let columns = [
        "--noheadings",
        "--select",
        "lv_active=active",
        "-o",
        "lv_dm_path",
        group,
    ];
    let said = lvm("lvs").and_then(|lvs| {
        lvs.args(columns).run().map_err(|source| AccessError::Tool {
            what: format!("Listing the volumes of {group}"),
            source,
        })
    });
    match said {
        Ok(output) => output
            .text()
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        Err(error) => {
            log::warn!("{}", chain(&error));
            Vec::new()
        }
    }
}

/// A command of LVM that sees each disk by one path.
fn lvm(command: &str) -> Result<Tool, AccessError> {
    let filter = one_path_each(&disks_of(Path::new("/"))?);
    let filter = filter.iter().flat_map(|filter| ["--config", filter]);
    // It complains of every descriptor it inherits.
    let tool = Tool::new("lvm").env("LVM_SUPPRESS_FD_WARNINGS", "1");
    Ok(tool.arg(command).args(filter))
}
