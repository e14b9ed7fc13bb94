use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitStatus;

use lifeboat_sys::run::Output;

use super::*;

/// A system: kernel file systems and `/etc` below a directory.
struct System(tempfile::TempDir);

impl System {
    /// With a virtio disk, a SCSI disk and a card.
    fn new(host: &str) -> Self {
        let system = Self(tempfile::tempdir().unwrap());
        system.file("proc/sys/kernel/hostname", host);
        for (path, value) in [
            ("vm/swappiness", "60"),
            ("net/ipv4/tcp_rmem", "4096\t131072\t6291456"),
        ] {
            system.file(&format!("proc/sys/{path}"), value);
        }
        system.disk("pci0000:00/0000:00:01.0/virtio0/block/vda", "VDA");
        system.disk("vio/71000003/host3/target3:0:2/3:0:2:0/block/sda", "SDA");
        system.file(
            "sys/devices/vio/71000003/host3/scsi_host/host3/cmd_per_lun",
            "16",
        );
        system.device(
            "class/net",
            "vio/30000002/net/env2",
            &[("address", "ba:00:00:00:00:02"), ("mtu", "1500")],
        );
        for directory in ["etc/sysctl.d", "etc/modprobe.d"] {
            fs::create_dir_all(system.0.path().join(directory)).unwrap();
        }
        system
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{text}\n")).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.path().join(path)).unwrap()
    }

    fn device(&self, class: &str, place: &str, attributes: &[(&str, &str)]) {
        let (above, name) = place.rsplit_once('/').unwrap();
        let real = self.0.path().join("sys/devices").join(place);
        for (attribute, value) in attributes {
            self.file(&format!("sys/devices/{place}/{attribute}"), value);
        }
        let above = Path::new(above).parent().unwrap();
        symlink(
            self.0.path().join("sys/devices").join(above),
            real.join("device"),
        )
        .unwrap();
        let class = self.0.path().join("sys").join(class);
        fs::create_dir_all(&class).unwrap();
        symlink(real, class.join(name)).unwrap();
    }

    fn disk(&self, place: &str, serial: &str) {
        let queue = [
            ("serial", serial),
            ("removable", "0"),
            ("queue/scheduler", "[mq-deadline] kyber none"),
            ("queue/nr_requests", "256"),
            ("queue/read_ahead_kb", "128"),
            ("mq/0/nr_tags", "256"),
        ];
        self.device("block", place, &queue);
        let (above, _) = place.rsplit_once("/block").unwrap();
        self.file(&format!("sys/devices/{above}/queue_depth"), "16");
    }

    fn script(&self) -> String {
        collect_from(self.0.path(), &|_, _| None)
    }

