//! The kernel modules of the rescue image: chosen by group from a list and
//! closed over their dependencies here, so that PID 1 only follows names.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread;

use lifeboat_sys::fs::{self, FsError};
use lifeboat_sys::run::{RunError, Tool};

use crate::elf::ElfError;
use crate::kernel::{Kernel, name};
use crate::modinfo::ModInfo;
use crate::tree::Tree;

/// What the image drives, by group.
const WANTED: &str = include_str!("../modules.list");

/// Choosing or reading modules failed.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// The list asks for something that this kernel does not have.
    #[error("0590-807 modules.list asks for {0}, which the collected kernel does not have")]
    Absent(String),
    /// A line of the list stands before the first group.
    #[error("0590-808 modules.list: {0} belongs to no group")]
    NoGroup(String),
    /// A module's file makes no sense.
    #[error("0590-809 Module {path} cannot be read")]
    Damaged {
        /// Its path below the module directory.
        path: String,
        /// What is wrong.
        #[source]
        source: ElfError,
    },
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FsError),
    /// xz failed.
    #[error(transparent)]
    Xz(#[from] RunError),
}

/// A set of modules that is accounted for together.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    name: String,
    /// Directories (`drivers/md/`) or modules (`drivers/md/dm-mod`) below `kernel/`.
    wanted: Vec<String>,
}

/// One module, ready for the image.
struct Module {
    group: String,
    bytes: Vec<u8>,
    info: ModInfo,
}

/// Modules by path below the module directory.
type Modules = BTreeMap<String, Module>;

/// The modules of `modules.list` with all that they need, one tree for each
/// group and one named "index" with the files that `modprobe` and PID 1 read.
///
/// # Errors
/// [`ModuleError`] when the list does not fit the kernel or a file is damaged.
pub fn trees(kernel: &Kernel) -> Result<Vec<(String, Tree)>, ModuleError> {
    let mut chosen = Modules::new();
    let mut names = Vec::new();
    for group in parse_list(WANTED)? {
        names.push(group.name.clone());
        add_closed(&mut chosen, &group, kernel)?;
    }
    let base = format!("usr/lib/modules/{}", kernel.release);
    let mut trees: Vec<(String, Tree)> = names.into_iter().map(|n| (n, Tree::default())).collect();
    for (path, module) in &mut chosen {
        if let Some((_, tree)) = trees.iter_mut().find(|(name, _)| *name == module.group) {
            tree.file(
                &format!("{base}/{path}"),
                0o644,
                std::mem::take(&mut module.bytes),
            );
        }
    }
    let mut index = Tree::default();
    index.file(
        &format!("{base}/modules.dep"),
        0o644,
        dep_file(&chosen, kernel),
    );
    index.file(
        &format!("{base}/modules.alias"),
        0o644,
        alias_file(&chosen, kernel),
    );
    index.file(
        &format!("{base}/modules.softdep"),
        0o644,
        softdep_file(&chosen),
    );
    for builtin in ["modules.builtin", "modules.builtin.modinfo"] {
        index.copy(
            &format!("{base}/{builtin}"),
            0o644,
            &kernel.modules.join(builtin),
        )?;
    }
    trees.push(("index".to_owned(), index));
    Ok(trees)
}

/// Reads the list: `[group]` lines, one wanted path in a line, `#` comments.
fn parse_list(text: &str) -> Result<Vec<Group>, ModuleError> {
    let mut groups: Vec<Group> = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            groups.push(Group {
                name: name.to_owned(),
                wanted: Vec::new(),
            });
        } else if !line.is_empty() {
            let group = groups
                .last_mut()
                .ok_or_else(|| ModuleError::NoGroup(line.to_owned()))?;
            group.wanted.push(line.to_owned());
        }
    }
    Ok(groups)
}

