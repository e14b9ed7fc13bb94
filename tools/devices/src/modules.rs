//! The index of a directory `/lib/modules/VERSION`: modules, what each needs,
//! and the device aliases that they answer.
//!
//! The files are described in modules.dep(5) and modprobe.d(5).

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::path::Path;

use lifeboat_sys::fs::{self, FsError};

use crate::alias::AliasIndex;
use crate::normalised;

/// The texts of the files in a module directory.
#[derive(Debug, Default, Clone, Copy)]
pub struct Texts<'a> {
    /// `modules.dep`.
    pub dep: &'a str,
    /// `modules.alias`.
    pub alias: &'a str,
    /// `modules.softdep`.
    pub softdep: &'a str,
    /// `modules.builtin`.
    pub builtin: &'a str,
}

/// One loadable module. All names are normalised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// Its file, relative to the module directory.
    pub path: String,
    /// All that it cannot be loaded without, in the order of loading.
    pub needs: Vec<String>,
    /// Modules or aliases that should be loaded before it, if they exist.
    pub before: Vec<String>,
    /// Modules or aliases that should be loaded after it, if they exist.
    pub after: Vec<String>,
}

/// The modules of one kernel.
#[derive(Debug, Default)]
pub struct ModuleIndex {
    modules: HashMap<String, Module>,
    builtin: HashSet<String>,
    aliases: AliasIndex,
}

impl ModuleIndex {
    /// Reads a module directory. A missing `modules.softdep` or
    /// `modules.builtin` counts as empty.
    ///
    /// # Errors
    /// [`FsError`] for a file that cannot be read.
    pub fn read(directory: &Path) -> Result<Self, FsError> {
        let optional = |name| match fs::read_to_string(directory.join(name)) {
            Err(error) if error.source.kind() == ErrorKind::NotFound => Ok(String::new()),
            other => other,
        };
        let texts = Texts {
            dep: &fs::read_to_string(directory.join("modules.dep"))?,
            alias: &fs::read_to_string(directory.join("modules.alias"))?,
            softdep: &optional("modules.softdep")?,
            builtin: &optional("modules.builtin")?,
        };
        Ok(Self::parse(texts))
    }

    /// An index of the files' texts. Lines of another shape are left out, with
    /// a warning: half an index still boots a machine.
    #[must_use]
    pub fn parse(texts: Texts<'_>) -> Self {
        let modules = lines("modules.dep", texts.dep, dep_line);
        let mut modules: HashMap<String, Module> = modules
            .map(|module| (module.name.clone(), module))
            .collect();
        for soft in lines("modules.softdep", texts.softdep, softdep_line) {
            if let Some(module) = modules.get_mut(&soft.name) {
                module.before.extend(soft.before);
                module.after.extend(soft.after);
            }
        }
        Self {
            modules,
            builtin: texts.builtin.lines().map(name_of).collect(),
            aliases: AliasIndex::new(lines("modules.alias", texts.alias, alias_line)),
        }
    }

    /// The module of this name, if it can be loaded.
    #[must_use]
    pub fn module(&self, name: &str) -> Option<&Module> {
        self.modules.get(&normalised(name))
    }

    /// Whether the name is a module of this kernel, built in, or an alias.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.is_builtin(name) || !self.named(name).is_empty()
    }

    /// Whether a module of this name is part of the kernel itself.
    #[must_use]
    pub fn is_builtin(&self, name: &str) -> bool {
        self.builtin.contains(&normalised(name))
    }

    /// The names of the modules that answer a device's modalias, preferred
    /// ones first.
    #[must_use]
    pub fn matching(&self, modalias: &str) -> Vec<&str> {
        self.aliases.matching(modalias)
    }

    /// What must be loaded, in this order, for the modules or aliases named:
    /// they, all that they need, and their soft dependencies. Names that are
    /// built in or unknown add nothing.
    pub fn closure<S: AsRef<str>>(&self, names: impl IntoIterator<Item = S>) -> Vec<&Module> {
        let mut closure = Closure {
            index: self,
            entered: HashSet::new(),
            placed: HashSet::new(),
            order: Vec::new(),
        };
        for name in names {
            closure.add(name.as_ref());
        }
        closure.order
    }

    /// The loadable modules that a name means: one of that name, or those that
    /// have it as an alias.
    fn named(&self, name: &str) -> Vec<&Module> {
        if let Some(module) = self.module(name) {
            return vec![module];
        }
        if self.is_builtin(name) {
            return Vec::new();
        }
        let matching = self.aliases.matching(name);
        matching
            .into_iter()
            .filter_map(|name| self.module(name))
            .collect()
    }
}

