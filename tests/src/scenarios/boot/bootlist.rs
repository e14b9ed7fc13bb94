//! `bootlist-order` and `bootlist-fallback`: two disks that the firmware can load from,
//! and the list that says in which order it tries them.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Disk, Machine, Running};
use lifeboat_sys::run::Tool;

use crate::judge::guest::ask;
use crate::lab::{Lab, Powered};
use crate::{base, judge, limits, texts, tools_cd};

/// Room for a PReP partition.
const SECOND_BYTES: u64 = 16 << 20;
/// Nothing of ours writes the second boot record.
const RECORD: &str = "grub-install --target=powerpc-ieee1275 --no-nvram /dev/vdb1";
const SHOW: &str = "bootlist -m normal -o";
const PATHS: &str = "bootlist -m normal -r";

/// What is set is what the firmware tries, and what the system reads back afterwards.
pub fn order(lab: &Lab) -> Result<()> {
    let two = Two::new(lab)?;
    let mut machine = two.prepared(lab)?;
    refusals(&mut machine).context("what must be refused")?;
    for order in ["hdisk1 hdisk0", "hdisk0 hdisk1"] {
        let paths = set(&mut machine, order)?;
        machine.send_line("systemctl reboot")?;
        let (tried, loaded) = attempt(&mut machine)?;
        ensure!(
            loaded && tried == paths[0],
            "{order}: the list is {paths:?}, the firmware tries {tried:?}"
        );
        judge::log_in(&mut machine)?;
        tools_cd::in_path(&mut machine)?;
        let after = ask(&mut machine, PATHS)?;
        ensure!(
            after.lines().eq(paths.iter().map(String::as_str)),
            "{order}: after the restart the list is\n{after}"
        );
    }
    judge::shut_down(&mut machine)
}

/// The first disk of the list is gone: the firmware says so and takes the second. What
/// the list still says of it is shown as such, and goes when the list is set.
pub fn fallback(lab: &Lab) -> Result<()> {
    let two = Two::new(lab)?;
    let mut machine = two.prepared(lab)?;
    let paths = set(&mut machine, "hdisk1 hdisk0")?;
    judge::shut_down(&mut machine)?;
    drop(machine);

    let mut machine = lab.power_on(two.machine(lab).disk(two.system.clone()))?;
    let first = attempt(&mut machine)?;
    ensure!(
        first == (paths[0].clone(), false),
        "without {}: {first:?}",
        paths[0]
    );
    let second = attempt(&mut machine)?;
    ensure!(second == (paths[1].clone(), true), "then {second:?}");
    judge::log_in(&mut machine)?;
    tools_cd::in_path(&mut machine)?;
    let shown = ask(&mut machine, SHOW)?;
    let stale = format!("- {}", paths[0]);
    ensure!(
        shown.lines().next() == Some(&stale),
        "the list is shown as\n{shown}"
    );
    set(&mut machine, "hdisk0")?;
    judge::shut_down(&mut machine)
}

/// A system, and a disk with a boot record of the same system.
struct Two {
    system: Disk,
    second: Disk,
}

impl Two {
    fn new(lab: &Lab) -> Result<Self> {
        let system = base::installed(lab, "machine")?;
        let second = lab.blank_disk("second", 2, SECOND_BYTES, "LBSECOND")?;
        Tool::new("sgdisk")
            .args(["--new=1:2048:+8M", "--typecode=1:4100"])
            .arg(second.path())
            .run()?;
        Ok(Self { system, second })
    }

    fn machine(&self, lab: &Lab) -> Machine {
        lab.machine("machine")
    }

    /// Both disks in the machine, our package installed, the second disk bootable.
    fn prepared<'a>(&self, lab: &'a Lab) -> Result<Powered<'a>> {
        let tools = tools_cd::make(lab, &[])?;
        let machine = self.machine(lab).disk(self.system.clone());
        let mut machine = lab.power_on(machine.disk(self.second.clone()).cd(tools))?;
        judge::log_in(&mut machine)?;
        tools_cd::install(&mut machine)?;
        ask(&mut machine, RECORD).context("the second boot record")?;
        Ok(machine)
    }
}

/// Sets the list, and sees that it is what is shown. Returns its paths.
fn set(machine: &mut Running, order: &str) -> Result<Vec<String>> {
    ask(machine, &format!("bootlist -m normal {order}"))?;
    let shown = ask(machine, SHOW)?;
    let names = shown.lines().filter_map(|line| line.split(' ').next());
    ensure!(
        names.eq(order.split(' ')),
        "set to {order}, it is shown as\n{shown}"
    );
    let paths = ask(machine, PATHS)?;
    Ok(paths.lines().map(str::to_owned).collect())
}

/// Nothing of this changes the list.
fn refusals(machine: &mut Running) -> Result<()> {
    let before = ask(machine, PATHS)?;
    for (words, status) in [("hdisk0 hdisk9", 1), ("hdisk0 colour=red", 2), ("", 2)] {
        let command = format!("bootlist -m normal {words}");
        let (found, said) = machine.shell(&command, limits::command())?;
        ensure!(
            found == status && said.contains(texts::MESSAGE),
            "{command}: status {found}\n{said}"
        );
    }
    ensure!(ask(machine, PATHS)? == before, "a refusal changed the list");
    Ok(())
}

/// The next path that the firmware tries, and whether it loads something from there.
fn attempt(machine: &mut Running) -> Result<(String, bool)> {
    machine.expect(texts::FIRMWARE_TRIES, limits::to_login())?;
    let tried = machine.expect(texts::FIRMWARE_TRIES_END, limits::firmware())?;
    let outcome = machine.expect_any(&texts::FIRMWARE_OUTCOMES, limits::firmware())?;
    Ok((tried.before, outcome.which == 0))
}
