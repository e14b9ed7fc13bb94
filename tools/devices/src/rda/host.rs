//! The name of the system.

use std::path::Path;

use lifeboat_sys::fs::attribute;

use super::script::Script;

const NAME: &str = "proc/sys/kernel/hostname";

/// The host name; empty if there is none.
pub(super) fn name(root: &Path) -> String {
    attribute(root.join(NAME)).unwrap_or_default()
}

pub(super) fn collect(root: &Path, script: &mut Script) {
    script.section("hostname");
    let name = name(root);
    if !name.is_empty() {
        script.line("host_name", &[&name]);
    }
}