/// The work of [`ModuleIndex::closure`].
struct Closure<'a> {
    index: &'a ModuleIndex,
    /// Modules whose soft dependencies were followed: those may run in circles.
    entered: HashSet<&'a str>,
    placed: HashSet<&'a str>,
    order: Vec<&'a Module>,
}

impl<'a> Closure<'a> {
    fn add(&mut self, name: &str) {
        let index = self.index;
        for module in index.named(name) {
            let needs = module.needs.iter().filter_map(|need| index.module(need));
            let mut chain: Vec<&'a Module> = needs.chain([module]).collect();
            let mut fresh = chain.clone();
            fresh.retain(|module| self.entered.insert(&module.name));
            fresh
                .iter()
                .flat_map(|module| &module.before)
                .for_each(|soft| self.add(soft));
            chain.retain(|module| self.placed.insert(&module.name));
            self.order.append(&mut chain);
            fresh
                .iter()
                .flat_map(|module| &module.after)
                .for_each(|soft| self.add(soft));
        }
    }
}

/// The lines of a file that have its shape; comments and empty lines go.
fn lines<'a, T>(
    file: &'static str,
    text: &'a str,
    parse: impl Fn(&'a str) -> Option<T>,
) -> impl Iterator<Item = T> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(move |(at, line)| {
        let parsed = parse(line);
        if parsed.is_none() {
            log::warn!(
                "0590-501 {file}, line {}: not understood and left out",
                at + 1
            );
        }
        parsed
    })
}

/// `PATH: NEED NEED …`, where the need that is loaded first stands last.
fn dep_line(line: &str) -> Option<Module> {
    let (path, needs) = line.split_once(':')?;
    let needs = needs.split_ascii_whitespace().rev().map(name_of).collect();
    Some(Module {
        name: name_of(path),
        path: path.to_owned(),
        needs,
        ..Module::default()
    })
}

/// `softdep MODULE [pre: NAME…] [post: NAME…]`, given as a module without path.
/// Names before the first of those words mean nothing, as for modprobe.
fn softdep_line(line: &str) -> Option<Module> {
    let mut words = line.split_ascii_whitespace();
    let name = words
        .next()
        .filter(|&word| word == "softdep")
        .and(words.next())?;
    let mut soft = Module {
        name: normalised(name),
        ..Module::default()
    };
    let mut nowhere = Vec::new();
    let mut list = &mut nowhere;
    for word in words {
        match word {
            "pre:" => list = &mut soft.before,
            "post:" => list = &mut soft.after,
            name => list.push(name.to_owned()),
        }
    }
    Some(soft)
}

/// `alias PATTERN MODULE`; patterns may contain blanks (DMI strings do).
fn alias_line(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("alias ")?.trim_end().rsplit_once(' ')
}

