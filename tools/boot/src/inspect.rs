//! Looking into a boot image: whether what the root file system needs is in it.

use lifeboat_sys::run::{RunError, Tool};

use crate::bootimage::Maker;
use crate::chroot::Chroot;

/// A boot image cannot be looked into, or something is missing in it.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The tool that lists it failed.
    #[error("0590-436 The boot image /{image} cannot be listed")]
    List {
        /// Its path from the root of the system.
        image: String,
        /// What the tool said.
        #[source]
        source: RunError,
    },
    /// A system that boots with it would not find its root.
    #[error("0590-437 The boot image /{image} lacks {what}")]
    Lacks {
        /// Its path from the root of the system.
        image: String,
        /// The things, with what each is for.
        what: String,
    },
}

/// Something that a boot image must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What for: "the driver of hdisk0".
    pub what: String,
    /// Names of files one of which is enough: `lvm`, `virtio_blk.ko`.
    pub any: Vec<String>,
}

/// Lists a boot image with the system's own tool and looks for what is wanted; hands
/// back how many files it holds.
///
/// # Errors
/// [`InspectError`], with everything that is missing.
pub fn inspect(
    chroot: &Chroot,
    maker: Maker,
    image: &str,
    wanted: &[Wanted],
) -> Result<usize, InspectError> {
    let lister = match maker {
        Maker::UpdateInitramfs => "lsinitramfs",
        Maker::Dracut => "lsinitrd",
    };
    let listing = Tool::new(lister)
        .arg(format!("/{image}"))
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .chroot(chroot.root())
        .run()
        .map_err(|source| InspectError::List {
            image: image.to_owned(),
            source,
        })?
        .text();
    let lacking = lacking(&listing, wanted);
    if lacking.is_empty() {
        return Ok(listing.lines().count());
    }
    Err(InspectError::Lacks {
        image: image.to_owned(),
        what: lacking.join(", "),
    })
}

/// What of the wanted a listing does not have.
fn lacking(listing: &str, wanted: &[Wanted]) -> Vec<String> {
    let files: Vec<String> = listing.lines().map(file_name).collect();
    let has = |wanted: &&Wanted| wanted.any.iter().any(|name| files.contains(name));
    wanted
        .iter()
        .filter(|wanted| !has(wanted))
        .map(|wanted| format!("{} ({})", wanted.what, wanted.any.join(" or ")))
        .collect()
}

/// The name of the file that a line is about: a path, or a line as `ls -l` writes it.
/// Modules without what compressed them, in the kernel's spelling.
fn file_name(line: &str) -> String {
    let path = line.split(" -> ").next().unwrap_or(line).trim_end();
    let path = path.rsplit(' ').next().unwrap_or(path);
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.split_once(".ko") {
        Some((module, _)) => format!("{}.ko", module.replace('-', "_")),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of initramfs-tools 0.148 and of dracut 057.
    const LISTINGS: [&str; 2] = [
        "\
.
bin
usr/lib/modules/6.12.107+deb13-powerpc64le/kernel/drivers/block/virtio_blk.ko.xz
usr/lib/modules/6.12.107+deb13-powerpc64le/kernel/drivers/md/dm-mod.ko.xz
usr/sbin/lvm
",
        "\
Image: /boot/initramfs-5.14.0-503.el9.ppc64le.img: 52M
========================================================================
drwxr-xr-x  12 root     root            0 Jan  1  1970 .
-rw-r--r--   1 root     root        20012 Jan  1  1970 usr/lib/modules/5.14.0-503.el9.ppc64le/kernel/drivers/block/virtio_blk.ko.xz
-rw-r--r--   1 root     root        90012 Jan  1  1970 usr/lib/modules/5.14.0-503.el9.ppc64le/kernel/drivers/md/dm-mod.ko.xz
lrwxrwxrwx   1 root     root            3 Jan  1  1970 usr/sbin/vgs -> lvm
-rwxr-xr-x   1 root     root      3000000 Jan  1  1970 usr/sbin/lvm
",
    ];

    #[test]
    fn what_is_missing_is_named_with_what_it_is_for() {
        let wanted = |what: &str, any: &[&str]| Wanted {
            what: what.to_owned(),
            any: any.iter().map(|&name| name.to_owned()).collect(),
        };
        for listing in LISTINGS {
            let there = [
                wanted("the driver of hdisk0", &["virtio_blk.ko"]),
                wanted("the device mapper", &["dm_mod.ko"]),
                wanted("LVM", &["lvm"]),
            ];
            assert_eq!(lacking(listing, &there), [""; 0]);
            let not = [
                wanted("the driver of hdisk1", &["ibmvscsi.ko"]),
                wanted("md", &["mdadm", "mdadm.static"]),
            ];
            assert_eq!(
                lacking(listing, &not),
                [
                    "the driver of hdisk1 (ibmvscsi.ko)",
                    "md (mdadm or mdadm.static)"
                ]
            );
        }
    }
}
