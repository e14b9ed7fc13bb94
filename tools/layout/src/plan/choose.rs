//! Which disks become targets, and which disk of the source each stands for.
//!
//! In this order: the disks that a person named; `target_disk_data`; for each disk
//! of the source the one with its serial number or WWID, in its place, of its size;
//! the smallest one that is large enough. A disk that holds data is taken only if it
//! was named by what identifies it, or if `EXISTING_SYSTEM_OVERWRITE` allows it.

use lifeboat_stanza::bosinst::Overwrite;

use super::{PlanError, Settings, list};
use crate::disks::{Content, Disk};
use crate::model::{Model, SourceDisk};
use crate::size::mb;

/// A disk chosen, and the reason in words that follow "chosen because".
pub(super) type Choice<'a> = (&'a Disk, String);

/// Whether a disk may take the place of one of the source.
type Alike<'r> = &'r dyn Fn(&SourceDisk, &Disk) -> bool;

/// The one of several disks that takes the place of one of the source.
type Rule<'r, 'a> = &'r dyn Fn(&SourceDisk, &[&'a Disk]) -> Option<Choice<'a>>;

/// By what a disk is taken for one of the source, best first. A place says less
/// than the other two: another machine has other disks in its places.
const KINSHIP: [&str; 3] = [
    "it has the serial number of",
    "it has the WWID of",
    "it is in the place of",
];

/// The targets.
#[derive(Debug, Default)]
pub(super) struct Chosen<'a> {
    /// For each disk of the source, in its order, the one that takes its place.
    pub(super) pairs: Vec<Option<Choice<'a>>>,
    /// Disks that take the place of none.
    pub(super) more: Vec<Choice<'a>>,
}

impl Chosen<'_> {
    /// Why a disk was chosen.
    pub(super) fn why(&self, disk: &Disk) -> Option<String> {
        let mut all = self.pairs.iter().flatten().chain(&self.more);
        let (_, why) = all.find(|(chosen, _)| chosen.name == disk.name)?;
        Some(why.clone())
    }
}

/// `needed` says how many bytes what is on a disk of the source needs; only the
/// automatic choice goes by it.
pub(super) fn choose<'a>(
    model: &Model,
    disks: &'a [Disk],
    settings: &Settings,
    needed: impl Fn(&SourceDisk) -> u64,
) -> Result<Chosen<'a>, PlanError> {
    if disks.is_empty() {
        return Err(PlanError::NoDisk);
    }
    let boot = settings.boot_disk.as_ref();
    let boot = boot.map(|wanted| find(disks, wanted)).transpose()?;
    let chooser = Chooser {
        model,
        disks,
        overwrite: settings.overwrite,
        boot,
    };
    let mut named: Vec<Choice<'a>> = Vec::new();
    for wanted in &settings.disks {
        let disk = find(disks, wanted)?;
        let is_boot = boot.is_some_and(|boot| boot.name == disk.name);
        if !is_boot && !named.iter().any(|(other, _)| other.name == disk.name) {
            named.push((disk, "it was asked for".to_owned()));
        }
    }
    if settings.disks.is_empty() {
        for target in &settings.targets {
            let choice = chooser.by_target(target, &named)?;
            named.push(choice);
        }
    }
    if named.is_empty() {
        return chooser.by_source(needed);
    }
    Ok(pair_up(model, named))
}

/// Hands the disks that were named to those of the source: by identity, by size,
/// then in their order.
pub(super) fn pair_up<'a>(model: &Model, mut named: Vec<Choice<'a>>) -> Chosen<'a> {
    let mut pairs: Vec<Option<Choice<'a>>> = vec![None; model.disks.len()];
    let alike: [Alike<'_>; 5] = [
        &|source, disk| kinship(source, disk)[0],
        &|source, disk| kinship(source, disk)[1],
        &|source, disk| kinship(source, disk)[2],
        &|source, disk| mb(source.size) == mb(disk.size),
        &|_, _| true,
    ];
    for same in alike {
        for (pair, source) in pairs.iter_mut().zip(&model.disks) {
            let at = named.iter().position(|(disk, _)| same(source, disk));
            if let (None, Some(at)) = (&pair, at) {
                *pair = Some(named.remove(at));
            }
        }
    }
    Chosen { pairs, more: named }
}

pub(super) struct Chooser<'a, 'b> {
    model: &'b Model,
    pub(super) disks: &'a [Disk],
    overwrite: Overwrite,
    /// It gets PReP and `/boot`, and nothing else.
    boot: Option<&'a Disk>,
}

