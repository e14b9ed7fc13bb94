//! The first minutes of a Linux system: what must be there before programs run.

use std::fs::{File, OpenOptions, create_dir_all};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use lifeboat_sys::fs::{attribute, write};
use lifeboat_sys::run::Tool;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::set_cad_enabled;
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, sethostname};

use crate::loopback;
use crate::options::Options;

const BUSYBOX: &str = "/bin/busybox";

/// A file system to mount.
struct Mount {
    at: &'static str,
    kind: &'static str,
    flags: MsFlags,
    options: &'static str,
}

const SAFE: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NOEXEC);

/// In this order; `/dev` is first because the log needs it.
const MOUNTS: [Mount; 6] = [
    Mount {
        at: "/dev",
        kind: "devtmpfs",
        flags: MsFlags::MS_NOSUID,
        options: "mode=0755",
    },
    Mount {
        at: "/proc",
        kind: "proc",
        flags: SAFE.union(MsFlags::MS_NODEV),
        options: "",
    },
    Mount {
        at: "/sys",
        kind: "sysfs",
        flags: SAFE.union(MsFlags::MS_NODEV),
        options: "",
    },
    Mount {
        at: "/dev/pts",
        kind: "devpts",
        flags: SAFE,
        options: "mode=0620,gid=5,ptmxmode=0666",
    },
    Mount {
        at: "/run",
        kind: "tmpfs",
        flags: MsFlags::MS_NOSUID,
        options: "mode=0755",
    },
    Mount {
        at: "/tmp",
        kind: "tmpfs",
        flags: MsFlags::MS_NOSUID,
        options: "mode=1777",
    },
];

/// Links that programs expect; the image or the kernel may have them already.
const LINKS: [(&str, &str); 5] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "fd/0"),
    ("/dev/stdout", "fd/1"),
    ("/dev/stderr", "fd/2"),
    ("/etc/mtab", "/proc/self/mounts"),
];

/// The mount points that stay to the end: the last programs need them.
pub fn own_mount_points() -> Vec<&'static str> {
    MOUNTS.iter().map(|mount| mount.at).chain(["/"]).collect()
}

/// Mounts and links.
pub fn file_systems() {
    for entry in &MOUNTS {
        optional(entry.at, create_dir_all(entry.at));
        let Mount {
            at,
            kind,
            flags,
            options,
        } = *entry;
        match mount(Some(kind), at, Some(kind), flags, Some(options)) {
            // The kernel may have mounted it.
            Ok(()) | Err(Errno::EBUSY) => {}
            Err(error) => log::error!(
                "0590-607 {at} cannot be mounted: {}",
                io::Error::from(error)
            ),
        }
    }
    for (link, target) in LINKS {
        optional(link, symlink(target, link));
    }
}

/// Standard input and output on the console. It may be missing (`console=null`)
/// or dead; then they go nowhere, so that no file takes their numbers.
pub fn standard_files() {
    match open("/dev/console").or_else(|_| open("/dev/null")) {
        Ok(file) => {
            let all = dup2_stdin(&file)
                .and(dup2_stdout(&file))
                .and(dup2_stderr(&file));
            optional("standard input and output", all.map_err(io::Error::from));
        }
        Err(error) => log::warn!("/dev/null: {error}"),
    }
}

fn open(path: &str) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// The kernel's settings, the host's name, the loopback interface.
pub fn kernel(options: Options) {
    // Errors reach the consoles; more would be written across the menus.
    console_level(if options.debug { 8 } else { 4 });
    // Else the kernel drops our lines when there are many. It wants the newline.
    setting("/proc/sys/kernel/printk_devkmsg", "on\n");
    let name = attribute("/etc/hostname").filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| "lifeboat".to_owned());
    optional("host name", sethostname(name).map_err(io::Error::from));
    optional(
        "loopback interface",
        loopback::up().map_err(io::Error::from),
    );
    // Ctrl-alt-del is to reach us as a signal.
    optional(
        "ctrl-alt-del",
        set_cad_enabled(false).map_err(io::Error::from),
    );
}

/// Messages below this severity number appear on the consoles.
pub fn console_level(level: u8) {
    setting("/proc/sys/kernel/printk", &level.to_string());
}

fn setting(path: &str, value: &str) {
    if let Err(error) = write(path, value) {
        log::warn!("{error}: {}", error.source);
    }
}

/// Links for busybox's programs, unless the image brings them. Names that exist
/// stay what they are.
pub fn busybox_links() {
    if Path::new("/bin/ls").exists() || !Path::new(BUSYBOX).exists() {
        return;
    }
    if let Err(error) = Tool::new(BUSYBOX).args(["--install", "-s"]).run() {
        log::warn!("{error}");
    }
}

/// Logs what went wrong with something that we can do without.
fn optional(what: &str, result: io::Result<()>) {
    match result {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            log::warn!("{what}: {error}");
        }
        _ => {}
    }
}