/// The paths that one line of the list means; none for what is built in.
fn matching(kernel: &Kernel, wanted: &str) -> Result<Vec<String>, ModuleError> {
    let under = format!("kernel/{wanted}");
    let exact = format!("{under}.ko");
    let fits =
        |path: &&String| **path == exact || (wanted.ends_with('/') && path.starts_with(&under));
    let found: Vec<String> = kernel.paths.values().filter(fits).cloned().collect();
    if found.is_empty() && !kernel.builtin.contains(&name(wanted)) {
        return Err(ModuleError::Absent(wanted.to_owned()));
    }
    Ok(found)
}

/// Adds a group's modules and, wave by wave, the modules that those need.
fn add_closed(chosen: &mut Modules, group: &Group, kernel: &Kernel) -> Result<(), ModuleError> {
    let mut wave = Vec::new();
    for wanted in &group.wanted {
        wave.extend(matching(kernel, wanted)?);
    }
    loop {
        wave.sort();
        wave.dedup();
        wave.retain(|path| !chosen.contains_key(path));
        if wave.is_empty() {
            return Ok(());
        }
        let mut next = Vec::new();
        for (path, bytes) in read_all(kernel, &wave)? {
            let info = ModInfo::of_module(&bytes).map_err(|source| ModuleError::Damaged {
                path: path.clone(),
                source,
            })?;
            // What is not a module is built in; a soft dependency may be absent.
            let needs = info.depends.iter().cloned().chain(info.soft_names());
            next.extend(needs.filter_map(|name| kernel.paths.get(&name).cloned()));
            chosen.insert(
                path,
                Module {
                    group: group.name.clone(),
                    bytes,
                    info,
                },
            );
        }
        wave = next;
    }
}

