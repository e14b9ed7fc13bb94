//! Network links: an interface that the system's configuration names, and that is
//! down, is handed to whatever manages the system's network.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use lifeboat_sys::fs::attribute;
use lifeboat_sys::run::Tool;

use crate::cfgmgr::Report;
use crate::scope::Scope;
use crate::system::System;

/// A manager may take this long for one interface.
const LIMIT: Duration = Duration::from_secs(60);
/// An interface comes up this long after its manager was asked.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who manages the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    /// ifupdown of Debian, or the scripts of Red Hat.
    Ifup,
    Nmcli,
    Wicked,
    Networkctl,
}

impl Manager {
    /// The managers of a system that may know an interface, the surest first.
    fn of(system: &System<'_>, interface: &str) -> Vec<Self> {
        let root = system.root;
        let ifcfg = root
            .join("etc/sysconfig/network-scripts")
            .join(format!("ifcfg-{interface}"));
        let runs = |directory: &str| root.join("run").join(directory).exists();
        let mut all = Vec::new();
        if system.has("ifup") && (system.has("ifquery") || ifcfg.exists()) {
            all.push(Self::Ifup);
        }
        if system.has("nmcli") && runs("NetworkManager") {
            all.push(Self::Nmcli);
        }
        if system.has("wicked") && runs("wicked") {
            all.push(Self::Wicked);
        }
        if system.has("networkctl") && runs("systemd/netif/state") {
            all.push(Self::Networkctl);
        }
        all
    }

    /// What makes it bring an interface up. None of these makes up a configuration.
    fn tool(self, interface: &str) -> Tool {
        let (program, arguments) = match self {
            Self::Ifup => ("ifup", &[][..]),
            Self::Nmcli => ("nmcli", &["--wait", "30", "connection", "up", "ifname"][..]),
            Self::Wicked => ("wicked", &["ifup"][..]),
            Self::Networkctl => ("networkctl", &["reconfigure"][..]),
        };
        Tool::new(program)
            .args(arguments)
            .arg(interface)
            .deadline(LIMIT)
    }

    /// Whether its configuration names the interface; the others say so when they are asked.
    fn knows(self, system: &System<'_>, interface: &str) -> bool {
        if self != Self::Ifup || !system.has("ifquery") {
            return true;
        }
        let query = Tool::new("ifquery").arg(interface).deadline(LIMIT);
        query.run().is_ok()
    }
}

/// Brings up the interfaces of adapters that are down.
pub(crate) fn bring_up(system: &System<'_>, scope: &Scope, report: &mut Report) {
    let sys = system.sys();
    for interface in down(&sys, &scope.members(&sys, "net")) {
        let mut managers = Manager::of(system, &interface).into_iter();
        let Some(manager) = managers.find(|manager| manager.knows(system, &interface)) else {
            continue;
        };
        let tool = manager.tool(&interface);
        match tool.run() {
            Ok(_) if comes_up(&sys, &interface) => {
                let done = format!("network {interface} up ({})", tool.argv());
                report.done.push(done);
            }
            // That its manager does not want it up is as it should be.
            Ok(_) => log::info!("{interface} stays down"),
            Err(error) if manager == Manager::Ifup => report.failed.push(error.to_string()),
            Err(error) => log::info!("{interface} stays down: {error}"),
        }
    }
}

/// Those interfaces that have hardware and are down.
fn down(sys: &Path, interfaces: &[String]) -> Vec<String> {
    let is_down = |name: &&String| {
        let place = sys.join("class/net").join(name);
        place.join("device").exists() && !is_up(&place)
    };
    interfaces.iter().filter(is_down).cloned().collect()
}

/// `IFF_UP` is the lowest of the flags.
fn is_up(place: &Path) -> bool {
    let flags = attribute(place.join("flags")).unwrap_or_default();
    let flags = flags.strip_prefix("0x").unwrap_or(&flags);
    u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1)
}

fn comes_up(sys: &Path, interface: &str) -> bool {
    let place = sys.join("class/net").join(interface);
    let start = Instant::now();
    while !is_up(&place) {
        if start.elapsed() > PATIENCE {
            return false;
        }
        thread::sleep(Duration::from_millis(100));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};

    #[test]
    fn interfaces_of_adapters_that_are_down_are_found() {
        let sys = tempfile::tempdir().unwrap();
        for (name, flags, hardware) in [
            ("lo", "0x9\n", false),
            ("eth0", "0x1003\n", true),
            ("eth1", "0x1002\n", true),
            ("bond0", "0x1002\n", false),
        ] {
            let place = sys.path().join("class/net").join(name);
            create_dir_all(&place).unwrap();
            write(place.join("flags"), flags).unwrap();
            if hardware {
                create_dir_all(place.join("device")).unwrap();
            }
        }
        let all = ["bond0", "eth0", "eth1", "lo"].map(str::to_owned);
        assert_eq!(down(sys.path(), &all), ["eth1"]);
    }

    #[test]
    fn the_managers_are_those_that_are_there() {
        let root = tempfile::tempdir().unwrap();
        let system = System {
            root: root.path(),
            release: "6".into(),
        };
        let touch = |path: &str| {
            let path = root.path().join(path);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, "").unwrap();
        };
        assert!(Manager::of(&system, "eth0").is_empty());
        touch("usr/bin/networkctl");
        touch("run/systemd/netif/state");
        touch("usr/sbin/ifup");
        touch("etc/sysconfig/network-scripts/ifcfg-eth0");
        let found = Manager::of(&system, "eth0");
        assert_eq!(found, [Manager::Ifup, Manager::Networkctl]);
        assert_eq!(Manager::of(&system, "eth1"), [Manager::Networkctl]);
        assert_eq!(
            Manager::Networkctl.tool("eth1").argv(),
            "networkctl reconfigure eth1"
        );
    }
}
