//! Where PReP and `/boot` go, so that the firmware can load what it must.

use super::choose::{find, may_be_taken};
use super::need::Needs;
use super::share::{Share, Slot, boot_place, is_boot, move_boot};
use super::table::needed;
use super::{PlanError, Settings, list};
use crate::disks::Disk;
use crate::model::Model;

/// Moves PReP and `/boot` to a disk of their own if a person chose one, or if the
/// firmware cannot boot from where they would lie. Returns why, if it did.
pub(super) fn place<'a>(
    model: &Model,
    shares: &mut Vec<Share<'a>>,
    disks: &'a [Disk],
    settings: &Settings,
    shrink: bool,
) -> Result<Option<String>, PlanError> {
    if let Some(wanted) = &settings.boot_disk {
        let disk = find(disks, wanted)?;
        if boots_from(shares, disk) {
            return Ok(None);
        }
        if shares.iter().any(|share| share.disk.name == disk.name) {
            return Err(PlanError::BootTaken(disk.to_string()));
        }
        if !disk.bootable {
            return Err(PlanError::NotBootable {
                disks: disk.to_string(),
                advice: "choose another disk for PReP and /boot".to_owned(),
            });
        }
        move_boot(model, shares, disk)?;
        return Ok(Some("it was asked for, for PReP and /boot".to_owned()));
    }
    let Some(bad) = unbootable(model, shares) else {
        return Ok(None);
    };
    if boot_place(model).is_none() {
        return Err(PlanError::NotBootable {
            disks: bad,
            advice: "the backup has no /boot on a partition of its own that could lie elsewhere"
                .to_owned(),
        });
    }
    let needs = Needs { model, shrink };
    let slots: Vec<Slot> = shares
        .iter()
        .flat_map(|share| &share.slots)
        .filter(|slot| is_boot(model, slot))
        .cloned()
        .collect();
    let bytes = needed(&slots, &needs, 4096);
    let fit = |disk: &&Disk| {
        let used = shares.iter().any(|share| share.disk.name == disk.name);
        let may = may_be_taken(model, disk, settings.overwrite);
        !used && may && disk.bootable && disk.size >= bytes
    };
    let smallest = disks.iter().filter(fit).min_by_key(|disk| disk.size);
    let disk = smallest.ok_or_else(|| PlanError::NotBootable {
        disks: bad.clone(),
        advice: format!(
            "attach a disk of {} MB for PReP and /boot that it can boot from",
            crate::size::mb_needed(bytes)
        ),
    })?;
    move_boot(model, shares, disk)?;
    let why =
        format!("the firmware cannot boot from {bad}, and it is large enough for PReP and /boot");
    Ok(Some(why))
}

/// Whether what boots lies on this disk already.
fn boots_from(shares: &[Share<'_>], disk: &Disk) -> bool {
    let mut preps = shares.iter().filter(|share| share.has_prep());
    preps
        .next()
        .is_some_and(|share| share.disk.name == disk.name)
        && preps.next().is_none()
}

/// The disks that the firmware would have to read and cannot.
fn unbootable(model: &Model, shares: &[Share<'_>]) -> Option<String> {
    let prep = |share: &&Share<'_>| share.has_prep();
    let preps: Vec<&Disk> = shares.iter().filter(prep).map(|share| share.disk).collect();
    if !preps.iter().any(|disk| disk.bootable) {
        return Some(list(&preps));
    }
    let on = |mount: &str| {
        let mut all = model.file_systems.iter();
        all.find(|fs| fs.mount.as_deref() == Some(mount))
    };
    let fs = on("/boot").or_else(|| on("/"))?;
    let below: Vec<String> = fs
        .places()
        .flat_map(|place| model.disks_under(place))
        .collect();
    let holds = |share: &&Share<'_>| {
        let mut from = share.slots.iter().filter_map(|slot| slot.from.as_ref());
        from.any(|disk| below.contains(disk))
    };
    let disks: Vec<&Disk> = shares
        .iter()
        .filter(holds)
        .map(|share| share.disk)
        .collect();
    (!disks.iter().any(|disk| disk.bootable)).then(|| list(&disks))
}
