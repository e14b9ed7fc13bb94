//! What the rescue image has besides programs and modules: directories, device
//! nodes for the first moments, links of the merged `/usr`, and `/etc`.

use std::path::Path;

use lifeboat_sys::fs::FsError;

use crate::tree::Tree;

/// Directories with their permission bits.
const DIRECTORIES: [(&str, u32); 8] = [
    ("dev", 0o755),
    ("proc", 0o555),
    ("sys", 0o555),
    ("run", 0o755),
    ("tmp", 0o1777),
    ("root", 0o700),
    ("mnt", 0o755),
    ("var", 0o755),
];

/// `/etc`, as files of this directory.
const ETC: [(&str, &str); 10] = [
    ("passwd", include_str!("../rescue/etc/passwd")),
    ("group", include_str!("../rescue/etc/group")),
    ("nsswitch.conf", include_str!("../rescue/etc/nsswitch.conf")),
    ("hosts", include_str!("../rescue/etc/hosts")),
    ("hostname", include_str!("../rescue/etc/hostname")),
    ("profile", include_str!("../rescue/etc/profile")),
    ("lvm/lvm.conf", include_str!("../rescue/etc/lvm/lvm.conf")),
    (
        "mdadm/mdadm.conf",
        include_str!("../rescue/etc/mdadm/mdadm.conf"),
    ),
    (
        "lifeboat/modules",
        include_str!("../rescue/etc/lifeboat/modules"),
    ),
    ("shells", "/bin/sh\n"),
];

/// The skeleton; `root` holds the collected packages, of which `mke2fs.conf` is
/// taken as it is.
///
/// # Errors
/// [`FsError`] when that file was not collected.
pub fn tree(root: &Path) -> Result<Tree, FsError> {
    let mut tree = Tree::default();
    for (path, mode) in DIRECTORIES {
        tree.directory(path, mode);
    }
    // The kernel opens /dev/console for PID 1 before anybody can mount /dev.
    tree.character("dev/console", 0o600, 5, 1);
    tree.character("dev/null", 0o666, 1, 3);
    for name in ["bin", "sbin", "lib", "lib64"] {
        tree.symlink(name, &format!("usr/{name}"));
        tree.directory(&format!("usr/{name}"), 0o755);
    }
    tree.symlink("var/run", "/run");
    tree.symlink("etc/mtab", "/proc/self/mounts");
    for (path, text) in ETC {
        tree.file(&format!("etc/{path}"), 0o644, text);
    }
    tree.copy("etc/mke2fs.conf", 0o644, &root.join("etc/mke2fs.conf"))?;
    Ok(tree)
}
