//! Queues of disks.

use std::path::Path;

use super::place::{Placed, placed};
use super::script::Script;

/// Where a disk may say who it is; as in the script.
const IDENTITIES: [&str; 4] = ["serial", "device/serial", "wwid", "device/wwid"];

/// What the kernel takes for requests when there are more.
const MOST_REQUESTS: u64 = 128;

pub(super) fn collect(root: &Path, script: &mut Script) {
    script.section("disks");
    for disk in placed(root, "sys/block") {
        // CD drives and the like have no queue of their own to be tuned.
        if disk.number("removable") == Some(1) {
            continue;
        }
        let set = differing(&disk);
        if set.is_empty() {
            continue;
        }
        let identity = IDENTITIES.iter().find_map(|name| disk.get(name));
        let identity = identity.unwrap_or_default();
        script.line("disk", &[&disk.pattern, &identity, &disk.name]);
        for (name, value) in set {
            script.line("attribute", &[name, &value]);
        }
    }
}

/// Attributes with other values than the kernel gives them. Each changes those after it.
fn differing(disk: &Placed) -> Vec<(&'static str, String)> {
    let mut set = Vec::new();
    let mut other = |name: &'static str, defaults: &[Option<u64>]| {
        let value = disk.number(name);
        if value.is_some() && !defaults.contains(&value) {
            set.extend(value.map(|value| (name, value.to_string())));
        }
    };
    // How many commands a driver lets a disk have.
    let per_disk = cmd_per_lun(disk);
    if per_disk.is_some() {
        other("device/queue_depth", &[per_disk]);
    }
    other("device/timeout", &[Some(30)]);
    let scheduler = scheduler(disk);
    let tags = disk.number("mq/0/nr_tags");
    let requests = match (scheduler.as_deref(), tags) {
        (Some("none"), tags) => tags,
        (_, Some(tags)) => Some(2 * tags.min(MOST_REQUESTS)),
        (_, None) => Some(256),
    };
    let best = disk.number("queue/optimal_io_size").unwrap_or(0) / 1024;
    other("queue/read_ahead_kb", &[Some(128), Some(128.max(2 * best))]);
    let most = disk.number("queue/max_hw_sectors_kb");
    let most = |limit: u64| most.map(|most| most.min(limit));
    other("queue/max_sectors_kb", &[most(512), most(1280), most(4096)]);
    other("queue/nomerges", &[Some(0)]);
    other("queue/rq_affinity", &[Some(1)]);
    if let Some(scheduler) = scheduler.filter(|name| !is_default(disk, name)) {
        set.push(("queue/scheduler", scheduler));
    }
    // The scheduler resets it.
    if let Some(value) = disk
        .number("queue/nr_requests")
        .filter(|value| Some(*value) != requests)
    {
        set.push(("queue/nr_requests", value.to_string()));
    }
    set
}

/// The word in brackets.
fn scheduler(disk: &Placed) -> Option<String> {
    let words = disk.get("queue/scheduler")?;
    let chosen = words.split_once('[')?.1.split_once(']')?.0;
    Some(chosen.to_owned())
}

/// The kernel takes `mq-deadline` for a disk with one queue, and none with several.
fn is_default(disk: &Placed, name: &str) -> bool {
    let queues = std::fs::read_dir(disk.path.join("mq")).map_or(1, Iterator::count);
    name == if queues > 1 { "none" } else { "mq-deadline" }
}

/// `cmd_per_lun` of the SCSI host: `device` is below it.
fn cmd_per_lun(disk: &Placed) -> Option<u64> {
    let device = std::fs::canonicalize(disk.path.join("device")).ok()?;
    let host = device.ancestors().find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.strip_prefix("host")
            .is_some_and(|n| n.parse::<u32>().is_ok())
    })?;
    let name = host.file_name()?;
    let path = host.join("scsi_host").join(name).join("cmd_per_lun");
    lifeboat_sys::fs::attribute(path)?.parse().ok()
}
