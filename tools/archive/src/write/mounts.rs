//! Where file systems are mounted: known before a directory is touched, since one
//! of a network file system whose server is gone holds whoever looks at it.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What is mounted on a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mounted {
    /// A file system of this machine.
    Local,
    /// One that others serve, or a program.
    Remote,
    /// Nothing yet: whoever opens the directory has something mounted there.
    OnDemand,
}

/// Mount points, by their paths.
#[derive(Debug, Default)]
pub(crate) struct Mounts {
    points: HashMap<Vec<u8>, Mounted>,
}

impl Mounts {
    /// Those of this process; `None` where `/proc` does not tell.
    pub fn of_this_process() -> Option<Self> {
        Some(Self::parse(&fs::read("/proc/self/mountinfo").ok()?))
    }

    /// Reads the lines of `/proc/self/mountinfo`; proc_pid_mountinfo(5).
    fn parse(text: &[u8]) -> Self {
        let lines = text.split(|&byte| byte == b'\n').filter_map(|line| {
            let mut words = line.split(|&byte| byte == b' ');
            let point = words.nth(4)?;
            let kind = words.skip_while(|word| *word != b"-").nth(1)?;
            Some((unescape(point), kind_of(kind)))
        });
        // Of several at one place the last is on top.
        Self {
            points: lines.collect(),
        }
    }

    /// The mount points below a directory, by their paths from there.
    pub fn below(&self, directory: &Path) -> HashMap<Vec<u8>, Mounted> {
        let directory = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
        let directory = directory.as_os_str().as_bytes();
        let inside = |point: &[u8]| {
            let rest = point.strip_prefix(directory)?;
            let rest = if directory.ends_with(b"/") {
                rest
            } else {
                rest.strip_prefix(b"/")?
            };
            (!rest.is_empty()).then(|| rest.to_vec())
        };
        self.points
            .iter()
            .filter_map(|(point, mounted)| Some((inside(point)?, *mounted)))
            .collect()
    }
}

fn kind_of(kind: &[u8]) -> Mounted {
    const REMOTE: [&[u8]; 12] = [
        b"9p",
        b"afs",
        b"ceph",
        b"cifs",
        b"coda",
        b"glusterfs",
        b"gpfs",
        b"lustre",
        b"nfs",
        b"nfs4",
        b"smb3",
        b"smbfs",
    ];
    if kind == b"autofs" {
        Mounted::OnDemand
    } else if REMOTE.contains(&kind) || kind == b"fuse" || kind.starts_with(b"fuse.") {
        Mounted::Remote
    } else {
        Mounted::Local
    }
}

/// Blank, tab, newline and backslash stand there as `\040` and the like.
fn unescape(mut text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    while let Some((&byte, rest)) = text.split_first() {
        let digits = rest.get(..3).filter(|_| byte == b'\\');
        let code = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(code.unwrap_or(byte));
        text = code.map_or(rest, |_| &rest[3..]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &[u8] = b"\
23 28 0:22 / /proc rw,nosuid shared:14 - proc proc rw
28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 28 254:1 / /home rw shared:2 master:1 - xfs /dev/vg/home rw
41 40 0:50 / /home/a\\040b rw - nfs4 server:/x rw
42 28 0:51 / /net rw - autofs systemd-1 rw
43 42 0:52 / /net rw - tmpfs tmpfs rw
44 28 0:53 / /homes rw - fuse.sshfs x rw
broken
";

    #[test]
    fn the_kernels_lines_are_read() {
        let mounts = Mounts::parse(INFO);
        let below = mounts.below(Path::new("/"));
        assert_eq!(below.len(), 5);
        assert_eq!(below[&b"home/a b"[..]], Mounted::Remote);
        assert_eq!(below[&b"net"[..]], Mounted::Local, "the last is on top");
        assert_eq!(below[&b"homes"[..]], Mounted::Remote);
        let home = mounts.below(Path::new("/home"));
        assert!(home.into_keys().eq([b"a b".to_vec()]));
        assert_eq!(kind_of(b"autofs"), Mounted::OnDemand);
    }

    #[test]
    fn this_process_has_a_root() {
        assert!(Mounts::of_this_process().is_none_or(|mounts| !mounts.points.is_empty()));
    }
}
