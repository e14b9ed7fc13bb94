//! Which disk becomes the target.
//!
//! In this order: the disk that a person named; `target_disk_data`; the disk
//! whose serial number or WWID is that of the source; its location; a disk of
//! the same size; the smallest one that is large enough. A disk that holds data
//! is taken only if it was named by what identifies it, or if
//! `EXISTING_SYSTEM_OVERWRITE` allows it.

use lifeboat_stanza::bosinst::{Criterion, Overwrite, TargetDisk, TargetSize};

use super::{PlanError, Settings, list};
use crate::disks::{Content, Disk};
use crate::model::{Model, SourceDisk};
use crate::size::{MB, mb};

/// The disk chosen, and the reason in words that follow "chosen because".
pub(super) type Choice<'a> = (&'a Disk, String);

/// By what a disk is taken for one of the source, best first.
const KINSHIP: [&str; 3] = [
    "it has the serial number of",
    "it has the WWID of",
    "it is in the place of",
];

/// `needed` bytes must fit; only the automatic choice goes by it.
pub(super) fn choose<'a>(
    model: &Model,
    disks: &'a [Disk],
    settings: &Settings,
    needed: u64,
) -> Result<Choice<'a>, PlanError> {
    if disks.is_empty() {
        return Err(PlanError::NoDisk);
    }
    match settings.disks.as_slice() {
        [] => {}
        [wanted] => return Ok((find(disks, wanted)?, "it was asked for".to_owned())),
        many => return Err(PlanError::ManyTargets(many.len())),
    }
    let chooser = Chooser {
        model,
        disks,
        overwrite: settings.overwrite,
    };
    match settings.targets.as_slice() {
        [] => chooser.by_source(needed),
        [target] => chooser.by_target(target),
        many => Err(PlanError::ManyTargets(many.len())),
    }
}

struct Chooser<'a, 'b> {
    model: &'b Model,
    disks: &'a [Disk],
    overwrite: Overwrite,
}

impl<'a> Chooser<'a, '_> {
    /// The first criterion, in order of precedence, that any disk meets decides.
    fn by_target(&self, target: &TargetDisk) -> Result<Choice<'a>, PlanError> {
        for criterion in target.criteria() {
            let mut found: Vec<&Disk> = self
                .disks
                .iter()
                .filter(|disk| meets(disk, criterion))
                .collect();
            // A size or a name that may mean another disk tomorrow identifies none.
            let identifies = !matches!(criterion, Criterion::Size(_) | Criterion::Name(_));
            if !identifies {
                let met = !found.is_empty();
                found.retain(|disk| self.allowed(disk));
                if met && found.is_empty() {
                    return Err(self.none_allowed());
                }
            }
            if criterion == Criterion::Size(TargetSize::Largest) {
                let largest = found.iter().map(|disk| disk.size).max();
                found.retain(|disk| Some(disk.size) == largest);
            }
            match found.as_slice() {
                [] => {}
                [disk] => return Ok((disk, format!("target_disk_data says {}", say(criterion)))),
                // Empty disks of one size are as good as each other; disks with data are not.
                [disk, ..]
                    if !identifies && found.iter().all(|d| d.content() == Content::Empty) =>
                {
                    return Ok((disk, format!("target_disk_data says {}", say(criterion))));
                }
                several => {
                    let found = several
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join("; ");
                    return Err(PlanError::Ambiguous {
                        wanted: say(criterion),
                        found,
                    });
                }
            }
        }
        let wanted = target.criteria().map(say).collect::<Vec<_>>().join(", ");
        Err(PlanError::NoMatch {
            line: target.line,
            wanted,
            present: list(self.disks),
        })
    }

    fn by_source(&self, needed: u64) -> Result<Choice<'a>, PlanError> {
        let mut candidates: Vec<&Disk> = self
            .disks
            .iter()
            .filter(|disk| self.allowed(disk))
            .collect();
        if candidates.is_empty() {
            return Err(self.none_allowed());
        }
        for source in &self.model.disks {
            if let Some(choice) = kin(source, &candidates) {
                return Ok(choice);
            }
        }
        let wanted: u64 = self.model.disks.iter().map(|disk| disk.size).sum();
        // Where data may be overwritten, empty disks still come first.
        candidates.sort_by_key(|disk| {
            (
                disk.content() == Content::Data,
                mb(disk.size) != mb(wanted),
                disk.size,
            )
        });
        if let Some(disk) = candidates.iter().find(|disk| disk.size >= needed) {
            let same = mb(disk.size) == mb(wanted);
            let why = if same {
                "it has the size of the backed-up disk"
            } else {
                "it is large enough"
            };
            return Ok((disk, why.to_owned()));
        }
        // None fits: the largest makes the best error.
        let largest = candidates
            .iter()
            .max_by_key(|disk| disk.size)
            .copied()
            .ok_or(PlanError::NoDisk)?;
        Ok((largest, "it is the largest".to_owned()))
    }

    /// Whether a disk may be taken that nobody identified.
    fn allowed(&self, disk: &Disk) -> bool {
        if disk.read_only || disk.in_use.is_some() {
            return false;
        }
        let old_root = || {
            self.model
                .group
                .as_ref()
                .is_some_and(|group| disk.carries(&group.name))
        };
        match (self.overwrite, disk.content()) {
            (_, Content::Empty | Content::Unfinished) | (Overwrite::Any, Content::Data) => true,
            (Overwrite::Yes, Content::Data) => old_root(),
            (Overwrite::No, Content::Data) => false,
        }
    }

    fn none_allowed(&self) -> PlanError {
        PlanError::NoneAllowed(why_not(self.disks))
    }
}

