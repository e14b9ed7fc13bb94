//! SELinux labels of a restored system. They come with the files; only where the backup
//! has none the system labels everything anew on its first boot.

use std::path::Path;

use lifeboat_boot::chroot::Chroot;
use lifeboat_sys::fs::{FsError, PathContext, read, write};
use lifeboat_sys::run::Tool;
use lifeboat_sys::xattr::{self, Subject};

const CONFIG: &str = "etc/selinux/config";
const RELABEL: &str = ".autorelabel";
const ATTRIBUTE: &[u8] = b"security.selinux";

/// Files that every system with SELinux has labelled.
const SAMPLES: [&str; 3] = ["etc/passwd", "etc/selinux/config", "usr/lib/os-release"];

/// Where the restore itself has made files.
const OURS: [&str; 6] = [
    "boot",
    "etc/fstab",
    "etc/lvm/devices",
    "etc/systemd/system",
    "usr/lib/lifeboat-firstboot",
    "var/log/lifeboat",
];

/// What was done about the labels, in words.
///
/// # Errors
/// When a file cannot be read or written.
pub(crate) fn label(chroot: &Chroot) -> Result<String, FsError> {
    let root = chroot.root();
    let config = root.join(CONFIG);
    if !config.exists() {
        return Ok("the system does not use SELinux".to_owned());
    }
    let text = read(&config)?;
    let Some(policy) = policy(&String::from_utf8_lossy(&text)) else {
        return Ok("SELinux is disabled in the system".to_owned());
    };
    let mut unlabelled = false;
    for sample in SAMPLES {
        unlabelled |= root.join(sample).exists() && !is_labelled(&root.join(sample))?;
    }
    if !unlabelled && ours(chroot, &policy) {
        return Ok("labels came with the files".to_owned());
    }
    write(root.join(RELABEL), "")?;
    let why = if unlabelled {
        "the backup has no labels"
    } else {
        "new files have no labels"
    };
    Ok(format!("{why}: the first boot labels every file"))
}

/// The name of the policy; `None` if SELinux is switched off.
fn policy(config: &str) -> Option<String> {
    let value = |key: &str| {
        let mut values = config
            .lines()
            .filter_map(|line| line.trim().strip_prefix(key));
        values
            .next_back()
            .map(|value| value.trim().trim_matches('"').to_owned())
    };
    let enabled = value("SELINUX=").is_some_and(|mode| mode != "disabled");
    enabled.then(|| value("SELINUXTYPE=").unwrap_or_else(|| "targeted".to_owned()))
}

fn is_labelled(path: &Path) -> Result<bool, FsError> {
    let names = xattr::list(Subject::Path(path)).at("read", path)?;
    Ok(names.iter().any(|name| name == ATTRIBUTE))
}

/// Labels what the restore itself has made, with the system's own tool.
fn ours(chroot: &Chroot, policy: &str) -> bool {
    let contexts = format!("/etc/selinux/{policy}/contexts/files/file_contexts");
    let there = OURS.iter().filter(|path| chroot.root().join(path).exists());
    let done = Tool::new("setfiles")
        .args(["-F", &contexts])
        .args(there.map(|path| format!("/{path}")))
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .chroot(chroot.root())
        .run();
    if let Err(error) = &done {
        log::warn!("{}", lifeboat_sys::error::chain(error));
    }
    done.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_read() {
        let config = "# SELINUX=disabled\nSELINUX=enforcing\nSELINUXTYPE=targeted\n";
        assert_eq!(policy(config).as_deref(), Some("targeted"));
        assert_eq!(policy("SELINUX=disabled\nSELINUXTYPE=targeted\n"), None);
        assert_eq!(policy(""), None);
    }
}