/// The module's name in a path like `kernel/drivers/md/dm-mod.ko.xz`.
fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    normalised(file.split(".ko").next().unwrap_or(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXTS: Texts<'static> = Texts {
        dep: "\
kernel/drivers/scsi/ibmvscsi/ibmvscsi.ko.xz: kernel/drivers/scsi/scsi_transport_srp.ko.xz kernel/drivers/scsi/scsi_mod.ko.xz kernel/drivers/scsi/scsi_common.ko.xz
kernel/drivers/scsi/scsi_transport_srp.ko.xz: kernel/drivers/scsi/scsi_mod.ko.xz kernel/drivers/scsi/scsi_common.ko.xz
kernel/drivers/scsi/scsi_mod.ko.xz: kernel/drivers/scsi/scsi_common.ko.xz
kernel/drivers/scsi/scsi_common.ko.xz:
kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko
kernel/fs/jbd2/jbd2.ko:
kernel/crypto/crc32c_generic.ko:
kernel/drivers/char/ipmi/ipmi_msghandler.ko:
kernel/drivers/char/ipmi/ipmi_devintf.ko: kernel/drivers/char/ipmi/ipmi_msghandler.ko
",
        alias: "# Aliases\nalias vio:TvscsiSIBM,v-scsi* ibmvscsi\nalias crypto-crc32c crc32c_generic\n",
        softdep: "\
softdep ext4 pre: crypto-crc32c
softdep jbd2 pre: crypto-crc32c
softdep ipmi-msghandler post: ipmi_devintf
softdep ext4 gcm pre: not-there
",
        builtin: "kernel/drivers/block/rbd-less.ko\n",
    };

    fn order(index: &ModuleIndex, names: &[&str]) -> Vec<String> {
        index
            .closure(names)
            .into_iter()
            .map(|module| module.name.clone())
            .collect()
    }

    #[test]
    fn needs_come_first_and_an_alias_is_as_good_as_a_name() {
        let index = ModuleIndex::parse(TEXTS);
        let srp = ["scsi_common", "scsi_mod", "scsi_transport_srp", "ibmvscsi"];
        assert_eq!(order(&index, &["vio:TvscsiSIBM,v-scsi"]), srp);
        assert_eq!(order(&index, &["ibmvscsi", "scsi-mod"]), srp);
        assert_eq!(index.matching("vio:TvscsiSIBM,v-scsi"), ["ibmvscsi"]);
    }

    #[test]
    fn soft_dependencies_stand_before_and_after() {
        let index = ModuleIndex::parse(TEXTS);
        assert_eq!(order(&index, &["ext4"]), ["crc32c_generic", "jbd2", "ext4"]);
        assert_eq!(
            order(&index, &["ipmi_msghandler"]),
            ["ipmi_msghandler", "ipmi_devintf"]
        );
        assert_eq!(
            order(&index, &["ipmi_devintf"]),
            ["ipmi_msghandler", "ipmi_devintf"]
        );
    }

    #[test]
    fn what_is_built_in_or_unknown_is_not_loaded() {
        let index = ModuleIndex::parse(TEXTS);
        assert!(order(&index, &["rbd_less", "nothing"]).is_empty());
        assert!(index.knows("rbd-less") && index.knows("crypto-crc32c"));
        assert!(!index.knows("nothing"));
    }

    #[test]
    fn a_damaged_line_costs_only_itself() {
        let texts = Texts {
            dep: "\u{1}garbage\na/b.ko:\n",
            alias: "alias\n",
            ..Texts::default()
        };
        let index = ModuleIndex::parse(texts);
        assert_eq!(order(&index, &["b"]), ["b"]);
    }

    #[test]
    fn names_are_those_of_the_kernel() {
        assert_eq!(name_of("kernel/drivers/md/dm-mod.ko.xz"), "dm_mod");
        assert_eq!(name_of("dm-mod.ko"), "dm_mod");
        assert_eq!(name_of("dm-mod"), "dm_mod");
    }

    proptest! {
        /// Modules `m0 … m9` where each needs only such of a lower number, with
        /// soft dependencies between any, also in circles.
        #[test]
        fn every_module_stands_once_and_after_its_needs(
            needs in prop::collection::vec(prop::collection::vec(any::<bool>(), 10), 10),
            softs in prop::collection::vec((0_usize..10, 0_usize..10, any::<bool>()), 0..12),
            wanted in prop::collection::vec(0_usize..10, 1..4),
        ) {
            let mut all: Vec<Vec<usize>> = Vec::new();
            for (at, direct) in needs.iter().enumerate() {
                let mut closed: Vec<usize> = Vec::new();
                for need in (0..at).filter(|&need| direct[need]) {
                    closed.extend(all[need].clone().into_iter().chain([need]));
                }
                closed.sort_unstable();
                closed.dedup();
                all.push(closed);
            }
            let dep: String = all.iter().enumerate().map(|(at, needs)| {
                let needs: String = needs.iter().rev().map(|need| format!(" k/m{need}.ko")).collect();
                format!("k/m{at}.ko:{needs}\n")
            }).collect();
            let softdep: String = softs.iter().map(|(from, to, pre)| {
                format!("softdep m{from} {}: m{to}\n", if *pre { "pre" } else { "post" })
            }).collect();
            let index = ModuleIndex::parse(Texts { dep: &dep, softdep: &softdep, ..Texts::default() });
            let order = index.closure(wanted.iter().map(|at| format!("m{at}")));
            let place = |name: &str| order.iter().position(|module| module.name == name);
            for (at, module) in order.iter().enumerate() {
                prop_assert_eq!(place(&module.name), Some(at));
                for need in &module.needs {
                    prop_assert!(place(need).is_some_and(|place| place < at));
                }
            }
            for at in wanted {
                let name = format!("m{at}");
                prop_assert!(place(&name).is_some());
            }
        }
    }
}
