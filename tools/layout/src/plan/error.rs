//! Why there is no plan.

use crate::map::MapError;
use crate::model::ModelError;

/// Nothing can be planned. Sizes are MB.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The description of the backup contradicts itself.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The machine has no disk that could be written to.
    #[error("0590-220 No disk was found on this machine")]
    NoDisk,
    /// The disk asked for is not there.
    #[error("0590-221 There is no disk {wanted}; present: {present}")]
    NoSuchDisk {
        /// What was asked for.
        wanted: String,
        /// The disks there are.
        present: String,
    },
    /// `target_disk_data` describes a disk that is not there.
    #[error(
        "0590-222 No disk matches target_disk_data (line {line}): {wanted}; present: {present}"
    )]
    NoMatch {
        /// Line of the stanza.
        line: usize,
        /// Its fields.
        wanted: String,
        /// The disks there are.
        present: String,
    },
    /// More target disks than have anything on them.
    #[error(
        "0590-223 Nothing would lie on {0}: the backup has no volume group that could take a further disk"
    )]
    Idle(String),
    /// One value of `target_disk_data` fits several disks.
    #[error("0590-224 {wanted} fits more than one disk: {found}")]
    Ambiguous {
        /// The field and its value.
        wanted: String,
        /// The disks.
        found: String,
    },
    /// No disk may be taken without being named by a person.
    #[error(
        "0590-225 No disk may be chosen automatically: {0}. Choose one, or set EXISTING_SYSTEM_OVERWRITE"
    )]
    NoneAllowed(String),
    /// The disk is smaller than what is to go on it.
    #[error(
        "0590-226 {disk} is too small: {needed} MB are needed, it has {present} MB; {}",
        advice(*.shrunk, *.present)
    )]
    TooSmall {
        /// The disk.
        disk: String,
        /// What is needed.
        needed: u64,
        /// What is there.
        present: u64,
        /// What would be needed if file systems were shrunk; `None` when that was asked for already.
        shrunk: Option<u64>,
    },
    /// There is no room for two copies of everything, but for one.
    #[error("{error}; with {how} it fits")]
    FitsBroken {
        /// What does not fit.
        error: Box<PlanError>,
        /// The settings that help.
        how: &'static str,
    },
    /// The disk cannot be written to.
    #[error("0590-227 {0} is read-only")]
    ReadOnly(String),
    /// Something uses the disk.
    #[error("0590-228 {disk} is in use: {why}")]
    InUse {
        /// The disk.
        disk: String,
        /// By what.
        why: String,
    },
    /// Another disk has a volume group of the name that is to be made.
    #[error(
        "0590-229 {disk} already carries a volume group {group}, and it would not be touched: two groups of one name cannot be told apart. Detach that disk, choose it as the target, or give the new group another name"
    )]
    GroupElsewhere {
        /// The other disk.
        disk: String,
        /// The name.
        group: String,
    },
    /// The target's old volume group reaches onto another disk.
    #[error(
        "0590-230 The volume group {group} on {disk} also lies on {other}, which would not be touched: take the group apart first"
    )]
    GroupSpans {
        /// The target.
        disk: String,
        /// The group.
        group: String,
        /// The other disk.
        other: String,
    },
    /// `EXACT_FIT` is yes and the disk has another size.
    #[error(
        "0590-231 EXACT_FIT is set, but {disk} has {present} MB where the backed-up disk had {wanted} MB"
    )]
    NotExact {
        /// The disk.
        disk: String,
        /// What it has.
        present: u64,
        /// What the source had.
        wanted: u64,
    },
    /// Maps were asked for, and there are none.
    #[error(
        "0590-237 Use Maps is set, but the backup holds no physical maps (mksysb -m writes them): restore without (Use Maps = No, --use-maps no)"
    )]
    NoMaps,
    /// Maps and something else contradict each other.
    #[error(
        "0590-238 Physical maps cannot be followed together with {0}: they hold for the sizes of old. Give up one of the two; without maps is Use Maps = No, --use-maps no, restvg -n"
    )]
    MapsAgainst(&'static str),
    /// A map cannot be followed.
    #[error(
        "0590-239 Logical volume {volume} cannot be placed by its physical map, because {why}. Choose disks like the old ones, or restore without maps (Use Maps = No, --use-maps no, restvg -n)"
    )]
    Map {
        /// The volume.
        volume: String,
        /// Why.
        why: MapError,
    },
    /// The file system's blocks are smaller than the disk's sectors.
    #[error(
        "0590-232 {name} has blocks of {block} bytes and cannot lie on {disk}, whose sectors have {sector}"
    )]
    Sector {
        /// The file system.
        name: String,
        /// Its block size in bytes.
        block: u32,
        /// The disk.
        disk: String,
        /// Its sector size in bytes.
        sector: u32,
    },
    /// A name became too long or odd by prefix or override.
    #[error("0590-233 \"{0}\" cannot be a name of a volume group or logical volume")]
    Name(String),
    /// A size of physical partitions that LVM cannot have.
    #[error(
        "0590-253 {0} MB cannot be the size of a physical partition: it must be a power of two"
    )]
    Extent(u64),
    /// No disk for a volume group may be taken without being named by a person.
    #[error(
        "0590-254 No disk may be chosen for volume group {group}: {why}. Name the disks that it shall have; what is on them will be gone"
    )]
    NoneForGroup {
        /// The group.
        group: String,
        /// The disks, and what is in the way.
        why: String,
    },
    /// The disks together are too small for a volume group.
    #[error(
        "0590-255 Volume group {group} needs {needed} physical partitions of {extent} MB; {disks} have {present}{}",
        group_advice(*.shrunk, *.present)
    )]
    TooSmallForGroup {
        /// The group.
        group: String,
        /// The disks.
        disks: String,
        /// Extents needed.
        needed: u64,
        /// MB of an extent.
        extent: u64,
        /// Extents there are.
        present: u64,
        /// Extents needed if file systems were shrunk; `None` when that was asked for already.
        shrunk: Option<u64>,
    },
    /// A UUID of the new system is on a disk that stays.
    #[error(
        "0590-208 {disk} already carries a file system with the UUID {uuid} of {name}, and it would not be touched. Detach that disk, choose it as the target, or ask for a new identity (--new-identity)"
    )]
    UuidElsewhere {
        /// The other disk.
        disk: String,
        /// The UUID.
        uuid: String,
        /// The mount point in the backup.
        name: String,
    },
    /// The firmware cannot load what it must.
    #[error("0590-209 The firmware of this machine cannot boot from {disks}; {advice}")]
    NotBootable {
        /// The disks.
        disks: String,
        /// What would help.
        advice: String,
    },
    /// `/boot` is no partition that could lie on another disk.
    #[error(
        "0590-213 PReP and /boot cannot go to {0}: /boot of the backup lies on no partition of its own"
    )]
    NoBoot(String),
    /// The disk for `/boot` is also one of the others.
    #[error(
        "0590-214 {0} cannot be the disk for PReP and /boot: it takes the place of another disk"
    )]
    BootTaken(String),
    /// Two disks of the source would become one, and one of them had no partitions.
    #[error(
        "0590-215 {disk} of the backup was used as a whole; it cannot share {target} with another disk: name one target disk for each"
    )]
    Whole {
        /// The disk of the source.
        disk: String,
        /// The target.
        target: String,
    },
    /// Copies would lie on one disk.
    #[error(
        "0590-216 {what} would have two of its members on {disk}: name more target disks, or give up the copies (--break-mirrors)"
    )]
    Together {
        /// The array or file system.
        what: String,
        /// The disk or disks.
        disk: String,
    },
    /// A volume needs more disks than there are.
    #[error(
        "0590-217 Logical volume {volume} lies on {count} disks, but its group would have {present}: name more target disks, or give up the copies (--break-mirrors)"
    )]
    Copies {
        /// The volume.
        volume: String,
        /// Physical volumes that it needs.
        count: u64,
        /// Physical volumes of the group.
        present: usize,
    },
    /// There is room, but not where it is needed.
    #[error(
        "0590-218 Logical volume {volume} finds no room on as many disks of volume group {group} as it needs, though together they have enough: choose disks of equal size"
    )]
    Uneven {
        /// The volume.
        volume: String,
        /// Its group.
        group: String,
    },
    /// What lies on a device does not fit.
    #[error("0590-219 {what} needs {needed} MB, but would have {present} MB: choose larger disks")]
    NoRoom {
        /// The device or file system.
        what: String,
        /// MB needed.
        needed: u64,
        /// MB there would be.
        present: u64,
    },
    /// A DOS partition table has no more numbers.
    #[error("0590-236 The partition table of {0} cannot hold that many partitions")]
    Crowded(String),
    /// Programs that the plan needs are missing.
    #[error("0590-234 Programs are missing here: {0}")]
    MissingTools(String),
}

fn group_advice(shrunk: Option<u64>, present: u64) -> String {
    match shrunk {
        Some(extents) if extents <= present => {
            format!("; with file systems shrunk (-s), {extents} would do")
        }
        Some(_) | None => String::new(),
    }
}

fn advice(shrunk: Option<u64>, present: u64) -> String {
    match shrunk {
        None => "file systems are shrunk already".to_owned(),
        Some(mb) if mb <= present => format!("with Shrink File Systems {mb} MB would do"),
        Some(mb) => format!("even with Shrink File Systems {mb} MB are needed"),
    }
}
