//! From a source and settings to a plan. Nothing here writes to a disk.

use std::io;
use std::path::Path;

use lifeboat_archive::{Backup, OpenError, ReadError, Summary};
use lifeboat_boot::needs;
use lifeboat_layout::disks::{self, Disk, DiskError};
use lifeboat_layout::model::{Model, ModelError};
use lifeboat_layout::plan::{Plan, PlanError, Seed, Settings, plan};
use lifeboat_stanza::bosinst::{Bosinst, BosinstError};
use lifeboat_stanza::{Document, StanzaError};

use lifeboat_sys::run::search_path;

use crate::source::Source;

/// Why there is nothing to confirm.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The backup cannot be used.
    #[error("0590-451 {path} cannot be restored: {reason}")]
    Backup {
        /// The file.
        path: String,
        /// The reader's sentence.
        reason: String,
    },
    /// Its description cannot be read.
    #[error("0590-452 The image.data of the backup cannot be read")]
    Image(#[source] StanzaError),
    /// Its description cannot be restored.
    #[error("0590-453 The system described by image.data cannot be restored")]
    Model(#[source] ModelError),
    /// The answers cannot be read.
    #[error("0590-454 bosinst.data cannot be read")]
    Answers(#[source] StanzaError),
    /// The answers cannot be followed.
    #[error("0590-455 bosinst.data cannot be followed")]
    Bosinst(#[source] BosinstError),
    /// No random bytes for a clone's UUIDs.
    #[error("0590-475 No random bytes for the new identity that bosinst.data asks for")]
    Random(#[source] io::Error),
    /// The list of its files cannot be read: nothing could be checked.
    #[error("0590-460 The backup cannot be restored")]
    Manifest(#[source] ReadError),
    /// It lacks what the restored system would need to boot.
    #[error("0590-461 The system in the backup cannot be made to boot; it lacks {0}")]
    NotBootable(String),
    /// The disks cannot be listed.
    #[error("0590-456 The disks of this machine cannot be looked at")]
    Disks(#[source] DiskError),
    /// No plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// A backup with everything that was read from it.
#[derive(Debug)]
pub struct Opened<'a> {
    /// The archive.
    pub backup: &'a Backup,
    /// What its `image.data` describes.
    pub model: Model,
    /// The answers: the file beside the backup, else the one inside.
    pub answers: Bosinst,
    /// The directory in which the backup lies.
    pub directory: &'a Path,
}

/// Reads description and answers of a source.
///
/// # Errors
/// [`PrepareError`] with the file and the line where something is wrong.
pub fn open(source: &Source) -> Result<Opened<'_>, PrepareError> {
    let refused = |error: &OpenError| PrepareError::Backup {
        path: source.path.display().to_string(),
        reason: lifeboat_sys::error::chain(error),
    };
    let backup = source.backup.as_ref().map_err(refused)?;
    let summary = backup.summary();
    let beside = source.answers.as_ref().map(String::as_bytes);
    let (mut model, answers) = described(summary, beside.unwrap_or(&summary.bosinst))?;
    older_maps(&mut model, backup);
    bootable(backup)?;
    Ok(Opened {
        backup,
        model,
        answers,
        directory: source.path.parent().unwrap_or(Path::new("/")),
    })
}

/// What `image.data` describes with its physical maps, and the answers of
/// `bosinst.data`.
///
/// # Errors
/// [`PrepareError`] with the line where something is wrong.
pub fn described(summary: &Summary, answers: &[u8]) -> Result<(Model, Bosinst), PrepareError> {
    let image = String::from_utf8_lossy(&summary.image);
    let image = Document::parse(&image).map_err(PrepareError::Image)?;
    let mut model = Model::from_document(&image).map_err(PrepareError::Model)?;
    model.check_system().map_err(PrepareError::Model)?;
    model.bring_maps(|path| map(summary, path));
    let answers = Document::parse(&String::from_utf8_lossy(answers));
    let answers = answers.map_err(PrepareError::Answers)?;
    let answers = Bosinst::from_document(&answers).map_err(PrepareError::Bosinst)?;
    Ok((model, answers))
}

/// The text of a map file that is in the first frame of a backup.
pub(crate) fn map(summary: &Summary, path: &str) -> Option<Vec<u8>> {
    let mut maps = summary.maps.iter();
    maps.find(|map| map.path == path)
        .map(|map| map.text.clone())
}

/// Reads the maps of a backup that was written before they were in its first frame.
/// What cannot be read is told by the plan that would follow it.
pub fn older_maps(model: &mut Model, backup: &Backup) {
    if model.has_maps() && backup.summary().maps.is_empty() {
        model.bring_maps(|path| {
            let mut text = Vec::new();
            let read = backup.read_member(path.as_bytes(), &mut text);
            read.map_err(|error| log::warn!("{path}: {error}")).ok()?;
            Some(text)
        });
    }
}

/// Whether the manifest is sound and the system brings what makes it boot.
fn bootable(backup: &Backup) -> Result<(), PrepareError> {
    let manifest = backup.manifest().map_err(PrepareError::Manifest)?;
    let entries: Vec<_> = manifest.entries().map(|entry| entry.path).collect();
    let paths = entries
        .iter()
        .map(|path| path.strip_prefix(b"./").unwrap_or(path));
    let missing = needs::missing(paths);
    if missing.is_empty() {
        Ok(())
    } else {
        Err(PrepareError::NotBootable(missing.join(", ")))
    }
}

/// Settings as the answers have them.
///
/// # Errors
/// [`PrepareError::Random`].
pub fn settings(answers: &Bosinst) -> Result<Settings, PrepareError> {
    let seed = answers.first_boot.new_identity.then(Seed::draw);
    Ok(Settings {
        targets: answers.targets.clone(),
        overwrite: answers.control.overwrite,
        new_identity: seed.transpose().map_err(PrepareError::Random)?,
        ..Settings::default()
    })
}

/// The disks of this machine.
///
/// # Errors
/// [`PrepareError::Disks`].
pub fn present_disks() -> Result<Vec<Disk>, PrepareError> {
    disks::present().map_err(PrepareError::Disks)
}

/// Plans the restore and checks that every program it needs is here.
///
/// # Errors
/// [`PrepareError::Plan`] with the numbers.
pub fn make_plan(
    opened: &Opened<'_>,
    disks: &[Disk],
    settings: &Settings,
) -> Result<Plan, PrepareError> {
    let plan = plan(&opened.model, disks, settings)?;
    plan.check_tools(&search_path())?;
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_archive::{CreateOptions, Everything, Tree, create_file};
    use lifeboat_layout::model::LogicalVolume;

    #[test]
    fn maps_of_an_older_backup_are_read_from_its_files() {
        let path = "/var/lib/lifeboat/maps/rootvg.hd4.map";
        let (tree, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = tree.path().join(&path[1..]);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "hdisk0:1\n").unwrap();
        let trees = [Tree {
            at: "/".into(),
            from: tree.path().to_owned(),
        }];
        let source = lifeboat_archive::Source {
            summary: Summary::default(),
            trees: &trees,
            selection: &Everything,
            one_file_system: false,
        };
        let to = to.path().join("a.mksysb");
        create_file(&to, &source, &CreateOptions::default(), &mut |_| {}).unwrap();
        let mut model = Model::default();
        for (name, file) in [("hd4", path), ("hd2", "/none")] {
            model.volumes.push(LogicalVolume {
                map_file: Some(file.to_owned()),
                ..LogicalVolume::linear("rootvg", name, 1)
            });
        }
        older_maps(&mut model, &Backup::open(&to).unwrap());
        let maps: Vec<_> = model.volumes.iter().map(|v| v.map.as_deref()).collect();
        assert_eq!(maps, [Some("hdisk0:1\n"), None]);
    }

    #[test]
    fn a_clone_is_planned_where_the_answers_say_so() {
        for (field, clone) in [("LX_NEW_IDENTITY = yes", true), ("LX_HOSTNAME = b", false)] {
            let text = format!("lx_first_boot:\n    {field}\n");
            let answers = Bosinst::from_document(&Document::parse(&text).unwrap()).unwrap();
            assert_eq!(settings(&answers).unwrap().new_identity.is_some(), clone);
        }
    }
}
