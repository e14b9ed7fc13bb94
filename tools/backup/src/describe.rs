//! `image.data` and `bosinst.data`: what the first frame of a backup says.

use std::path::{Path, PathBuf};

use lifeboat_archive::Info;
use lifeboat_layout::disks::Disk;
use lifeboat_layout::model::{FileSystem, Model, ModelError};
use lifeboat_layout::system::{Map, System, Wanted, maps, probe};
use lifeboat_stanza::Document;
use lifeboat_stanza::bosinst::Bosinst;
use lifeboat_sys::fs::{create_dir_all, read_to_string, replace};

use crate::bosinst;
use crate::error::BackupError;
use crate::report::Note;
use crate::request::ImageData;

/// Where the descriptions of volume groups are kept.
const VGDATA: &str = "/var/lib/lifeboat/vgdata";

/// A description of disks, volumes and file systems.
#[derive(Debug)]
pub struct Description {
    /// The file.
    pub document: Document,
    /// What it means; `None` where this version cannot restore it.
    pub model: Option<Model>,
    /// What a person should know.
    pub notes: Vec<Note>,
}

impl Description {
    /// MiB that the file systems have, or need at least.
    pub(crate) fn sizes(&self) -> (u64, u64) {
        let sum = |size: fn(&FileSystem) -> u64| {
            let all = self.model.iter().flat_map(|model| &model.file_systems);
            all.map(size).sum::<u64>() >> 20
        };
        (sum(|fs| fs.size), sum(|fs| fs.min_size))
    }

    /// The version of the system.
    pub(crate) fn level(&self) -> String {
        let level = self
            .model
            .as_ref()
            .and_then(|model| model.source.os_level.clone());
        level.unwrap_or_default()
    }
}

/// Where the description of a running system, or of a volume group of it, is kept.
#[must_use]
pub fn image_data(wanted: &Wanted) -> PathBuf {
    match wanted {
        Wanted::Root => "/image.data".into(),
        // Not below /tmp, as on AIX: there anybody may put a file or a link first.
        Wanted::Group(name) => Path::new(VGDATA).join(name).join(format!("{name}.data")),
    }
}

/// Looks at the running system and writes its description: `mkszfile`, `mkvgdata`.
///
/// # Errors
/// [`BackupError`] where it cannot be looked at, or the description not be written.
pub fn mkszfile(wanted: &Wanted, with_maps: bool) -> Result<Description, BackupError> {
    must_be_root()?;
    make(wanted, &mut probe(wanted)?, with_maps)
}

/// Only root may read everything.
pub(crate) fn must_be_root() -> Result<(), BackupError> {
    let root = nix::unistd::geteuid().is_root();
    root.then_some(()).ok_or(BackupError::NotRoot)
}

/// Makes the description of a system that was looked at, and writes it.
///
/// # Errors
/// [`BackupError`] where it cannot be written, or the maps not be made.
pub(crate) fn make(
    wanted: &Wanted,
    system: &mut System,
    with_maps: bool,
) -> Result<Description, BackupError> {
    let path = image_data(wanted);
    if with_maps {
        let maps = maps(wanted)?;
        write_maps(&maps)?;
        system.name_maps(&maps);
    }
    let document = system.model.to_document();
    if let Some(parent) = path.parent() {
        create_dir_all(parent)?;
    }
    replace(&path, document.to_string().as_bytes(), 0o644)?;
    let mut notes = notes(system);
    let model = match read_model(wanted, &document) {
        Ok(model) => Some(model),
        Err(source) => {
            // The concerns say the same, more clearly.
            if system.concerns.is_empty() {
                notes.push(Note::NotRestorable { path, source });
            }
            None
        }
    };
    Ok(Description {
        document,
        model,
        notes,
    })
}

/// What a backup of this system lacks, and what of it could not be restored.
pub(crate) fn notes(system: &System) -> Vec<Note> {
    let unsaved = system.unmounted.iter().cloned().map(Note::Unsaved);
    let concerns = system.concerns.iter().cloned().map(Note::Concern);
    unsaved.chain(concerns).collect()
}

fn read_model(wanted: &Wanted, document: &Document) -> Result<Model, Box<ModelError>> {
    let model = match wanted {
        Wanted::Root => Model::from_document(document),
        Wanted::Group(_) => Model::from_group_document(document),
    };
    model.map_err(Box::new)
}

