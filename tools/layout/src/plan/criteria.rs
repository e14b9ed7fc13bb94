//! Disks that `target_disk_data` describes.

use lifeboat_stanza::bosinst::{Criterion, TargetDisk, TargetSize};

use super::choose::{Choice, Chooser, is_named};
use super::{PlanError, list};
use crate::disks::{Content, Disk};
use crate::size::MB;

impl<'a> Chooser<'a, '_> {
    /// The first criterion, in order of precedence, that any disk meets decides.
    pub(super) fn by_target(
        &self,
        target: &TargetDisk,
        taken: &[Choice<'a>],
    ) -> Result<Choice<'a>, PlanError> {
        for criterion in target.criteria() {
            let mut found: Vec<&Disk> = self
                .disks
                .iter()
                .filter(|disk| meets(disk, criterion))
                .filter(|disk| !taken.iter().any(|(other, _)| other.name == disk.name))
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