impl<'a> Chooser<'a, '_> {
    fn by_source(&self, needed: impl Fn(&SourceDisk) -> u64) -> Result<Chosen<'a>, PlanError> {
        let mut free: Vec<&Disk> = self
            .disks
            .iter()
            .filter(|disk| self.allowed(disk))
            .collect();
        if free.is_empty() {
            return Err(self.none_allowed());
        }
        free.sort_by_key(|disk| disk.size);
        let sources = &self.model.disks;
        let mut pairs: Vec<Option<Choice<'a>>> = vec![None; sources.len()];
        let large = |source: &SourceDisk, disk: &Disk| disk.size >= needed(source);
        let one = sources.len() == 1;
        let of = |source: &SourceDisk| {
            if one {
                "the backed-up disk".to_owned()
            } else {
                format!("{} of the backup", source.name)
            }
        };
        // Where data may be overwritten, empty disks still come first.
        let empty = |free: &[&'a Disk]| -> Vec<&'a Disk> {
            let all = free.iter().copied();
            all.filter(|disk| disk.content() != Content::Data).collect()
        };
        let same = |source: &SourceDisk, free: &[&'a Disk]| {
            let same = |disk: &&&Disk| mb(disk.size) == mb(source.size) && large(source, disk);
            let disk = free.iter().find(same)?;
            Some((*disk, format!("it has the size of {}", of(source))))
        };
        let enough = |source: &SourceDisk, free: &[&'a Disk]| {
            let disk = free.iter().find(|disk| large(source, disk))?;
            Some((*disk, "it is large enough".to_owned()))
        };
        let rules: [Rule<'_, 'a>; 6] = [
            &|source, free| kin(source, free, 0..2),
            &|source, free| {
                let enough = free.iter().copied().filter(|disk| large(source, disk));
                kin(source, &enough.collect::<Vec<_>>(), 2..3)
            },
            &|source, free| same(source, &empty(free)),
            &|source, free| enough(source, &empty(free)),
            &|source, free| same(source, free),
            &|source, free| enough(source, free),
        ];
        for rule in rules {
            for (pair, source) in pairs.iter_mut().zip(sources) {
                if pair.is_none() {
                    *pair = rule(source, &free);
                }
                if let Some((taken, _)) = pair {
                    let taken = taken.name.clone();
                    free.retain(|disk| disk.name != taken);
                }
            }
        }
        // None fits: the largest makes the best error.
        if pairs.iter().all(Option::is_none) {
            let largest = free.iter().max_by_key(|disk| disk.size);
            let largest = largest.copied().ok_or(PlanError::NoDisk)?;
            if let Some(first) = pairs.first_mut() {
                *first = Some((largest, "it is the largest".to_owned()));
            }
        }
        let more = Vec::new();
        Ok(Chosen { pairs, more })
    }

    /// Whether a disk may be taken that nobody identified.
    pub(super) fn allowed(&self, disk: &Disk) -> bool {
        let boot = self.boot.is_some_and(|boot| boot.name == disk.name);
        !boot && may_be_taken(self.model, disk, self.overwrite)
    }

    pub(super) fn none_allowed(&self) -> PlanError {
        PlanError::NoneAllowed(why_not(self.disks))
    }
}

/// Whether a disk may be written that nobody identified.
pub(super) fn may_be_taken(model: &Model, disk: &Disk, overwrite: Overwrite) -> bool {
    if disk.read_only || disk.in_use.is_some() {
        return false;
    }
    let old_root = || {
        let group = model.group.as_ref();
        group.is_some_and(|group| disk.carries(&group.name))
    };
    match (overwrite, disk.content()) {
        (_, Content::Empty | Content::Unfinished) | (Overwrite::Any, Content::Data) => true,
        (Overwrite::Yes, Content::Data) => old_root(),
        (Overwrite::No, Content::Data) => false,
    }
}

/// Whether they share serial number, WWID, place.
fn kinship(source: &SourceDisk, disk: &Disk) -> [bool; 3] {
    let same = |ours: &Option<String>, theirs: &Option<String>| ours.is_some() && ours == theirs;
    [
        same(&disk.serial, &source.serial),
        same(&disk.wwid, &source.wwid),
        source.location.as_ref() == Some(&disk.location),
    ]
}

/// The one disk that is a disk of the source, or in its place, by these kinships.
pub(super) fn kin<'a>(
    source: &SourceDisk,
    candidates: &[&'a Disk],
    mut kinships: std::ops::Range<usize>,
) -> Option<Choice<'a>> {
    kinships.find_map(|index| {
        let alike = |disk: &&'a Disk| kinship(source, disk)[index];
        let mut met = candidates.iter().copied().filter(alike);
        let why = KINSHIP[index];
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

/// Whether a name is that of a disk, or of a path to it.
pub(super) fn is_named(disk: &Disk, name: &str) -> bool {
    disk.hdisk == name || disk.name == name || disk.paths.iter().any(|path| path == name)
}
