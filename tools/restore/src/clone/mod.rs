//! A clone: what would make two systems pass for one is taken away, and made new by the
//! first boot or by the programs that own it.

mod names;

use std::fs::File;
use std::path::{Path, PathBuf};

use lifeboat_boot::chroot::Chroot;
use lifeboat_layout::plan::Plan;
use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{FsError, PathContext};
use lifeboat_sys::run::Tool;

pub(crate) use names::rename;

use crate::references::files::{self, Place};
use crate::references::lines::{Edited, each_entry};
use crate::references::multipath_id;

/// Empty, systemd makes a new one at the next boot; with `uninitialized` in it, it would
/// also switch services on and off again as after an installation.
const MACHINE_ID: &str = "etc/machine-id";

/// What belongs to one system: keys, seeds, and the names under which servers know it.
const OWN: [Place<()>; 16] = [
    ("etc/ssh", "ssh_host_*", ()),
    // The machine-id would be made from it.
    ("var/lib/dbus", "machine-id", ()),
    ("var/lib/systemd", "random-seed", ()),
    ("var/lib/urandom", "random-seed", ()),
    ("var/lib/misc", "random-seed", ()),
    ("var/lib", "random-seed", ()),
    ("etc/nvme", "hostid", ()),
    ("etc/nvme", "hostnqn", ()),
    ("var/lib/dhcp", "*.leases", ()),
    ("var/lib/dhclient", "*", ()),
    ("var/lib/dhcpcd", "*", ()),
    ("etc", "dhcpcd.duid", ()),
    ("etc", "dhcpcd.secret", ()),
    ("var/lib/NetworkManager", "*.lease", ()),
    ("var/lib/NetworkManager", "secret_key", ()),
    ("var/lib/wicked", "*.xml", ()),
];

/// What multipath knows of disks by their identifiers.
const MULTIPATH: [&str; 2] = ["etc/multipath/wwids", "etc/multipath/bindings"];

const INITIATOR: &str = "etc/iscsi/initiatorname.iscsi";

/// What was taken away, and what the operator should know of it.
#[derive(Debug, Default)]
pub(crate) struct Renewed {
    /// The files that were emptied, changed or removed.
    pub(crate) files: Vec<PathBuf>,
    /// Sentences.
    pub(crate) findings: Vec<String>,
}

/// Makes the system in `chroot` another one than its source.
///
/// # Errors
/// [`FsError`] with the file that cannot be changed or removed.
pub(crate) fn renew(chroot: &Chroot) -> Result<Renewed, FsError> {
    let root = File::open(chroot.root()).at("open", chroot.root())?;
    let mut renewed = Renewed {
        files: forget(&root)?,
        findings: Vec::new(),
    };
    if let Some(text) = files::read(&root, Path::new(INITIATOR))? {
        let new = Tool::new("iscsi-iname").chroot(chroot.root()).run();
        match new {
            Ok(output) => {
                let name = output.text().trim().to_owned();
                let edited = initiator(&text, &name);
                files::edit(&root, Path::new(INITIATOR), |_| edited)?;
                renewed.files.push(INITIATOR.into());
                renewed.findings.push(format!(
                    "0590-490 The clone is the iSCSI initiator {name} now; its storage must let it in"
                ));
            }
            Err(error) => renewed.findings.push(format!(
                "0590-491 The clone is the same iSCSI initiator as its source; give it another name in /{INITIATOR}: {}",
                chain(&error)
            )),
        }
    }
    for path in &renewed.files {
        log::info!("a clone: {} is not that of its source", path.display());
    }
    Ok(renewed)
}

fn forget(root: &File) -> Result<Vec<PathBuf>, FsError> {
    let mut done = Vec::new();
    let id = Path::new(MACHINE_ID);
    if files::edit(root, id, |_| Edited::default())?.is_some() {
        done.push(id.to_owned());
    }
    for (path, ()) in files::present(root, &OWN)? {
        if files::remove(root, &path)? {
            done.push(path);
        }
    }
    Ok(done)
}

