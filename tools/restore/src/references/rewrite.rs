//! Every file of a restored system that names its devices, made to fit the plan.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use lifeboat_layout::fstab::fstab;
use lifeboat_layout::model::Model;
use lifeboat_layout::plan::Plan;
use lifeboat_sys::fs::{FsError, PathContext};

use super::files::{self, Kind};
use super::gather::Gathered;
use super::known::Known;
use super::lines::{Edit, Edited};
use super::renames::Renames;
use super::{crypttab, grubenv, lvm_conf, mdadm, multipath, words};

const FSTAB: &str = "etc/fstab";

/// What was changed in the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// The lines that changed, by file.
    pub edits: Vec<(PathBuf, Edit)>,
    /// Whether `/etc/fstab` is a link or the like, which nobody follows.
    pub no_fstab: bool,
}

impl Rewritten {
    /// How many lines of how many files.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut files: Vec<_> = self.edits.iter().map(|(path, _)| path).collect();
        files.dedup();
        match self.edits.len() {
            0 => "as they were".to_owned(),
            lines => format!(
                "{lines} lines changed in {} files, see the log",
                files.len()
            ),
        }
    }

    /// What the operator should know of these changes, in sentences.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        let no_fstab = self.no_fstab.then(|| {
            "0590-484 /etc/fstab is no regular file and stays as it was; look whether the devices it names are right".to_owned()
        });
        let edits = self.edits.iter();
        let of_edits = edits.filter_map(|(path, edit)| finding(path, edit));
        no_fstab.into_iter().chain(of_edits).collect()
    }
}

fn finding(path: &Path, edit: &Edit) -> Option<String> {
    let (file, line, old) = (path.display(), edit.line, &edit.old);
    if edit.new.contains("nofail") && !old.contains("nofail") {
        return Some(format!(
            "0590-480 /{file}, line {line}: its device is not used by this machine; the entry has `nofail` now, so that the boot does not wait for it: {old}"
        ));
    }
    // systemd wants a unit for swap to be called after its device.
    let swap = path.extension().is_some_and(|end| end == "swap") && edit.new.contains("What=");
    swap.then(|| {
        format!(
            "0590-483 /{file}, line {line}: the unit has the name of the old device and is not used; put the swap space into /etc/fstab: {}",
            edit.new
        )
    })
}

/// Rewrites the files of the system below `root`. `is_there` says of a device that is
/// not of the plan whether the system will find it.
///
/// # Errors
/// [`FsError`] with the file that cannot be read or written.
pub fn rewrite(
    root: &Path,
    plan: &Plan,
    model: &Model,
    is_there: &dyn Fn(&str) -> bool,
) -> Result<Rewritten, FsError> {
    let root = File::open(root).at("open", root)?;
    let gathered = Gathered { plan, model };
    let known = Known::of(&gathered);
    let mut renames = gathered.renames();
    if let Some(bindings) = files::read(&root, Path::new("etc/multipath/bindings"))? {
        gathered.aliases(&String::from_utf8_lossy(&bindings), &mut renames);
    }
    let job = Job {
        plan,
        renames: &renames,
        known: &known,
        crypts: gathered
            .crypts()
            .map(|crypt| (crypt.name.clone(), crypt.uuid.clone()))
            .collect(),
        arrays: gathered.array_labels(),
        volumes: Known::physical_volumes(&gathered),
        is_there,
    };
    let mut rewritten = Rewritten::default();
    let mut keep = |path: &Path, edited: Option<Edited>| {
        for edit in edited.into_iter().flat_map(|edited| edited.edits) {
            log::info!(
                "{}:{}: {:?} -> {:?}",
                path.display(),
                edit.line,
                edit.old,
                edit.new
            );
            rewritten.edits.push((path.to_owned(), edit));
        }
    };
    let path = Path::new(FSTAB);
    let mut fstab = files::edit(&root, path, |text| job.fstab(text))?;
    let mut no_fstab = false;
    if fstab.is_none() {
        let new = job.fstab(b"");
        no_fstab = !files::create(&root, path, &new.text)?;
        fstab = Some(new).filter(|_| !no_fstab);
    }
    keep(path, fstab);
    for (path, kind) in files::present(&root, &files::PLACES)? {
        let done = files::edit(&root, &path, |text| job.file(kind, text))?;
        keep(&path, done);
    }
    rewritten.no_fstab = no_fstab;
    Ok(rewritten)
}

struct Job<'a> {
    plan: &'a Plan,
    renames: &'a Renames,
    known: &'a Known,
    /// UUIDs of the encrypted devices by name.
    crypts: BTreeMap<String, String>,
    /// Names of the arrays by UUID.
    arrays: BTreeMap<String, String>,
    /// What LVM's filters must let pass.
    volumes: Vec<String>,
    is_there: &'a dyn Fn(&str) -> bool,
}

impl Job<'_> {
    fn file(&self, kind: Kind, text: &[u8]) -> Edited {
        match kind {
            Kind::Crypttab => {
                let there = |device: &str| self.known.has(device) || (self.is_there)(device);
                crypttab::file(text, self.renames, &self.crypts, &there)
            }
            Kind::Mdadm => mdadm::file(text, self.renames, &self.arrays),
            Kind::Multipath => multipath::file(text, self.renames),
            Kind::LvmConf => lvm_conf::file(text, &self.volumes),
            Kind::GrubEnvironment => grubenv::file(text, self.renames),
            Kind::Words => words::file(text, self.renames),
        }
    }

    /// First the plan's own file systems, by where they are mounted; then everything
    /// else. A text in an old encoding goes through as it is.
    fn fstab(&self, text: &[u8]) -> Edited {
        let utf8 = String::from_utf8(text.to_owned());
        let latin = utf8.is_err();
        let old =
            utf8.unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect());
        let by_plan = fstab(&old, self.plan);
        let is_planned = |device: &str| self.known.has(device);
        let done = super::fstab::file(by_plan.as_bytes(), self.renames, &is_planned, self.is_there);
        let new = String::from_utf8_lossy(&done.text);
        Edited {
            edits: super::fstab::differences(&old, &new),
            text: if latin {
                new.chars()
                    .map(|c| u8::try_from(c).unwrap_or(b'?'))
                    .collect()
            } else {
                new.into_owned().into_bytes()
            },
        }
    }
}
