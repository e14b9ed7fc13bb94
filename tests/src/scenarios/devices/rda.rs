//! `rda-roundtrip`: attributes set on one machine are recorded as a script; on another
//! the script sets them, says what does not apply, and changes nothing a second time.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Disk, Network};

use crate::judge::guest::ask;
use crate::lab::{Lab, Powered};
use crate::{base, judge, limits, tools_cd};

const CARRIER_BYTES: u64 = 64 << 20;
/// What is set on the source, each with what shows it.
const ATTRIBUTES: [(&str, &str, &str); 4] = [
    (
        "echo 4096 > /sys/block/vda/queue/read_ahead_kb",
        "cat /sys/block/vda/queue/read_ahead_kb",
        "4096",
    ),
    (
        "echo 2 > /sys/block/vda/queue/nomerges",
        "cat /sys/block/vda/queue/nomerges",
        "2",
    ),
    (
        "ip link set $(ls /sys/class/net | grep -v lo) mtu 1400",
        "cat /sys/class/net/[!l]*/mtu",
        "1400",
    ),
    (
        "echo vm.swappiness=17 > /etc/sysctl.d/99-test.conf && sysctl -q --system",
        "sysctl -n vm.swappiness",
        "17",
    ),
];

pub fn run(lab: &Lab) -> Result<()> {
    let carrier = lab.blank_disk("carrier", 5, CARRIER_BYTES, "LBCARRIER")?;
    let mut source = machine(lab, "source", &carrier)?;
    ask(
        &mut source,
        "mkfs.ext4 -q /dev/vdb && mkdir /carrier && mount /dev/vdb /carrier",
    )?;
    for (set, show, value) in ATTRIBUTES {
        ask(&mut source, set)?;
        let shown = ask(&mut source, show)?;
        ensure!(shown == value, "{set}: {shown}");
    }
    ask(&mut source, "rda -rs /carrier/rda.sh")?;
    ask(&mut source, "rda -c /carrier/rda.sh").context("the source differs from itself")?;
    judge::shut_down(&mut source)?;
    drop(source);

    let mut target = machine(lab, "target", &carrier)?;
    ask(&mut target, "mkdir /carrier && mount /dev/vdb /carrier")?;
    for (_, show, value) in ATTRIBUTES {
        let shown = ask(&mut target, show)?;
        ensure!(shown != value, "{show} is {value} before anything was set");
    }
    let (status, said) = target.shell("rda -c /carrier/rda.sh", limits::command())?;
    ensure!(
        status == 1 && said.contains("read_ahead_kb"),
        "status {status}: {said}"
    );
    let absent = "attribute queue/no_such_attribute 1";
    let edit = format!(
        "sed '/read_ahead_kb/i {absent}' /carrier/rda.sh > /carrier/edited.sh && sh /carrier/edited.sh 2>&1"
    );
    let said = ask(&mut target, &edit).context("what does not apply was fatal")?;
    ensure!(
        said.contains("no_such_attribute"),
        "what does not apply is not told:\n{said}"
    );
    for (_, show, value) in ATTRIBUTES {
        let shown = ask(&mut target, show)?;
        ensure!(shown == value, "{show}: {shown}, not {value}");
    }
    ask(&mut target, "rda -c /carrier/rda.sh").context("after the script")?;
    // Nothing below these is written to again.
    let state = "find /etc/sysctl.d /etc/modprobe.d -newer /carrier/stamp";
    ask(&mut target, "sleep 1; touch /carrier/stamp; sleep 1")?;
    let said = ask(&mut target, "sh /carrier/rda.sh 2>&1")?;
    let written = ask(&mut target, state)?;
    ensure!(
        said.contains("rda: 0 set") && written.is_empty(),
        "the second run says {said:?} and writes {written:?}"
    );
    judge::shut_down(&mut target)
}

/// An installed system with a network card and our package.
fn machine<'a>(lab: &'a Lab, name: &str, carrier: &Disk) -> Result<Powered<'a>> {
    let system = base::installed(lab, name)?;
    let tools = tools_cd::make(lab, &[])?;
    let machine = lab.machine(name).network(Network::Virtio);
    let machine = machine.disk(system).disk(carrier.clone()).cd(tools);
    let mut machine = lab.power_on(machine)?;
    judge::log_in(&mut machine)?;
    tools_cd::install(&mut machine)?;
    Ok(machine)
}
