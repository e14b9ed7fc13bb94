//! `mksysb-busy`: files are written, renamed and deleted while a backup is
//! taken. From snapshots the backup is of one moment; without them it says
//! which files changed, and its exit status says so too.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Running;

use crate::judge::guest::{ask, ask_within};
use crate::lab::Lab;
use crate::{base, judge, limits, tools_cd};

const DATABASE: &str = include_str!("database.pl");
const CHURN: &str = include_str!("churn.sh");
const BACKUP_DISK_BYTES: u64 = 2 << 30;
/// One on each file system that can be in a snapshot: xfs and ext4.
const DATABASES: [&str; 2] = ["/var/tmp/database", "/srv/database"];

pub fn run(lab: &Lab) -> Result<()> {
    let system = base::installed(lab, "busy")?;
    let backups = lab.blank_disk("backups", 2, BACKUP_DISK_BYTES, "LBBACKUPS")?;
    let tools = tools_cd::make(lab, &[("database.pl", DATABASE), ("churn.sh", CHURN)])?;
    let machine = lab.machine("busy").disk(system).disk(backups).cd(tools);
    let mut machine = lab.power_on(machine)?;
    judge::log_in(&mut machine)?;
    tools_cd::install(&mut machine)?;
    ask(
        &mut machine,
        "mkfs.ext4 -q /dev/vdb && mkdir /backup && mount /dev/vdb /backup",
    )?;
    begin(&mut machine)?;
    from_snapshots(&mut machine).context("a backup from snapshots")?;
    live(&mut machine).context("a backup without snapshots")?;
    ask(&mut machine, "kill $(cat /run/busy)")?;
    judge::shut_down(&mut machine)
}

/// Starts what keeps the system busy; their process ids are in /run/busy.
fn begin(machine: &mut Running) -> Result<()> {
    for path in DATABASES {
        ask(
            machine,
            &format!("perl /mnt/database.pl write {path} & echo $! >> /run/busy"),
        )?;
    }
    ask(machine, "bash /mnt/churn.sh & echo $! >> /run/busy")?;
    Ok(())
}

/// Everything is of one moment, and nothing is reported as changed.
fn from_snapshots(machine: &mut Running) -> Result<()> {
    let said = ask_within(
        machine,
        "mksysb -i -T /backup/snapshot.mksysb",
        limits::backup(),
    )?;
    for number in ["0590-140", "0590-141", "0590-146"] {
        ensure!(
            !said.contains(number),
            "a file changed inside a snapshot:\n{said}"
        );
    }
    let left = ask(machine, "lvs --noheadings -o lv_name -S 'lv_attr=~^s'")?;
    ensure!(left.is_empty(), "snapshots are left:\n{left}");
    ask(
        machine,
        "grep -q /run/lifeboat /proc/self/mounts; test $? = 1",
    )?;
    ask(machine, "mkdir -p /backup/out")?;
    ask_within(
        machine,
        "cd /backup/out && restore -xqf /backup/snapshot.mksysb ./srv/database ./var/tmp",
        limits::backup(),
    )?;
    for path in DATABASES {
        ask(
            machine,
            &format!("perl /mnt/database.pl check /backup/out{path}"),
        )
        .context("a database")?;
    }
    let moved = ask(
        machine,
        "cd /backup/out/var/tmp/churn && ls -d here there 2>/dev/null; true",
    )?;
    ensure!(
        moved.lines().count() == 1,
        "of `here` and `there` the backup has {moved:?}"
    );
    Ok(())
}

/// The file that was written to is named, and the exit status is not 0; the
/// backup is whole for all that.
fn live(machine: &mut Running) -> Result<()> {
    // What never changes is left out: it would take minutes again.
    ask(machine, "echo '^./usr/' > /etc/exclude.rootvg")?;
    let command = "mksysb -i -e --no-snapshots /backup/live.mksysb";
    let (status, said) = machine.shell(command, limits::backup())?;
    ensure!(status != 0, "exit status 0 although files changed:\n{said}");
    let named = |path: &str| {
        let path = format!(".{path}");
        said.lines()
            .any(|line| line.contains("0590-141") && line.contains(&path))
    };
    ensure!(
        DATABASES.iter().any(|path| named(path)),
        "no database is named as changed:\n{said}"
    );
    ask_within(
        machine,
        "lsmksysb -V -f /backup/live.mksysb",
        limits::backup(),
    )?;
    Ok(())
}
