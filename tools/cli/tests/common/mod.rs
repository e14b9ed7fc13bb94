//! The built binary, and a small backup to call it on.

#![allow(dead_code, reason = "every test file uses a part of this")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_sys::run::Tool;

/// The binary under test.
pub const LIFEBOAT: &str = env!("CARGO_BIN_EXE_lifeboat");

/// What a command did.
#[derive(Debug)]
pub struct Done {
    /// Its exit status.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Done {
    /// It went well and said nothing on standard error, but how far it was.
    #[track_caller]
    pub fn well(self) -> String {
        let progress = |line: &&str| line.contains(" MiB") && !line.starts_with("lifeboat: ");
        let said = self.err.lines().find(|line| !progress(line));
        assert_eq!((self.code, said), (0, None), "{}", self.out);
        self.out
    }

    /// It failed with this status and a message that has these words.
    #[track_caller]
    pub fn badly(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {}", self.err);
        }
        self
    }
}

/// Runs a program to its end.
pub fn run(tool: Tool) -> Done {
    let (status, output) = tool.deadline(Duration::from_secs(900)).status().unwrap();
    Done {
        code: status.code().unwrap_or(-1),
        out: output.text(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs `lifeboat` with these words.
pub fn lifeboat(words: &[&str]) -> Done {
    run(Tool::new(LIFEBOAT).args(words))
}

/// Runs a shell line; `$lifeboat` is the binary.
pub fn shell(directory: &Path, line: &str) -> Done {
    run(Tool::new("sh")
        .args(["-c", "cd \"$1\" && eval \"$2\"", "sh"])
        .arg(directory)
        .arg(line)
        .env("lifeboat", LIFEBOAT))
}

/// A directory with a small system and its backup.
pub struct Place {
    directory: tempfile::TempDir,
}

/// Lengths of the two files that fill several frames.
pub const LONG: usize = 6 << 20;

impl Place {
    /// Makes the system, and its backup `b.mksysb`.
    pub fn new() -> Self {
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let tree = place.path("tree");
        for directory in ["etc/ssh", "var/lib/dpkg", "srv"] {
            fs::create_dir_all(tree.join(directory)).unwrap();
        }
        let write = |name: &str, content: &[u8]| fs::write(tree.join(name), content).unwrap();
        write("etc/fstab", b"/dev/rootvg/hd4 / ext4 defaults 0 1\n");
        write("etc/hosts", b"127.0.0.1 localhost\n");
        write("etc/ssh/sshd_config", b"Port 22\n");
        write("etc/a name with blanks", b"odd\n");
        fs::hard_link(tree.join("etc/hosts"), tree.join("etc/hosts.link")).unwrap();
        symlink("hosts", tree.join("etc/hosts.symlink")).unwrap();
        write("srv/before", &noise(1));
        write("srv/long", &noise(2));
        write("var/lib/dpkg/status", STATUS.as_bytes());
        place.back_up("b.mksysb");
        place
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The same as a word.
    pub fn word(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Backs the system up.
    pub fn back_up(&self, name: &str) {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../image-build/demo");
        let tool = Tool::new(LIFEBOAT)
            .args(["mksysb", "--tree"])
            .arg(self.path("tree"))
            .arg("--image-data")
            .arg(demo.join("image.data"))
            .arg("--bosinst-data")
            .arg(demo.join("bosinst.data"))
            .arg(self.path(name));
        assert_eq!(run(tool).code, 0);
    }

    /// A copy of the backup with one bit turned at this share of its length.
    pub fn damaged(&self, name: &str, share: f64) {
        let mut bytes = fs::read(self.path("b.mksysb")).unwrap();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place somewhere in a small file"
        )]
        let at = (bytes.len() as f64 * share) as usize;
        bytes[at] ^= 0x10;
        fs::write(self.path(name), bytes).unwrap();
    }

    /// A copy of the backup without its end.
    pub fn truncated(&self, name: &str) {
        let bytes = fs::read(self.path("b.mksysb")).unwrap();
        fs::write(self.path(name), &bytes[..bytes.len() * 2 / 3]).unwrap();
    }
}

/// Bytes that do not compress, so that frames have a known place in the backup.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        // Knuth's MMIX generator.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..LONG).map(|_| next()).collect()
}

const STATUS: &str = "\
Package: zlib1g
Status: install ok installed
Architecture: ppc64el
Version: 1:1.3.1-1
Description: compression library - runtime

Package: acl
Status: install ok installed
Architecture: ppc64el
Version: 2.3.2-2
Description: access control list - utilities
";
