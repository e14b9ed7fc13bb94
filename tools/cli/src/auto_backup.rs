//! `lifeboat auto-backup`: what `lifeboat-backup.timer` starts.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use lifeboat_archive::Backup;
use lifeboat_backup::schedule::{
    self, CONFIG, Config, Kind, Scheduled, file_name, incomplete_name, interrupted, scheduled,
    surplus,
};
use lifeboat_layout::system::{Wanted, probe};
use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{PathContext, read_to_string};
use nix::sys::statvfs::statvfs;
use nix::unistd::gethostname;

use crate::{backup, mksysb};

/// Make a backup on schedule, and remove old ones
///
/// /etc/lifeboat/backup.conf says where it goes and how many are kept. The backup
/// is written, read back and checked. Only when it is complete and
/// every hash in it is right are older ones removed that are more than were to be
/// kept. If something is missing from it, it gets a name with -incomplete, nothing
/// is removed, and the exit status is 1.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The settings
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,

    /// Say where the backup would go, and what is there
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let wrong = || format!("0590-767 {} cannot be followed", args.config.display());
    let config = Config::parse(&read_to_string(&args.config)?).with_context(wrong)?;
    let backup = mksysb_args(&config).with_context(wrong)?;
    let _turn = schedule::turn()?;
    is_elsewhere(&config.target)?;
    let host = gethostname().context("asking for the host's name")?;
    let host = host.to_string_lossy();
    let store = Store {
        config: &config,
        host: &host,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let name = file_name(&host, now.map_or(0, |since| since.as_secs()));
    let path = config.target.join(name);
    if args.dry_run {
        return store.show(&path);
    }
    store.clear()?;
    store.room()?;
    let report = mksysb::write(&backup.verified_into(path.clone()))?;
    if let Err(incomplete) = backup::complete(&report) {
        let name = incomplete_name(&path);
        std::fs::rename(&path, &name).at("rename", &path)?;
        return Err(incomplete).with_context(|| {
            format!(
                "0590-772 {} lacks something; no older backup was removed",
                name.display()
            )
        });
    }
    store.thin(&path)?;
    Ok(ExitCode::SUCCESS)
}

/// What mksysb is told, but for the target.
fn mksysb_args(config: &Config) -> Result<mksysb::Args> {
    // What says where or of what a backup is made is not for FLAGS to say.
    let own = ["--dry-run", "--iso", "--json", "--tree"];
    if let Some(flag) = config
        .flags
        .iter()
        .find(|flag| own.contains(&flag.as_str()))
    {
        anyhow::bail!("0590-768 FLAGS cannot have {flag}");
    }
    let words = config.flags.iter().map(OsString::from);
    let target = [OsString::from(&config.target)];
    mksysb::Args::from_words(words.chain(target))
        .map_err(|error| anyhow::anyhow!("0590-769 FLAGS are not flags of mksysb: {error}"))
}

/// Refuses a directory that is backed up itself: so does one whose own file system is
/// not mounted look.
fn is_elsewhere(target: &Path) -> Result<()> {
    let device = |path: &Path| path.metadata().map(|there| there.dev());
    ensure!(
        target.is_dir(),
        "0590-770 There is no directory {}; make it, or mount what it is on",
        target.display()
    );
    let here = device(target).at("examine", target)?;
    for backed_up in probe(&Wanted::Root)?.file_systems {
        ensure!(
            device(&backed_up.mount).ok() != Some(here),
            "0590-771 {} lies in {}, which is backed up: every backup would hold those before it, \
             and a disk that fails would take all. Is its own file system mounted?",
            target.display(),
            backed_up.mount.display()
        );
    }
    Ok(())
}

/// The scheduled backups of this host.
struct Store<'a> {
    config: &'a Config,
    host: &'a str,
}