fn write_maps(maps: &[Map]) -> Result<(), BackupError> {
    for map in maps {
        let path = Path::new(&map.file);
        if let Some(parent) = path.parent() {
            create_dir_all(parent)?;
        }
        replace(path, (map.lines.join("\n") + "\n").as_bytes(), 0o644)?;
    }
    Ok(())
}

/// The description that is there, which somebody may have edited.
pub(crate) fn existing(wanted: &Wanted) -> Result<Description, BackupError> {
    let path = image_data(wanted);
    if !path.exists() {
        return Err(BackupError::NoImageData(path));
    }
    let text = read_to_string(&path)?;
    let document = parse(&path, &text)?;
    let model = read_model(wanted, &document);
    let model = model.map_err(|source| BackupError::ImageData { path, source })?;
    Ok(Description {
        document,
        model: Some(model),
        notes: Vec::new(),
    })
}

fn parse(path: &Path, text: &str) -> Result<Document, BackupError> {
    Document::parse(text).map_err(|source| BackupError::Stanzas {
        path: path.to_owned(),
        source,
    })
}

/// The settings for an installation: those that are there, or fresh ones. What is not
/// as it was is written back.
///
/// With `-i` `target_disk_data` is made to describe these disks, unless the file
/// [`bosinst::SAVE`] below `root` exists. Without `-i` a file that somebody has
/// written is used as it is.
pub(crate) fn settings(
    root: &Path,
    image_data: ImageData,
    disks: &[&Disk],
) -> Result<String, BackupError> {
    let below = |path: &str| root.join(path.trim_start_matches('/'));
    let path: PathBuf = below(bosinst::BOSINST);
    let there = path.exists();
    let before = if there {
        read_to_string(&path)?
    } else {
        String::new()
    };
    let mut document = if there {
        parse(&path, &before)?
    } else {
        bosinst::fresh()
    };
    let keep = below(bosinst::SAVE).exists() || (there && image_data == ImageData::Existing);
    if !keep {
        bosinst::describe_disks(&mut document, disks);
    }
    Bosinst::from_document(&document).map_err(|source| BackupError::Bosinst {
        path: path.clone(),
        source: Box::new(source),
    })?;
    let text = document.to_string();
    if text != before {
        replace(&path, text.as_bytes(), 0o644)?;
    }
    Ok(text)
}

/// Who wrote the backup, on what, when.
pub(crate) fn info() -> Info {
    let kernel = nix::sys::utsname::uname();
    let date = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Info {
        tool: format!("lifeboat {}", env!("CARGO_PKG_VERSION")),
        kernel: kernel.map_or_else(
            |_| String::new(),
            |u| u.release().to_string_lossy().into_owned(),
        ),
        date: date.map_or(0, |since| since.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn fresh_settings_are_written_and_stay() {
        let root = tempfile::tempdir().unwrap();
        let text = settings(root.path(), ImageData::Existing, &[]).unwrap();
        let path = root.path().join("bosinst.data");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(
            settings(root.path(), ImageData::Existing, &[]).unwrap(),
            text
        );
    }

    #[test]
    fn what_somebody_has_written_is_used_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("bosinst.data");
        let mine = "control_flow:\n  PROMPT=no\n\ntarget_disk_data:\n  PVID = mine\n";
        fs::write(&path, mine).unwrap();
        let read = |image_data| settings(root.path(), image_data, &[]).unwrap();
        assert_eq!(read(ImageData::Existing), mine);
        fs::write(root.path().join("save_bosinst.data_file"), "").unwrap();
        assert_eq!(read(ImageData::Make { maps: false }), mine);
        fs::remove_file(root.path().join("save_bosinst.data_file")).unwrap();
        let changed = read(ImageData::Make { maps: false });
        assert!(
            changed.contains("PROMPT=no") && !changed.contains("mine"),
            "{changed}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), changed);
    }

    #[test]
    fn settings_that_cannot_be_followed_are_told_now() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("bosinst.data");
        let said = |text: &str| {
            fs::write(&path, text).unwrap();
            let error = settings(root.path(), ImageData::Existing, &[]).unwrap_err();
            lifeboat_sys::error::chain(&error)
        };
        let wrong = said("control_flow:\n  PROMPT = perhaps\n");
        assert!(
            wrong.starts_with("0590-375") && wrong.contains("0590-104"),
            "{wrong}"
        );
        let broken = said("nonsense\n");
        assert!(
            broken.starts_with("0590-347") && broken.contains("0590-101"),
            "{broken}"
        );
    }
}
