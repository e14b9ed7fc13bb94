//! Which disks a volume group on its own gets.
//!
//! The disks that a person named; else, for each disk of the backup, the disk
//! with its serial number or WWID, or in its place, else one of its size; and
//! where that is not enough, further empty disks, as few as will do. A disk that
//! holds data is never taken unless it was named.

use super::PlanError;
use super::choose::{Choice, find, kin, why_not};
use crate::disks::{Content, Disk};
use crate::model::Model;
use crate::size::mb;

/// `enough` says whether these disks have room for the group.
pub(super) fn choose_several<'a>(
    model: &Model,
    group: &str,
    disks: &'a [Disk],
    named: &[String],
    enough: impl Fn(&[Choice<'a>]) -> bool,
) -> Result<Vec<Choice<'a>>, PlanError> {
    if disks.is_empty() {
        return Err(PlanError::NoDisk);
    }
    let mut chosen: Vec<Choice<'a>> = Vec::new();
    for wanted in named {
        let disk = find(disks, wanted)?;
        if !chosen.iter().any(|(other, _)| other.name == disk.name) {
            chosen.push((disk, "it was asked for".to_owned()));
        }
    }
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let mut free: Vec<&Disk> = disks.iter().filter(|disk| allowed(disk, group)).collect();
    if free.is_empty() {
        return Err(PlanError::NoneForGroup {
            group: group.to_owned(),
            why: why_not(disks),
        });
    }
    by_source(model, &mut free, &mut chosen);
    // Those that are left, the smallest first.
    free.sort_by_key(|disk| disk.size);
    while !enough(&chosen) && !free.is_empty() {
        let with = |disk: &'a Disk| {
            let why = "it is empty, and its room is needed".to_owned();
            let mut more = chosen.clone();
            more.push((disk, why));
            more
        };
        let at = free.iter().position(|disk| enough(&with(disk)));
        let at = at.unwrap_or(free.len() - 1);
        chosen = with(free[at]);
        free.remove(at);
    }
    Ok(chosen)
}

/// Takes out of `free` what is a disk of the backup, or like one.
fn by_source<'a>(model: &Model, free: &mut Vec<&'a Disk>, chosen: &mut Vec<Choice<'a>>) {
    let mut unmatched = Vec::new();
    for source in &model.disks {
        match kin(source, free, 0..3) {
            Some(choice) => take(free, chosen, choice),
            None => unmatched.push(source),
        }
    }
    for source in unmatched {
        let same = free.iter().find(|disk| mb(disk.size) == mb(source.size));
        if let Some(disk) = same.copied() {
            let why = format!("it has the size of {} of the backup", source.name);
            take(free, chosen, (disk, why));
        }
    }
}

fn take<'a>(free: &mut Vec<&'a Disk>, chosen: &mut Vec<Choice<'a>>, choice: Choice<'a>) {
    free.retain(|disk| disk.name != choice.0.name);
    chosen.push(choice);
}

/// Whether a disk may be taken that nobody named: an empty one, or one on which a
/// restore of this very group did not end.
fn allowed(disk: &Disk, group: &str) -> bool {
    let free = !disk.read_only && disk.in_use.is_none();
    free && match disk.content() {
        Content::Empty => true,
        Content::Unfinished => disk.groups().all(|name| name == group),
        Content::Data => false,
    }
}
