//! Being root for files: the real one, or that of a user namespace, in which
//! files can belong to anybody as well (uidmap's sub-ids).

use lifeboat_sys::run::Tool;
use nix::unistd::Uid;

/// A program that may make, read and remove files of any owner.
pub fn as_root(program: &str) -> Tool {
    if Uid::effective().is_root() {
        return Tool::new(program);
    }
    Tool::new("unshare").args(["--map-root-user", "--map-auto", "--", program])
}
