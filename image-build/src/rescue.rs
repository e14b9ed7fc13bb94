//! The rescue system: kernel and initramfs in one directory.

use std::path::Path;
use std::thread;

use anyhow::ensure;
use lifeboat_sys::fs;

use crate::budget::{self, Budget, Share};
use crate::collect::Packages;
use crate::compress::{self, Method};
use crate::elf::Elf;
use crate::kernel::Kernel;
use crate::tree::Tree;
use crate::{modules, newc, own_core, package, programs, providers, skeleton};

/// The kernel's file name, as boot loaders are told.
pub const KERNEL: &str = "vmlinuz";
/// The initramfs' file name, as boot loaders are told.
pub const INITRAMFS: &str = "initrd.img";
/// The file that holds the image's date, in seconds since 1970.
pub const DATE: &str = "date";

/// What goes into the image besides the collected packages.
pub struct Own<'a> {
    /// PID 1, a static program.
    pub init: &'a Path,
    /// The multi-call binary, a static program.
    pub lifeboat: &'a Path,
}

/// Writes kernel and initramfs into `out` and prints the table of sizes.
///
/// The initramfs is one compressed cpio archive for each component, one after
/// another, which the kernel unpacks in turn: so the table is exact, and with a
/// new `lifeboat` all other components stay as they were compressed before.
///
/// # Errors
/// When something is missing, damaged or above its budget.
pub fn build(packages: &Packages, own: &Own<'_>, out: &Path) -> anyhow::Result<()> {
    let kernel = Kernel::find(&packages.root)?;
    let components = components(packages, &kernel, own)?;
    let memory = out.join("compressed");
    fs::create_dir_all(&memory)?;
    let image = kernel.image()?;
    let (vmlinuz, packed) = thread::scope(|scope| {
        let vmlinuz = scope.spawn(|| compress::remembered(&memory, KERNEL, Method::Gzip, &image));
        let packed = components
            .iter()
            .map(|(name, tree)| pack(&memory, name, tree));
        let packed: anyhow::Result<Vec<(Share, Vec<u8>)>> = packed.collect();
        let vmlinuz = vmlinuz
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (vmlinuz, packed)
    });
    let vmlinuz = vmlinuz?;
    let (shares, archives): (Vec<_>, Vec<_>) = packed?.into_iter().unzip();
    let initramfs = archives.concat();
    fs::write(out.join(KERNEL), &vmlinuz)?;
    fs::write(out.join(INITRAMFS), &initramfs)?;
    fs::write(out.join(DATE), format!("{}\n", kernel.date()?))?;

    let image = Share {
        name: KERNEL.to_owned(),
        raw: len(&image),
        packed: len(&vmlinuz),
    };
    print!(
        "{}{}",
        budget::table("kernel", &[image]),
        budget::table("initramfs", &shares)
    );
    Budget::Initramfs.check(len(&initramfs))?;
    Ok(())
}

/// The initramfs by component, in the order in which it is unpacked.
fn components(
    packages: &Packages,
    kernel: &Kernel,
    own: &Own<'_>,
) -> anyhow::Result<Vec<(String, Tree)>> {
    let mut init = Tree::default();
    init.file("init", 0o755, own_program(own.init)?);
    let mut lifeboat = Tree::default();
    lifeboat.file("usr/bin/lifeboat", 0o755, own_program(own.lifeboat)?);
    Budget::Lifeboat.check(lifeboat.size() as u64)?;
    for name in package::links() {
        lifeboat.symlink(&format!("usr/bin/{name}"), "lifeboat");
    }
    let mut core = Tree::default();
    core.file(own_core::path(), 0o644, own_core::build(&packages.root)?);
    let (tools, libraries) = programs::trees(&packages.root)?;
    // The skeleton is first: it makes the links /bin, /lib … and fixes the modes
    // of directories.
    let mut all = vec![
        ("skeleton".to_owned(), skeleton::tree(&packages.root)?),
        ("programs".to_owned(), tools),
        ("libraries".to_owned(), libraries),
    ];
    all.extend(
        modules::trees(kernel)?
            .into_iter()
            .map(|(n, tree)| (format!("modules {n}"), tree)),
    );
    let mut table = Tree::default();
    table.file(providers::PATH, 0o644, providers::table(packages)?);
    all.extend([
        ("GRUB core".to_owned(), core),
        ("table of packages".to_owned(), table),
        ("init".to_owned(), init),
        ("lifeboat".to_owned(), lifeboat),
    ]);
    Ok(all)
}

/// Reads one of our own programs. One for the build host, or one that needs
/// libraries, would only be noticed when the machine does not start.
///
/// # Errors
/// When it is no static program for Power.
pub fn own_program(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = fs::read(path)?;
    let elf = Elf::parse(&bytes);
    let fits = elf.is_ok_and(|elf| elf.is_power() && elf.interpreter().is_none());
    ensure!(
        fits,
        "0590-819 {} is not a static program for powerpc64le",
        path.display()
    );
    Ok(bytes)
}

fn pack(memory: &Path, name: &str, tree: &Tree) -> anyhow::Result<(Share, Vec<u8>)> {
    let archive = newc::archive(tree.nodes())?;
    let packed = compress::remembered(memory, name, Method::Zstd, &archive)?;
    let share = Share {
        name: name.to_owned(),
        raw: tree.size() as u64,
        packed: len(&packed),
    };
    Ok((share, packed))
}

fn len(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::tests::program;

    #[test]
    fn a_program_of_the_build_host_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("init");
        fs::write(&path, program(&[])).unwrap();
        assert!(own_program(&path).is_ok());
        let mut foreign = program(&[]);
        // e_machine of x86-64.
        foreign[18] = 62;
        for bytes in [foreign, b"#!/bin/sh\n".to_vec()] {
            fs::write(&path, bytes).unwrap();
            let error = own_program(&path).unwrap_err().to_string();
            assert!(
                error.ends_with("init is not a static program for powerpc64le"),
                "{error}"
            );
        }
    }
}
