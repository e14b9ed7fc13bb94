//! Settings of the kernel, options of its modules, and of multipath.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::attribute;

use super::script::Script;

/// Where lines go that the other machine lacks.
const KERNEL: (&str, &str) = ("/etc/sysctl.d", "/etc/sysctl.d/90-lifeboat-rda.conf");
const MODULES: (&str, &str) = ("/etc/modprobe.d", "/etc/modprobe.d/lifeboat-rda.conf");
const MULTIPATH: &str = "/etc/multipath.conf";

/// Settings that people change without a file, and what the kernel gives them.
const DEFAULTS: [(&str, &str); 13] = [
    ("vm/swappiness", "60"),
    ("vm/dirty_ratio", "20"),
    ("vm/dirty_background_ratio", "10"),
    ("vm/dirty_expire_centisecs", "3000"),
    ("vm/dirty_writeback_centisecs", "500"),
    ("vm/overcommit_memory", "0"),
    ("vm/overcommit_ratio", "50"),
    ("vm/nr_hugepages", "0"),
    ("vm/vfs_cache_pressure", "100"),
    ("vm/zone_reclaim_mode", "0"),
    ("net/ipv4/ip_forward", "0"),
    ("net/ipv6/conf/all/forwarding", "0"),
    ("net/ipv4/tcp_congestion_control", "cubic"),
];

pub(super) fn collect(root: &Path, script: &mut Script) {
    kernel(root, script);
    script.section("modules");
    for line in texts(root, MODULES.0).iter().flat_map(|text| entries(text)) {
        script.line("line", &[MODULES.0, MODULES.1, &line]);
    }
    script.section("multipath");
    let multipath = std::fs::read_to_string(root.join(&MULTIPATH[1..]));
    if let Ok(text) = multipath
        && !text.trim().is_empty()
    {
        script.file(MULTIPATH, &text);
    }
}

/// The value that counts is the one that the kernel has now.
fn kernel(root: &Path, script: &mut Script) {
    let now = |path: &str| {
        let text = attribute(root.join("proc/sys").join(path))?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    script.section("kernel");
    let mut files = texts(root, KERNEL.0);
    files.extend(std::fs::read_to_string(root.join("etc/sysctl.conf")));
    let mut kept = BTreeMap::new();
    for line in files.iter().flat_map(|text| entries(text)) {
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let key = key.trim().trim_start_matches('-').to_owned();
        // A pattern is not one setting.
        if !key.contains('*') {
            kept.insert(key, value.trim().to_owned());
        }
    }
    for (key, value) in &kept {
        let path = path(key);
        if let Some(value) = now(&path) {
            script.line("kernel", &[&path, &value]);
        }
        script.line("line", &[KERNEL.0, KERNEL.1, &format!("{key}={value}")]);
    }
    for (path, default) in DEFAULTS {
        let listed = kept.keys().any(|key| self::path(key) == path);
        if let Some(value) = now(path).filter(|value| value != default && !listed) {
            script.line("kernel", &[path, &value]);
        }
    }
}

/// The first separator decides which of dot and slash is one (sysctl.d(5)).
fn path(key: &str) -> String {
    let first = key.chars().find(|c| ['.', '/'].contains(c));
    if first != Some('.') {
        return key.to_owned();
    }
    let other = |c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    };
    key.chars().map(other).collect()
}

/// The configuration files of a directory, in the order of their names. Ours are among them.
fn texts(root: &Path, directory: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root.join(&directory[1..]));
    let mut paths: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "conf"));
    paths.sort();
    paths
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect()
}

/// The lines that say something, with single blanks, as the script reads them too.
fn entries(text: &str) -> impl Iterator<Item = String> {
    let said = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    said.map(|line| {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.split_once('=') {
            Some((key, value)) => format!("{}={}", key.trim_end(), value.trim_start()),
            None => line,
        }
    })
}