/// The one disk that is a disk of the source, or in its place.
pub(super) fn kin<'a>(source: &SourceDisk, candidates: &[&'a Disk]) -> Option<Choice<'a>> {
    let same = |ours: &Option<String>, theirs: &Option<String>| ours.is_some() && ours == theirs;
    let kinship = |disk: &Disk| {
        [
            same(&disk.serial, &source.serial),
            same(&disk.wwid, &source.wwid),
            source.location.as_ref() == Some(&disk.location),
        ]
    };
    KINSHIP.iter().enumerate().find_map(|(index, why)| {
        let mut met = candidates
            .iter()
            .copied()
            .filter(|disk| kinship(disk)[index]);
        match (met.next(), met.next()) {
            (Some(disk), None) => Some((disk, format!("{why} {} of the backup", source.name))),
            _ => None,
        }
    })
}

/// The disk that a person named: `hdisk0`, `vda` or `/dev/vda`.
pub(super) fn find<'a>(disks: &'a [Disk], wanted: &str) -> Result<&'a Disk, PlanError> {
    let name = wanted.strip_prefix("/dev/").unwrap_or(wanted);
    let disk = disks.iter().find(|disk| is_named(disk, name));
    disk.ok_or_else(|| PlanError::NoSuchDisk {
        wanted: wanted.to_owned(),
        present: list(disks),
    })
}

/// Why none of the disks is taken by itself.
pub(super) fn why_not(disks: &[Disk]) -> String {
    let why = |disk: &Disk| match (&disk.in_use, disk.read_only) {
        (Some(used), _) => format!("{disk}, is {used}"),
        (None, true) => format!("{disk}, is read-only"),
        (None, false) => format!("{disk}, holds {}", disk.describe_content()),
    };
    disks.iter().map(why).collect::<Vec<_>>().join("; ")
}

fn is_named(disk: &Disk, name: &str) -> bool {
    disk.hdisk == name || disk.name == name
}

fn meets(disk: &Disk, criterion: Criterion<'_>) -> bool {
    let is = |value: &Option<String>, wanted: &str| value.as_deref() == Some(wanted);
    match criterion {
        Criterion::Pvid(uuid) => disk.physical_volumes.iter().any(|pv| pv.uuid == uuid),
        Criterion::Serial(wanted) => is(&disk.serial, wanted) || is(&disk.wwid, wanted),
        Criterion::Location(wanted) => disk.location == wanted,
        Criterion::Size(TargetSize::Mb(wanted)) => disk.size / MB == wanted,
        Criterion::Size(TargetSize::Largest) => true,
        Criterion::Name(wanted) => is_named(disk, wanted),
        // Linux has no word for these three that is the same after a move;
        // whoever fills them in may write the location.
        Criterion::PhysicalLocation(wanted)
        | Criterion::SanDiskid(wanted)
        | Criterion::Connection(wanted) => disk.location == wanted,
    }
}

fn say(criterion: Criterion<'_>) -> String {
    match criterion {
        Criterion::Pvid(value) => format!("PVID = {value}"),
        Criterion::Serial(value) => format!("SERIAL = {value}"),
        Criterion::PhysicalLocation(value) => format!("PHYSICAL_LOCATION = {value}"),
        Criterion::SanDiskid(value) => format!("SAN_DISKID = {value}"),
        Criterion::Connection(value) => format!("CONNECTION = {value}"),
        Criterion::Location(value) => format!("LOCATION = {value}"),
        Criterion::Size(TargetSize::Mb(value)) => format!("SIZE_MB = {value}"),
        Criterion::Size(TargetSize::Largest) => "SIZE_MB = largest".to_owned(),
        Criterion::Name(value) => format!("HDISKNAME = {value}"),
    }
}
