//! From the choice of disks to the whole plan.

use super::choose::{Choice, Chosen, choose};
use super::file_systems::file_system;
use super::need::Needs;
use super::reduce::{Reduced, break_mirrors};
use super::share::{Share, hand_out, slots};
use super::stack::{Nodes, ground, stack};
use super::table::{lay_out, needed};
use super::writable;
use super::{
    Mirrors, Pair, Plan, PlanError, Settings, Target, boot, changes, exact_fit, identity, maps,
};
use crate::disks::Disk;
use crate::model::{Model, ModelError, SourceDisk, Table};

/// The plan for `model`, which holds together.
pub(super) fn arrange(
    model: &Model,
    disks: &[Disk],
    settings: &Settings,
) -> Result<Plan, PlanError> {
    let shrink = settings.shrink.unwrap_or(model.policy.shrink);
    maps::agree(model, settings, shrink)?;
    let mut work = model.clone();
    let reduced = match settings.mirrors {
        Mirrors::Keep => Reduced::default(),
        Mirrors::Break => break_mirrors(&mut work),
    };
    let sources = work.disks.clone();
    let chosen = {
        let needs = Needs {
            model: &work,
            shrink,
        };
        // Which disk is chosen depends on what is needed, which depends on the
        // sectors of the disk by a few KiB: reckon with the larger.
        let needed = |source: &SourceDisk| needed(&slots(&work, source), &needs, 4096);
        choose(&work, disks, settings, needed)?
    };
    let mut shares = hand_out(&mut work, &chosen, shrink)?;
    let boot = boot::place(&work, &mut shares, disks, settings, shrink)?;
    shares.sort_by_key(|share| !share.has_prep());
    shares.iter().try_for_each(|share| writable(share.disk))?;
    let needs = Needs {
        model: &work,
        shrink,
    };
    let (targets, mut nodes) = targets(&needs, &shares, &chosen, boot.as_deref(), settings)?;
    let stack = stack(&needs, &mut nodes, settings)?;
    let file_systems = work.file_systems.iter().map(|fs| file_system(fs, &nodes));
    let file_systems = file_systems.collect::<Result<_, _>>()?;
    let is_target = |disk: &&Disk| targets.iter().any(|target| target.disk.name == disk.name);
    let untouched = disks.iter().filter(|disk| !is_target(disk));
    let mut plan = Plan {
        pairs: pairs(&sources, &chosen, &targets, reduced.dropped),
        untouched: untouched.cloned().collect(),
        targets,
        taken: model.source.date.clone(),
        shrink,
        new_identity: settings.new_identity.is_some(),
        stack,
        file_systems,
        changes: Vec::new(),
    };
    let exact = settings.exact_fit.unwrap_or(model.policy.exact_fit);
    exact_fit(model, exact, &plan.disks())?;
    if let Some(seed) = settings.new_identity {
        identity::renew(&mut plan, seed);
    }
    plan.changes = reduced.changes;
    let more = changes::changes(&work, &plan, &shares);
    plan.changes.extend(more);
    Ok(plan)
}

/// The targets with their partitions, and these as devices.
fn targets(
    needs: &Needs<'_>,
    shares: &[Share<'_>],
    chosen: &Chosen<'_>,
    boot: Option<&str>,
    settings: &Settings,
) -> Result<(Vec<Target>, Nodes), PlanError> {
    let mut tables = needs.model.disks.iter().map(|disk| disk.table);
    let like = tables.find(|table| *table != Table::None);
    let like = like.unwrap_or(Table::None);
    let mut targets = Vec::new();
    let mut nodes = Nodes::new();
    for (share, number) in shares.iter().zip(0..) {
        let why = chosen.why(share.disk).or_else(|| boot.map(str::to_owned));
        let why = why.unwrap_or_default();
        let (target, places) = lay_out(share, needs, like, number, why, settings.grow)?;
        nodes.extend(ground(needs.model, share, &target, &places));
        targets.push(target);
    }
    if targets.is_empty() {
        return Err(ModelError::Dangling {
            what: "the backup".to_owned(),
            to: "a partition".to_owned(),
        }
        .into());
    }
    Ok((targets, nodes))
}

/// Each disk of the source with what takes its place.
fn pairs(
    sources: &[SourceDisk],
    chosen: &Chosen<'_>,
    targets: &[Target],
    dropped: Vec<SourceDisk>,
) -> Vec<Pair> {
    let written = |(disk, _): &&Choice<'_>| targets.iter().any(|t| t.disk.name == disk.name);
    let paired = sources.iter().zip(&chosen.pairs).map(|(source, choice)| {
        let choice = choice.as_ref().filter(written);
        let why = choice.map_or("what was on it lies on another disk", |(_, why)| why);
        Pair {
            source: source.clone(),
            target: choice.map(|(disk, _)| disk.name.clone()),
            why: why.to_owned(),
        }
    });
    let dropped = dropped.into_iter().map(|source| Pair {
        source,
        target: None,
        why: "it held copies only, and mirrors are broken".to_owned(),
    });
    paired.chain(dropped).collect()
}