fn initiator(text: &[u8], name: &str) -> Edited {
    each_entry(text, |line| {
        line.starts_with("InitiatorName=")
            .then(|| format!("InitiatorName={name}"))
    })
}

/// Takes disks that the plan does not name out of multipath's lists.
///
/// # Errors
/// [`FsError`] with the file that cannot be changed.
pub(crate) fn only_own_disks(root: &Path, plan: &Plan) -> Result<Vec<PathBuf>, FsError> {
    let root = File::open(root).at("open", root)?;
    let disks = plan.disks().into_iter();
    let own: Vec<String> = disks
        .filter_map(|disk| multipath_id(disk.wwid.as_deref()?))
        .collect();
    let mut done = Vec::new();
    for path in MULTIPATH.map(Path::new) {
        let Some(old) = files::read(&root, path)? else {
            continue;
        };
        let text = only(&old, &own);
        if text != old {
            let edits = Vec::new();
            files::edit(&root, path, |_| Edited { text, edits })?;
            log::info!("{} lists the disks of this machine only", path.display());
            done.push(path.to_owned());
        }
    }
    Ok(done)
}

/// `/3600a/` and `mpatha 3600a`: the identifier is the last word.
fn only(text: &[u8], own: &[String]) -> Vec<u8> {
    let stays = |line: &&[u8]| {
        let line = String::from_utf8_lossy(line);
        let last = line.split_whitespace().next_back();
        let id = last.map(|word| word.trim_matches('/'));
        line.trim_start().starts_with('#') || id.is_none_or(|id| own.iter().any(|own| own == id))
    };
    let lines = text.split_inclusive(|&byte| byte == b'\n');
    lines.filter(stays).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_makes_two_systems_pass_for_one_goes() {
        let place = tempfile::tempdir().unwrap();
        let kept = [
            "etc/ssh/sshd_config",
            "var/lib/systemd/timers/x",
            "etc/nvme/discovery.conf",
        ];
        let own = [
            "etc/ssh/ssh_host_ed25519_key",
            "etc/ssh/ssh_host_ed25519_key.pub",
            "var/lib/systemd/random-seed",
            "etc/nvme/hostnqn",
            "var/lib/dhcp/dhclient.enp0s1.leases",
        ];
        for path in kept.iter().chain(&own).chain(&[MACHINE_ID]) {
            let path = place.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "of the source").unwrap();
        }
        // A link to the machine-id is no identity of its own.
        fs::create_dir_all(place.path().join("var/lib/dbus")).unwrap();
        let link = place.path().join("var/lib/dbus/machine-id");
        std::os::unix::fs::symlink("/etc/machine-id", &link).unwrap();
        let root = File::open(place.path()).unwrap();
        let done = forget(&root).unwrap();
        assert_eq!(done.len(), own.len() + 1);
        for path in own {
            assert!(!place.path().join(path).exists(), "{path}");
        }
        for path in kept {
            assert!(place.path().join(path).exists(), "{path}");
        }
        assert!(link.is_symlink());
        assert_eq!(fs::read(place.path().join(MACHINE_ID)).unwrap(), b"");
    }

    #[test]
    fn multipath_lists_own_disks_only() {
        let own = ["3600b".to_owned()];
        let wwids = b"# Valid WWIDs:\n/3600a/\n/3600b/\n";
        assert_eq!(only(wwids, &own), b"# Valid WWIDs:\n/3600b/\n");
        let bindings = b"# Format:\n# alias wwid\n#\nmpatha 3600b\nmpathb 3600c\n";
        let new = b"# Format:\n# alias wwid\n#\nmpatha 3600b\n";
        assert_eq!(only(bindings, &own), new);
    }

    #[test]
    fn an_initiator_gets_another_name() {
        let text = b"## comment\nInitiatorName=iqn.1993-08.org.debian:01:a\n";
        let new = b"## comment\nInitiatorName=iqn.2026-11.x:b\n";
        assert_eq!(initiator(text, "iqn.2026-11.x:b").text, new);
    }
}
