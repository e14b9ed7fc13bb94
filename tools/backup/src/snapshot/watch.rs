//! Snapshots fill up while the backup is written: they grow, or the backup ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use lifeboat_sys::error::chain;

use super::report::{self, Group, Volume, lvm};
use super::{Kind, NO_ARCHIVE, SnapshotError, Taken};

/// How often they are looked at.
const PAUSE: Duration = Duration::from_secs(5);

/// A snapshot that is fuller than this, in percent, grows by half.
const GROW_AT: u32 = 60;

/// A pool that is fuller than this ends the backup.
const POOL_END: u32 = 95;

/// A thread that looks after snapshots.
#[derive(Debug)]
pub(super) struct Watch {
    end: Sender<()>,
    thread: JoinHandle<Result<(), SnapshotError>>,
}

impl Watch {
    /// Begins; `stop` is set when there is no point in going on with the backup.
    pub fn start(taken: Vec<Taken>, stop: Arc<AtomicBool>) -> Self {
        let (end, ended) = channel();
        let thread = thread::spawn(move || {
            while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                let volumes = match report::volumes() {
                    Ok(volumes) => volumes,
                    Err(error) => {
                        log::warn!("{}", chain(&error));
                        continue;
                    }
                };
                if let Err(error) = look(&taken, &volumes) {
                    stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
                grow(&taken, &volumes);
            }
            Ok(())
        });
        Self { end, thread }
    }

    /// Ends.
    ///
    /// # Errors
    /// What was wrong with the snapshots.
    pub fn end(self) -> Result<(), SnapshotError> {
        // A thread that has ended by itself hears nothing.
        let _ = self.end.send(());
        match self.thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// Whether the snapshots are as good as when they were taken.
pub(super) fn look(taken: &[Taken], volumes: &[Volume]) -> Result<(), SnapshotError> {
    for taken in taken {
        // A subvolume takes its space from a file system that says when it is full.
        let Kind::Volume { group, .. } = &taken.kind else {
            continue;
        };
        let overflow = || SnapshotError::Overflow {
            mount: taken.mount.clone(),
            group: group.clone(),
        };
        // One that is gone was removed by somebody, or by LVM because it was full.
        let found = find(taken, volumes).ok_or_else(overflow)?;
        let Some(pool) = &found.pool else {
            if found.is_invalid() || found.filled >= Some(100) {
                return Err(overflow());
            }
            continue;
        };
        let pool = volumes
            .iter()
            .find(|volume| volume.group == found.group && volume.name == *pool);
        if let Some(pool) = pool
            && let Some(filled) = pool.filled.max(pool.metadata_filled)
            && filled >= POOL_END
        {
            return Err(SnapshotError::Pool {
                pool: pool.name.clone(),
                filled,
            });
        }
    }
    Ok(())
}

fn find<'a>(taken: &Taken, volumes: &'a [Volume]) -> Option<&'a Volume> {
    let Kind::Volume { group, name } = &taken.kind else {
        return None;
    };
    volumes
        .iter()
        .find(|volume| volume.group == *group && volume.name == *name)
}

/// Makes those larger that fill up, while their group has free extents.
fn grow(taken: &[Taken], volumes: &[Volume]) {
    let filling: Vec<&Volume> = taken
        .iter()
        .filter_map(|taken| find(taken, volumes))
        .filter(|volume| volume.pool.is_none() && volume.filled >= Some(GROW_AT))
        .collect();
    if filling.is_empty() {
        return;
    }
    let Ok(mut groups) = report::groups() else {
        return;
    };
    for volume in filling {
        let Some(group) = groups.iter_mut().find(|group| group.name == volume.group) else {
            continue;
        };
        let more = more(volume, group);
        if more == 0 {
            continue;
        }
        let tool = lvm("lvextend").args(["--yes", "--config", NO_ARCHIVE, "--extents"]);
        let name = format!("{}/{}", volume.group, volume.name);
        match tool.arg(format!("+{more}")).arg(name).run() {
            Ok(_) => group.free -= more,
            Err(error) => log::warn!("{}", chain(&error)),
        }
    }
}

/// Extents by which a snapshot grows.
fn more(volume: &Volume, group: &Group) -> u64 {
    let now = volume.size / group.extent.max(1);
    now.div_ceil(2).max(1).min(group.free)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken() -> Taken {
        Taken {
            mount: "/var".into(),
            kind: Kind::Volume {
                group: "rootvg".to_owned(),
                name: "lifeboat_snap_0".to_owned(),
            },
            place: None,
        }
    }

    fn volume(name: &str, attributes: &str, filled: u32) -> Volume {
        Volume {
            group: "rootvg".to_owned(),
            name: name.to_owned(),
            attributes: attributes.to_owned(),
            size: 40 << 20,
            origin: Some("hd9var".to_owned()),
            pool: None,
            filled: Some(filled),
            metadata_filled: None,
            tags: Vec::new(),
        }
    }

    #[test]
    fn a_full_snapshot_ends_the_backup() {
        let said = |volumes: &[Volume]| look(&[taken()], volumes).err().map(|e| e.to_string());
        assert_eq!(said(&[volume("lifeboat_snap_0", "swi-aos---", 99)]), None);
        let full = said(&[volume("lifeboat_snap_0", "swi-Ios---", 100)]).unwrap();
        assert!(
            full.starts_with("0590-364 The snapshot of /var is full"),
            "{full}"
        );
        assert_eq!(said(&[]).unwrap(), full);
    }

    #[test]
    fn a_pool_that_fills_up_ends_it_too() {
        let mut thin = volume("lifeboat_snap_0", "Vwi-aotz--", 20);
        thin.pool = Some("pool".to_owned());
        let pool = |filled| volume("pool", "twi-aotz--", filled);
        assert!(look(&[taken()], &[thin.clone(), pool(94)]).is_ok());
        let error = look(&[taken()], &[thin, pool(95)]).unwrap_err();
        assert!(error.to_string().starts_with("0590-369"), "{error}");
    }

    #[test]
    fn a_snapshot_grows_by_half_of_itself_as_far_as_there_is_space() {
        let group = |free| Group {
            name: "rootvg".to_owned(),
            attributes: "wz--n-".to_owned(),
            extent: 4 << 20,
            free,
        };
        let volume = volume("lifeboat_snap_0", "swi-aos---", 70);
        assert_eq!(more(&volume, &group(100)), 5);
        assert_eq!(more(&volume, &group(3)), 3);
        assert_eq!(more(&volume, &group(0)), 0);
    }
}
