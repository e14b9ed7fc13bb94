//! Which file systems can be read from a snapshot, and how large the snapshots are.
//! Only values: nothing is asked or changed here.

use std::path::PathBuf;

use lifeboat_layout::system::Mounted;

use super::report::{Group, Volume};

/// The kinds of file systems that are mounted from snapshots of their volumes. Not
/// btrfs: the kernel tells its file systems apart by their UUIDs only, and takes the
/// snapshot for the one that is mounted. It has snapshots of its own.
const KINDS: [&str; 5] = ["ext2", "ext3", "ext4", "xfs", "vfat"];

/// As the kernel calls it.
pub(super) const BTRFS: &str = "btrfs";

/// A snapshot has room for this part of its origin to change, in percent, and for
/// so many bytes, or none is taken.
const LEAST_PERCENT: u64 = 2;
const LEAST_BYTES: u64 = 32 << 20;

/// A pool that is fuller than this, in percent, takes no snapshot: a pool that
/// overflows stops the system that lies on it.
pub(super) const POOL_LIMIT: u32 = 90;

/// How a file system is going to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// Its kind: `ext4`.
    pub kind: String,
    /// How.
    pub way: Way,
}

/// From where files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// From a snapshot.
    Snapshot(Wish),
    /// From the file system itself, while it changes.
    Live(Why),
}

/// A snapshot to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Of a logical volume.
    Volume {
        /// The volume group.
        group: String,
        /// The origin.
        volume: String,
        /// Extents for what changes; `None` for a thin snapshot, which shares its pool.
        extents: Option<u64>,
    },
    /// Of a btrfs subvolume: a subvolume in it.
    Subvolume,
}

/// Why a file system is read live.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Nobody wants snapshots.
    #[error("no snapshots were wanted")]
    NotWanted,
    /// It lies on a partition, an md array, an encrypted volume.
    #[error("it lies on no logical volume")]
    NoVolume,
    /// LVM does not answer.
    #[error("LVM does not answer: {0}")]
    NoAnswer(String),
    /// A snapshot of it could not be mounted.
    #[error("a snapshot of {0} cannot be mounted beside its origin")]
    Kind(String),
    /// A volume of which LVM takes no snapshots.
    #[error("LVM takes no snapshots of a volume like {volume} ({attributes})")]
    Volume {
        /// The volume.
        volume: String,
        /// What `lvs` says of it.
        attributes: String,
    },
    /// The group's state forbids it.
    #[error("the volume group {group} cannot be changed now ({attributes})")]
    Group {
        /// The group.
        group: String,
        /// What `vgs` says of it.
        attributes: String,
    },
    /// Too few free extents.
    #[error("{group} has {free} MiB free, and its snapshots need at least {needed} MiB")]
    Room {
        /// The group.
        group: String,
        /// MiB.
        free: u64,
        /// MiB.
        needed: u64,
    },
    /// The thin pool.
    #[error("its pool {pool} is filled to {filled} %")]
    Pool {
        /// The pool.
        pool: String,
        /// Percent.
        filled: u32,
    },
    /// LVM or the kernel refused.
    #[error("{0}")]
    Refused(String),
}

/// Decides for each file system.
pub(super) fn plan(file_systems: &[Mounted], groups: &[Group], volumes: &[Volume]) -> Vec<Planned> {
    let mut planned: Vec<Planned> = file_systems
        .iter()
        .map(|mounted| Planned {
            mount: mounted.mount.clone(),
            kind: mounted.kind.clone(),
            way: possible(mounted, groups, volumes).map_or_else(Way::Live, Way::Snapshot),
        })
        .collect();
    for group in groups {
        share(&mut planned, group, volumes);
    }
    planned
}