    /// Runs a script on this system.
    fn run(&self, script: &str, arguments: &[&str], skip: &str) -> (ExitStatus, Output) {
        let path = self.0.path().join("script");
        fs::write(&path, script).unwrap();
        let tool = Tool::new("sh").arg(path).args(arguments);
        let tool = tool.env("RDA_ROOT", self.0.path()).env("RDA_SKIP", skip);
        tool.status().unwrap()
    }
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

const VDA: &str = "sys/devices/pci0000:00/0000:00:01.0/virtio0/block/vda/queue";
const SDA: &str = "sys/devices/vio/71000003/host3/target3:0:2/3:0:2:0";

/// A system that somebody has tuned.
fn tuned() -> System {
    let system = System::new("alpha");
    for (path, value) in [
        (format!("{VDA}/scheduler"), "mq-deadline kyber [none]"),
        (format!("{VDA}/nr_requests"), "64"),
        (format!("{SDA}/queue_depth"), "32"),
        (format!("{SDA}/block/sda/queue/read_ahead_kb"), "4096"),
        ("sys/devices/vio/30000002/net/env2/mtu".to_owned(), "9000"),
        ("proc/sys/vm/swappiness".to_owned(), "10"),
        (
            "proc/sys/net/ipv4/tcp_rmem".to_owned(),
            "4096\t87380\t16777216",
        ),
        (
            "etc/sysctl.d/db.conf".to_owned(),
            "# tuned\n-net.ipv4.tcp_rmem =  4096 87380 16777216",
        ),
        (
            "etc/modprobe.d/x.conf".to_owned(),
            "options  ibmvfc   max_requests=100",
        ),
        (
            "etc/multipath.conf".to_owned(),
            "defaults {\n\tuser_friendly_names yes\n\tEND\n}\nEND",
        ),
    ] {
        system.file(&path, value);
    }
    system
}

#[test]
fn attributes_of_one_system_are_set_on_another_once() {
    let (a, b) = (tuned(), System::new("beta"));
    let script = a.script();
    for line in [
        "disk '/sys/devices/vio/71000003/host*/target*:0:2/*:0:2:0/block/*' SDA sda\nattribute device/queue_depth 32\nattribute queue/read_ahead_kb 4096\n",
        "attribute queue/scheduler none\nattribute queue/nr_requests 64\n",
        "card '/sys/devices/vio/30000002/net/*' ba:00:00:00:00:02 env2\nname env2\nattribute mtu 9000\n",
        "kernel vm/swappiness 10\n",
        "line /etc/modprobe.d /etc/modprobe.d/lifeboat-rda.conf 'options ibmvfc max_requests=100'\n",
    ] {
        assert!(script.contains(line), "{line}\n{script}");
    }
    let (status, output) = b.run(&script, &["-c"], "");
    let (out, _) = said(&output);
    assert_eq!(status.code(), Some(1));
    assert!(
        out.contains("sda device/queue_depth: 16, not 32\n"),
        "{out}"
    );
    assert!(out.contains("rda: 11 differ, "), "{out}");
    assert_eq!(
        b.read(&format!("{SDA}/queue_depth")),
        "16\n",
        "it only compares"
    );

    let (status, output) = b.run(&script, &[], "");
    let (out, err) = said(&output);
    assert_eq!((status.code(), err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("rda: 11 set, "), "{out}");
    assert_eq!(b.read(&format!("{SDA}/queue_depth")), "32\n");
    assert_eq!(b.read("etc/multipath.conf"), a.read("etc/multipath.conf"));
    assert_eq!(b.read("proc/sys/kernel/hostname"), "alpha\n");
    assert_eq!(
        b.read("etc/sysctl.d/90-lifeboat-rda.conf"),
        "net.ipv4.tcp_rmem=4096 87380 16777216\n"
    );

    for arguments in [&[][..], &["-c"]] {
        let (status, output) = b.run(&script, arguments, "");
        let (out, err) = said(&output);
        assert_eq!((status.code(), err.as_str()), (Some(0), ""), "{out}");
        assert!(out.starts_with("rda: 0 "), "{out}");
    }
    // It says the same of itself and of its copy.
    for system in [&a, &b] {
        let (status, output) = system.run(&script, &["-c"], "");
        assert_eq!(status.code(), Some(0), "{:?}", said(&output));
    }
}

#[test]
fn what_does_not_apply_is_told_and_counted() {
    let a = tuned();
    let b = System::new("beta");
    // The SCSI disk is elsewhere, the card is not there at all.
    fs::rename(
        b.0.path().join("sys/devices/vio"),
        b.0.path().join("sys/devices/elsewhere"),
    )
    .unwrap();
    for link in ["sys/block/sda", "sys/class/net/env2"] {
        fs::remove_file(b.0.path().join(link)).unwrap();
    }
    let moved = "sys/devices/elsewhere/71000003/host3/target3:0:2/3:0:2:0/block/sda";
    symlink(b.0.path().join(moved), b.0.path().join("sys/block/sdb")).unwrap();
    let (status, output) = b.run(&a.script(), &[], "hostname multipath");
    let (out, err) = said(&output);
    assert_eq!(status.code(), Some(0), "{out}");
    assert_eq!(
        err,
        "rda: sdb has no device/queue_depth\nrda: nothing is in the place of env2\nrda: 2 do not apply to this machine\n"
    );
    assert!(out.contains("sdb queue/read_ahead_kb: 4096 now\n"), "{out}");
    assert_eq!(b.read("proc/sys/kernel/hostname"), "beta\n");
    assert!(!b.0.path().join("etc/multipath.conf").exists());
}

#[test]
fn an_untuned_system_has_little_to_say() {
    let script = System::new("beta").script();
    let lines = script.split_once("\nif section").unwrap().1;
    assert_eq!(
        lines,
        " network; then\ncard '/sys/devices/vio/30000002/net/*' ba:00:00:00:00:02 env2\nname env2\nfi\n\nif section hostname; then\nhost_name beta\nfi\n\nfinish\n"
    );
}

#[test]
fn only_our_scripts_are_run() {
    let system = System::new("beta");
    let path = system.0.path().join("x");
    fs::write(&path, system.script()).unwrap();
    assert!(is_script(&path).is_ok());
    fs::write(&path, "#!/bin/sh\nrm -r /\n").unwrap();
    assert!(
        is_script(&path)
            .unwrap_err()
            .to_string()
            .starts_with("0590-540 ")
    );
}