impl Store<'_> {
    /// Those that can be restored; damaged ones are named, and count for nothing.
    fn sound(&self) -> Result<Vec<Scheduled>> {
        let mut found = scheduled(&self.config.target, self.host)?;
        found.retain(|backup| match Backup::open(&backup.path) {
            Ok(_) => true,
            Err(error) => {
                eprintln!(
                    "lifeboat: 0590-773 A damaged backup is left where it is: {}",
                    chain(&error)
                );
                false
            }
        });
        Ok(found)
    }

    /// Removes what interrupted runs have left.
    fn clear(&self) -> Result<()> {
        for path in interrupted(&self.config.target, self.host)? {
            remove(&path)?;
        }
        Ok(())
    }

    /// Refuses to begin what would fill the file system.
    fn room(&self) -> Result<()> {
        let target = &self.config.target;
        let stat = statvfs(target).at("examine", target)?;
        let free = stat.blocks_available() * stat.fragment_size();
        let needed = self.expected()?.saturating_add(self.config.min_free);
        ensure!(
            free >= needed,
            "0590-774 {} has {} MB free; a backup as large as the last and MIN_FREE are {} MB",
            target.display(),
            free >> 20,
            needed.div_ceil(1 << 20)
        );
        Ok(())
    }

    /// The size of the last good backup; of the first, nothing is known.
    fn expected(&self) -> Result<u64> {
        let found = scheduled(&self.config.target, self.host)?;
        let good = found.iter().find(|backup| backup.kind == Kind::Good);
        Ok(good.map_or(0, |backup| backup.size))
    }

    /// Removes what is more than was to be kept, now that `new` is complete.
    fn thin(&self, new: &Path) -> Result<()> {
        let found = self.sound()?;
        for backup in surplus(&found, new, self.config.keep) {
            remove(&backup.path)?;
        }
        Ok(())
    }

    fn show(&self, new: &Path) -> Result<ExitCode> {
        println!("New backup:  {}", new.display());
        for backup in self.sound()? {
            let kind = match backup.kind {
                Kind::Good => "Good backup:",
                Kind::Incomplete => "Incomplete: ",
            };
            println!("{kind} {}, {} MB", backup.path.display(), backup.size >> 20);
        }
        self.room()?;
        Ok(ExitCode::SUCCESS)
    }
}

fn remove(path: &Path) -> Result<()> {
    std::fs::remove_file(path).at("remove", path)?;
    println!("Removed {}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(flags: &str) -> Result<mksysb::Args> {
        let text = format!("backup:\n\tTARGET = /backup\n\tFLAGS = {flags}\n");
        mksysb_args(&Config::parse(&text).unwrap())
    }

    #[test]
    fn flags_are_those_of_mksysb() {
        assert!(flags("-i -e -x /etc/exclude.fs --memory 128").is_ok());
        for (wrong, number) in [
            ("--dry-run", "0590-768"),
            ("--tree /srv", "0590-768"),
            ("--no-such-flag", "0590-769"),
            ("/elsewhere.mksysb", "0590-769"),
        ] {
            let error = flags(wrong).unwrap_err().to_string();
            assert!(error.starts_with(number), "{wrong}: {error}");
        }
    }

    #[test]
    fn what_is_kept_is_what_can_be_restored() {
        let place = tempfile::tempdir().unwrap();
        let text = format!(
            "backup:\n\tTARGET = {}\n\tKEEP = 1\n",
            place.path().display()
        );
        let config = Config::parse(&text).unwrap();
        let store = Store {
            config: &config,
            host: "db",
        };
        let good = include_bytes!("../../archive/tests/data/version-1.mksysb");
        let path = |seconds| place.path().join(file_name("db", seconds));
        std::fs::write(path(1), good).unwrap();
        std::fs::write(path(2), &good[..good.len() / 2]).unwrap();
        std::fs::write(path(3), good).unwrap();
        assert_eq!(store.expected().unwrap(), good.len() as u64);
        // The new backup did not come to be: nothing goes.
        store.thin(&path(4)).unwrap();
        assert_eq!(scheduled(place.path(), "db").unwrap().len(), 3);
        std::fs::write(path(4), good).unwrap();
        store.thin(&path(4)).unwrap();
        let left = scheduled(place.path(), "db").unwrap();
        let paths: Vec<_> = left.into_iter().map(|backup| backup.path).collect();
        // The damaged one is for a person to look at.
        assert_eq!(paths, [path(4), path(2)]);
    }

    #[test]
    fn what_interrupted_runs_left_goes() {
        let place = tempfile::tempdir().unwrap();
        let text = format!("backup:\n\tTARGET = {}\n", place.path().display());
        let config = Config::parse(&text).unwrap();
        let rest = place.path().join(file_name("db", 1) + ".unverified");
        std::fs::write(&rest, "half").unwrap();
        let store = Store {
            config: &config,
            host: "db",
        };
        store.clear().unwrap();
        assert!(!rest.exists());
    }

    #[test]
    fn more_than_there_is_room_for_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let text = format!(
            "backup:\n\tTARGET = {}\n\tMIN_FREE = 9999999999\n",
            place.path().display()
        );
        let config = Config::parse(&text).unwrap();
        let store = Store {
            config: &config,
            host: "db",
        };
        let error = store.room().unwrap_err().to_string();
        assert!(error.starts_with("0590-774"), "{error}");
    }
}