/// A wish without a size yet: one extent where it will need any.
fn possible(mounted: &Mounted, groups: &[Group], volumes: &[Volume]) -> Result<Wish, Why> {
    if mounted.kind == BTRFS {
        return Ok(Wish::Subvolume);
    }
    let at = mounted.volume.as_ref().ok_or(Why::NoVolume)?;
    let volume = volumes
        .iter()
        .find(|volume| (&volume.group, &volume.name) == (&at.group, &at.name));
    let group = groups.iter().find(|group| group.name == at.group);
    let (Some(volume), Some(group)) = (volume, group) else {
        return Err(Why::NoVolume);
    };
    if !KINDS.contains(&mounted.kind.as_str()) {
        return Err(Why::Kind(mounted.kind.clone()));
    }
    // vgs(8): writable, not exported, not partial, not clustered or shared.
    let state = group.attributes.as_bytes();
    let shared = matches!(state.get(5), Some(b'c' | b's'));
    if state.first() != Some(&b'w')
        || state.get(2) == Some(&b'x')
        || state.get(3) == Some(&b'p')
        || shared
    {
        return Err(Why::Group {
            group: group.name.clone(),
            attributes: group.attributes.clone(),
        });
    }
    let wish = |extents| Wish::Volume {
        group: group.name.clone(),
        volume: volume.name.clone(),
        extents,
    };
    match volume.attributes.as_bytes().first() {
        Some(b'V') => {
            let pool = volumes.iter().find(|pool| {
                pool.group == volume.group && Some(&pool.name) == volume.pool.as_ref()
            });
            let filled = pool.and_then(|pool| pool.filled.max(pool.metadata_filled));
            match (pool, filled) {
                (Some(pool), Some(filled)) if filled >= POOL_LIMIT => Err(Why::Pool {
                    pool: pool.name.clone(),
                    filled,
                }),
                _ => Ok(wish(None)),
            }
        }
        // Plain, an origin already, mirrored, raid, cached.
        Some(b'-' | b'o' | b'O' | b'm' | b'M' | b'r' | b'R' | b'C') => Ok(wish(Some(1))),
        _ => Err(Why::Volume {
            volume: volume.name.clone(),
            attributes: volume.attributes.clone(),
        }),
    }
}

/// Gives the snapshots of one group their sizes, or all of them up: half a group in
/// one moment and half in another would be neither.
fn share(planned: &mut [Planned], group: &Group, volumes: &[Volume]) {
    let mut wishes: Vec<(&mut Planned, u64)> = Vec::new();
    for entry in planned {
        let Way::Snapshot(Wish::Volume {
            group: of,
            volume: name,
            extents: Some(_),
        }) = &entry.way
        else {
            continue;
        };
        if *of != group.name {
            continue;
        }
        let origin = volumes
            .iter()
            .find(|volume| volume.group == *of && volume.name == *name);
        let size = origin.map_or(1, |origin| extents(origin.size, group.extent));
        wishes.push((entry, size));
    }
    let needed: u64 = wishes
        .iter()
        .map(|(_, size)| least(*size, group.extent))
        .sum();
    if needed > group.free {
        for (entry, _) in wishes {
            entry.way = Way::Live(Why::Room {
                group: group.name.clone(),
                free: (group.free * group.extent) >> 20,
                needed: (needed * group.extent) >> 20,
            });
        }
        return;
    }
    // The other half is for the snapshot that fills faster than its share.
    let half = (group.free / 2).max(needed);
    let total: u64 = wishes.iter().map(|(_, size)| *size).sum();
    for (entry, size) in wishes {
        let share = u128::from(half) * u128::from(size) / u128::from(total.max(1));
        let share = u64::try_from(share).unwrap_or(half);
        if let Way::Snapshot(Wish::Volume { extents, .. }) = &mut entry.way {
            *extents = Some(share.clamp(least(size, group.extent), most(size)));
        }
    }
}

fn extents(bytes: u64, extent: u64) -> u64 {
    bytes.div_ceil(extent.max(1)).max(1)
}

/// The smallest snapshot that makes sense of an origin of so many extents.
fn least(size: u64, extent: u64) -> u64 {
    let least = (size * LEAST_PERCENT)
        .div_ceil(100)
        .max(extents(LEAST_BYTES, extent));
    least.min(most(size))
}

