//! What makes a system start the stage: a unit of systemd, or an init script.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use lifeboat_devices::table;
use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{FsError, PathContext, create_dir_all, read, write};
use lifeboat_sys::run::Tool;

use super::{DIRECTORY, FirstBootError, PROGRAM, STAGE, Stage, below, remove};

const UNIT: &str = "etc/systemd/system/lifeboat-firstboot.service";
const WANTED: &str = "etc/systemd/system/multi-user.target.wants/lifeboat-firstboot.service";
const SCRIPT: &str = "etc/init.d/lifeboat-firstboot";
const SCRIPT_LINK: &str = "S02lifeboat-firstboot";
/// Where the links of the run levels are: Debian, Red Hat, SUSE.
const LEVELS: [&str; 3] = ["etc", "etc/rc.d", "etc/init.d"];

/// Gettys start after systemd-user-sessions, so this runs before any login. It may fail,
/// and it ends: its tasks have deadlines, and systemd's is beyond them.
const UNIT_TEXT: &str = "\
[Unit]
Description=Lifeboat: reconfigure devices on the first boot after a restore
After=local-fs.target systemd-modules-load.service
Before=systemd-user-sessions.service ssh.service sshd.service

[Service]
Type=oneshot
ExecStart=/usr/lib/lifeboat-firstboot/lifeboat first-boot
TimeoutStartSec=10min

[Install]
WantedBy=multi-user.target
";

const SCRIPT_TEXT: &str = "\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          lifeboat-firstboot
# Required-Start:    $local_fs
# Required-Stop:
# Should-Start:      udev
# X-Start-Before:    ssh sshd
# Default-Start:     2 3 4 5
# Default-Stop:
# Short-Description: Reconfigure devices on the first boot after a restore
### END INIT INFO
# chkconfig: 2345 02 98
# description: Reconfigures devices on the first boot after a restore by Lifeboat.
case \"$1\" in
    start) /usr/lib/lifeboat-firstboot/lifeboat first-boot ;;
    stop | restart | force-reload | status) ;;
    *) echo \"Usage: $0 start\" >&2; exit 2 ;;
esac
";

/// Puts the stage into the system below `root`; `program` is this very binary.
///
/// # Errors
/// [`FirstBootError`] when nothing would start it or a file cannot be written; then the
/// program is there, to be run by hand.
pub fn install(root: &Path, program: &Path, stage: &Stage) -> Result<(), FirstBootError> {
    create_dir_all(below(root, DIRECTORY))?;
    write(below(root, PROGRAM), read(program)?)?;
    executable(&below(root, PROGRAM))?;
    if let Ok(packages) = read(Path::new("/").join(table::SHIPPED)) {
        write(below(root, table::FIRST_BOOT), packages)?;
    }
    write(below(root, STAGE), stage.to_text())?;
    let has = |path: &str| below(root, path).exists();
    if has("usr/lib/systemd/systemd") || has("lib/systemd/systemd") {
        put(root, UNIT, UNIT_TEXT)?;
        link(Path::new("/").join(UNIT), &below(root, WANTED))?;
        return Ok(());
    }
    let levels = levels(root);
    if levels.is_empty() {
        return Err(FirstBootError::NoInit);
    }
    put(root, SCRIPT, SCRIPT_TEXT)?;
    executable(&below(root, SCRIPT))?;
    for level in levels {
        link(Path::new("/").join(SCRIPT), &level.join(SCRIPT_LINK))?;
    }
    reorder(root);
    Ok(())
}

/// The directories of the run levels that people log in at.
fn levels(root: &Path) -> Vec<PathBuf> {
    if !below(root, "etc/init.d").is_dir() {
        return Vec::new();
    }
    let named = |place: &&&str| below(root, place).join("rc3.d").is_dir();
    let place = LEVELS.iter().find(named);
    let place = place.map(|place| below(root, place));
    let all = place
        .iter()
        .flat_map(|place| ["rc2.d", "rc3.d", "rc4.d", "rc5.d"].map(|level| place.join(level)));
    all.filter(|level| level.is_dir()).collect()
}

/// Where scripts start side by side, their order is kept in files of its own.
fn reorder(root: &Path) {
    if !["sbin/insserv", "usr/sbin/insserv"]
        .iter()
        .any(|path| below(root, path).exists())
    {
        return;
    }
    if let Err(error) = Tool::new("insserv").chroot(root).run() {
        log::warn!("{}", chain(&error));
    }
}

fn put(root: &Path, path: &str, text: &str) -> Result<(), FsError> {
    let path = below(root, path);
    if let Some(parent) = path.parent() {
        create_dir_all(parent)?;
    }
    remove(&path)?;
    write(&path, text)
}

fn executable(path: &Path) -> Result<(), FsError> {
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).at("make executable", path)
}

fn link(to: PathBuf, path: &Path) -> Result<(), FsError> {
    if let Some(parent) = path.parent() {
        create_dir_all(parent)?;
    }
    remove(path)?;
    symlink(to, path).at("create link", path)
}

/// Nothing starts the stage any more.
pub(super) fn disable(root: &Path) -> Result<(), FsError> {
    remove(&below(root, WANTED))?;
    for level in levels(root) {
        remove(&level.join(SCRIPT_LINK))?;
    }
    Ok(())
}

/// Takes every file of the stage away; the running binary stays usable to its end.
pub(super) fn uninstall(root: &Path) -> Result<(), FsError> {
    disable(root)?;
    for path in [UNIT, SCRIPT, PROGRAM, STAGE, table::FIRST_BOOT] {
        remove(&below(root, path))?;
    }
    let directory = below(root, DIRECTORY);
    match std::fs::remove_dir(&directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.at("remove", &directory),
    }
}
