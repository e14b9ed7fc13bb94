//! The first boot of a restored system: a service that runs before login,
//! reconfigures devices, leaves a report, and removes itself.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use lifeboat_devices::cfgmgr;
use lifeboat_sys::fs::{FsError, PathContext, create_dir_all, read, write};

/// Directory of logs and reports in the restored system.
pub const LOGS: &str = "var/log/lifeboat";
const REPORT: &str = "var/log/lifeboat/first-boot.report";
const UNIT: &str = "etc/systemd/system/lifeboat-firstboot.service";
const WANTED: &str = "etc/systemd/system/multi-user.target.wants/lifeboat-firstboot.service";
const PROGRAM_DIRECTORY: &str = "usr/lib/lifeboat-firstboot";
const PROGRAM: &str = "usr/lib/lifeboat-firstboot/lifeboat";

/// Gettys start after systemd-user-sessions, so this runs before any login.
const UNIT_TEXT: &str = "\
[Unit]
Description=Lifeboat: reconfigure devices on the first boot after a restore
After=local-fs.target systemd-modules-load.service
Before=systemd-user-sessions.service

[Service]
Type=oneshot
ExecStart=/usr/lib/lifeboat-firstboot/lifeboat first-boot
TimeoutStartSec=10min

[Install]
WantedBy=multi-user.target
";

/// The first-boot stage could not be installed or run.
#[derive(Debug, thiserror::Error)]
pub enum FirstBootError {
    /// No systemd in the restored system.
    #[error(
        "0590-471 The restored system does not use systemd; run `lifeboat cfgmgr` in it by hand"
    )]
    NoSystemd,
    /// A file of the stage could not be written or removed.
    #[error("0590-472 The first-boot stage is not in order")]
    File(#[from] FsError),
    /// Devices could not be looked at.
    #[error("0590-473 Devices could not be reconfigured")]
    Devices(#[source] lifeboat_devices::cfgmgr::CfgmgrError),
}

/// Puts the stage into the system below `root`; `program` is this very binary.
///
/// # Errors
/// [`FirstBootError`] when the system has no systemd or a file cannot be written.
pub fn install(root: &Path, program: &Path) -> Result<(), FirstBootError> {
    if !root.join("usr/lib/systemd/systemd").exists() && !root.join("lib/systemd/systemd").exists()
    {
        return Err(FirstBootError::NoSystemd);
    }
    let binary = root.join(PROGRAM);
    create_dir_all(root.join(PROGRAM_DIRECTORY))?;
    write(&binary, read(program)?)?;
    std::fs::set_permissions(&binary, PermissionsExt::from_mode(0o755))
        .at("make executable", &binary)?;
    for (path, what) in [(UNIT, "unit"), (WANTED, "link")] {
        let path = root.join(path);
        if let Some(parent) = path.parent() {
            create_dir_all(parent)?;
        }
        remove(&path)?;
        if what == "unit" {
            write(&path, UNIT_TEXT)?;
        } else {
            symlink(Path::new("/").join(UNIT), &path).at("create link", &path)?;
        }
    }
    Ok(())
}

/// Runs the stage in the restored system (`root` is `/`), then removes it. The
/// stage goes away also when devices could not be configured: it must not run
/// again at every boot.
///
/// # Errors
/// [`FirstBootError`]; the report says what happened before.
pub fn run(root: &Path) -> Result<PathBuf, FirstBootError> {
    create_dir_all(root.join(LOGS))?;
    let report = root.join(REPORT);
    let outcome = cfgmgr::configure(root);
    let text = match &outcome {
        Ok(report) => report.to_string(),
        Err(error) => format!("{}\n", lifeboat_sys::error::chain(error)),
    };
    write(&report, text)?;
    uninstall(root)?;
    outcome.map(|_| report).map_err(FirstBootError::Devices)
}

/// Takes every file of the stage away; the running binary stays usable to its end.
fn uninstall(root: &Path) -> Result<(), FsError> {
    for path in [WANTED, UNIT, PROGRAM] {
        remove(&root.join(path))?;
    }
    let directory = root.join(PROGRAM_DIRECTORY);
    std::fs::remove_dir(&directory).at("remove", &directory)
}

fn remove(path: &Path) -> Result<(), FsError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.at("remove", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_is_removed_without_a_trace() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("program");
        std::fs::write(&program, "binary").unwrap();
        assert!(matches!(
            install(root.path(), &program),
            Err(FirstBootError::NoSystemd)
        ));
        std::fs::create_dir_all(root.path().join("usr/lib/systemd")).unwrap();
        std::fs::write(root.path().join("usr/lib/systemd/systemd"), "").unwrap();
        install(root.path(), &program).unwrap();
        install(root.path(), &program).unwrap();
        let link = std::fs::read_link(root.path().join(WANTED)).unwrap();
        assert_eq!(link, Path::new("/").join(UNIT));
        uninstall(root.path()).unwrap();
        for path in [WANTED, UNIT, PROGRAM_DIRECTORY] {
            assert!(root.path().join(path).symlink_metadata().is_err(), "{path}");
        }
    }
}