/// All of the origin may change, and the exceptions are listed beside.
fn most(size: u64) -> u64 {
    size + size.div_ceil(100) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_layout::system;

    const MIB: u64 = 1 << 20;

    fn mounted(mount: &str, kind: &str, volume: Option<&str>) -> Mounted {
        let at = |name: &str| system::Volume {
            group: "rootvg".to_owned(),
            name: name.to_owned(),
            thin: None,
        };
        Mounted {
            mount: mount.into(),
            device: "/dev/x".into(),
            kind: kind.to_owned(),
            volume: volume.map(at),
            size: 0,
            used: 0,
        }
    }

    fn volume(name: &str, attributes: &str, mib: u64) -> Volume {
        Volume {
            group: "rootvg".to_owned(),
            name: name.to_owned(),
            attributes: attributes.to_owned(),
            size: mib * MIB,
            origin: None,
            pool: None,
            filled: None,
            metadata_filled: None,
            tags: Vec::new(),
        }
    }

    fn group(free: u64) -> Group {
        Group {
            name: "rootvg".to_owned(),
            attributes: "wz--n-".to_owned(),
            extent: 4 * MIB,
            free,
        }
    }

    /// `/` of 2000 MiB, `/var` of 1000 MiB, `/boot` on a partition.
    fn usual(free: u64) -> Vec<Planned> {
        let systems = [
            mounted("/", "ext4", Some("hd4")),
            mounted("/boot", "ext4", None),
            mounted("/var", "xfs", Some("hd9var")),
        ];
        let volumes = [
            volume("hd4", "-wi-ao----", 2000),
            volume("hd9var", "-wi-ao----", 1000),
        ];
        plan(&systems, &[group(free)], &volumes)
    }

    fn sizes(planned: &[Planned]) -> Vec<Option<u64>> {
        let size = |planned: &Planned| match &planned.way {
            Way::Snapshot(Wish::Volume { extents, .. }) => *extents,
            _ => None,
        };
        planned.iter().map(size).collect()
    }

    fn why(systems: &[Mounted], volumes: &[Volume]) -> String {
        match &plan(systems, &[group(1000)], volumes)[0].way {
            Way::Live(why) => why.to_string(),
            Way::Snapshot(wish) => panic!("{wish:?}"),
        }
    }

    #[test]
    fn half_of_what_is_free_is_shared_by_size() {
        assert_eq!(sizes(&usual(300)), [Some(100), None, Some(50)]);
        assert_eq!(usual(300)[1].way, Way::Live(Why::NoVolume));
    }

    #[test]
    fn little_space_is_taken_whole_and_too_little_is_not() {
        // At least 2 % and 32 MiB: 10 and 8 extents.
        assert_eq!(sizes(&usual(20)), [Some(12), None, Some(8)]);
        assert_eq!(sizes(&usual(17)), [None, None, None]);
        let Way::Live(why) = &usual(17)[0].way else {
            panic!("a snapshot without space");
        };
        assert_eq!(
            why.to_string(),
            "rootvg has 68 MiB free, and its snapshots need at least 72 MiB"
        );
    }

    #[test]
    fn no_snapshot_is_larger_than_it_can_ever_be() {
        assert_eq!(sizes(&usual(100_000)), [Some(506), None, Some(254)]);
    }

    #[test]
    fn what_cannot_be_mounted_beside_its_origin_is_read_live() {
        let volumes = [volume("hd4", "-wi-ao----", 100)];
        let said = why(&[mounted("/", "f2fs", Some("hd4"))], &volumes);
        assert_eq!(
            said,
            "a snapshot of f2fs cannot be mounted beside its origin"
        );
        let said = why(
            &[mounted("/", "ext4", Some("s"))],
            &[volume("s", "swi-aos---", 100)],
        );
        assert_eq!(
            said,
            "LVM takes no snapshots of a volume like s (swi-aos---)"
        );
    }

    #[test]
    fn btrfs_has_snapshots_of_its_own_wherever_it_lies() {
        let systems = [
            mounted("/", "btrfs", Some("hd4")),
            mounted("/home", "btrfs", None),
        ];
        for planned in plan(&systems, &[], &[]) {
            assert_eq!(planned.way, Way::Snapshot(Wish::Subvolume));
        }
    }

    #[test]
    fn a_thin_volume_needs_room_in_its_pool_only() {
        let systems = [mounted("/", "ext4", Some("thin"))];
        let mut thin = volume("thin", "Vwi-aotz--", 100);
        thin.pool = Some("pool".to_owned());
        let mut pool = volume("pool", "twi-aotz--", 100);
        pool.filled = Some(50);
        let planned = plan(&systems, &[group(0)], &[thin.clone(), pool.clone()]);
        assert!(matches!(
            &planned[0].way,
            Way::Snapshot(Wish::Volume { extents: None, .. })
        ));
        pool.metadata_filled = Some(95);
        assert_eq!(
            why(&systems, &[thin, pool]),
            "its pool pool is filled to 95 %"
        );
    }

    #[test]
    fn a_group_that_cannot_be_changed_gives_none() {
        let systems = [mounted("/", "ext4", Some("hd4"))];
        let volumes = [volume("hd4", "-wi-ao----", 100)];
        for attributes in ["rz--n-", "wzx-n-", "wz-pn-", "wz--ns"] {
            let group = Group {
                attributes: attributes.to_owned(),
                ..group(100)
            };
            let planned = plan(&systems, &[group], &volumes);
            assert!(
                matches!(planned[0].way, Way::Live(Why::Group { .. })),
                "{attributes}"
            );
        }
    }
}