/// Reads modules on all processors; Debian compresses each with xz, the image
/// keeps them plain so that its own compression works across them.
///
/// # Errors
/// [`ModuleError`] for one that cannot be read.
pub fn read_all(kernel: &Kernel, paths: &[String]) -> Result<Vec<(String, Vec<u8>)>, ModuleError> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let share = paths.len().div_ceil(workers).max(1);
    let parts = thread::scope(|scope| {
        let read = |part: &[String]| -> Result<Vec<_>, ModuleError> {
            part.iter()
                .map(|path| Ok((path.clone(), read_one(kernel, path)?)))
                .collect()
        };
        let started: Vec<_> = paths
            .chunks(share)
            .map(|p| scope.spawn(move || read(p)))
            .collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| {
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        started.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(parts.into_iter().flatten().collect())
}

fn read_one(kernel: &Kernel, path: &str) -> Result<Vec<u8>, ModuleError> {
    let packed = kernel.modules.join(format!("{path}.xz"));
    if packed.exists() {
        return Ok(Tool::new("xz").arg("-dc").arg(packed).run()?.stdout);
    }
    Ok(fs::read(kernel.modules.join(path))?)
}

/// `modules.dep` as depmod(8) writes it: each line names a module and all that
/// it needs, the one to load first last.
fn dep_file(chosen: &Modules, kernel: &Kernel) -> String {
    let mut text = String::new();
    for path in chosen.keys() {
        let mut order = Vec::new();
        visit(chosen, kernel, path, &mut order);
        // The module itself is visited last.
        order.pop();
        order.reverse();
        let needs: String = order.iter().map(|need| format!(" {need}")).collect();
        let _ = writeln!(text, "{path}:{needs}");
    }
    text
}

/// Depth first: what is needed comes before what needs it. Bounded, because a
/// module is entered once; the kernel build refuses circles.
fn visit(chosen: &Modules, kernel: &Kernel, path: &str, order: &mut Vec<String>) {
    let Some(module) = chosen.get(path) else {
        return;
    };
    for need in module
        .info
        .depends
        .iter()
        .filter_map(|name| kernel.paths.get(name))
    {
        if !order.contains(need) {
            visit(chosen, kernel, need, order);
        }
    }
    order.push(path.to_owned());
}

/// `modules.alias`, preferred modules first.
fn alias_file(chosen: &Modules, kernel: &Kernel) -> String {
    let mut paths: Vec<&String> = chosen.keys().collect();
    paths.sort_by_key(|path| kernel.order.get(*path));
    let mut text = String::new();
    for path in paths {
        for alias in &chosen[path].info.aliases {
            let _ = writeln!(text, "alias {alias} {}", name(path));
        }
    }
    text
}

/// `modules.softdep`.
fn softdep_file(chosen: &Modules) -> String {
    let mut text = String::new();
    for (path, module) in chosen {
        for soft in &module.info.softdeps {
            let _ = writeln!(text, "softdep {} {soft}", name(path));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use lifeboat_devices::modules::{ModuleIndex, Texts};

    use super::*;
    use crate::elf::tests::module;
    use crate::kernel;

    const PATHS: [&str; 5] = [
        "kernel/drivers/scsi/sd_mod.ko",
        "kernel/fs/ext4/ext4.ko",
        "kernel/fs/jbd2/jbd2.ko",
        "kernel/fs/mbcache.ko",
        "kernel/crypto/crc32c-generic.ko",
    ];

    fn kernel() -> (tempfile::TempDir, Kernel) {
        let dir = kernel::tests::tree(&PATHS, &["kernel/drivers/char/nvram.ko"]);
        let kernel = Kernel::find(dir.path()).unwrap();
        let infos = [
            "alias=scsi:t-0x00*\0depends=\0",
            "alias=fs-ext4\0depends=jbd2,mbcache\0softdep=pre: crc32c-generic\0",
            "depends=mbcache\0",
            "depends=\0",
            "alias=crc32c\0depends=\0",
        ];
        for (path, info) in PATHS.iter().zip(infos) {
            let file = kernel.modules.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, module(info.as_bytes())).unwrap();
        }
        (dir, kernel)
    }

    fn group(wanted: &[&str]) -> Group {
        Group {
            name: "g".into(),
            wanted: wanted.iter().map(|w| (*w).to_owned()).collect(),
        }
    }

    #[test]
    fn needs_and_soft_dependencies_come_along() {
        let (_dir, kernel) = kernel();
        let mut chosen = Modules::new();
        add_closed(
            &mut chosen,
            &group(&["fs/ext4/", "drivers/char/nvram"]),
            &kernel,
        )
        .unwrap();
        let mut paths = PATHS[1..].to_vec();
        paths.sort_unstable();
        assert_eq!(chosen.keys().collect::<Vec<_>>(), paths);
    }

    #[test]
    fn pid_1_reads_the_index_that_is_written() {
        let (_dir, kernel) = kernel();
        let mut chosen = Modules::new();
        add_closed(
            &mut chosen,
            &group(&["fs/ext4/ext4", "drivers/scsi/"]),
            &kernel,
        )
        .unwrap();
        let index = ModuleIndex::parse(Texts {
            dep: &dep_file(&chosen, &kernel),
            alias: &alias_file(&chosen, &kernel),
            softdep: &softdep_file(&chosen),
            builtin: "kernel/drivers/char/nvram.ko\n",
        });
        let order = |name| {
            index
                .closure([name])
                .iter()
                .map(|m| m.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(order("ext4"), ["crc32c_generic", "mbcache", "jbd2", "ext4"]);
        assert_eq!(index.matching("scsi:t-0x00"), ["sd_mod"]);
    }

    #[test]
    fn a_line_of_the_list_that_fits_nothing_is_an_error() {
        let (_dir, kernel) = kernel();
        for wanted in ["drivers/scsi/gone", "drivers/gone/"] {
            let error = add_closed(&mut Modules::new(), &group(&[wanted]), &kernel).unwrap_err();
            assert!(matches!(error, ModuleError::Absent(name) if name == wanted));
        }
    }

    #[test]
    fn the_projects_own_list_is_well_formed() {
        let groups = parse_list(WANTED).unwrap();
        assert!(groups.iter().all(|group| !group.wanted.is_empty()));
        assert!(matches!(
            parse_list("fs/ext4/"),
            Err(ModuleError::NoGroup(_))
        ));
    }
}
