//! `cfgmgr-new-hardware`: a system comes back on other adapters. Its interface is
//! configured as ever, on the new card; a device without a driver is named with the
//! package that has it, and `cfgmgr -i` installs that from a CD.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Bus, Disk, Format, Machine, Network, Running, disk};
use lifeboat_sys::fs;
use lifeboat_sys::run::Tool;

use crate::judge::guest::{ask, ask_within};
use crate::lab::{DISK_BYTES, Lab};
use crate::scenarios::restore::{self, layouts::NOLVM};
use crate::{description, judge, limits, systems, tools_cd};

/// The card that the source had, as its backup would record it.
const OLD_CARD: &str = "
lx_net_data:
	LX_NET_NAME= enp0s31
	LX_NET_MAC= 52:54:00:aa:00:01
	LX_NET_DRIVER= virtio_net
	LX_NET_LOCATION= pci0000:00/0000:00:1f.0
	LX_NET_MODALIAS= virtio:d00000001v00001AF4
";
const ADDRESS: &str = "10.0.2.15/24";
const INTERFACES: &str = "auto lo
iface lo inet loopback
auto enp0s31
iface enp0s31 inet static
    address 10.0.2.15/24
";
/// The driver that the source lacks.
const MODULE: &str = "virtio-rng.ko.xz";
const PACKAGE: &str = "virtio-rng-modules";

pub fn run(lab: &Lab) -> Result<()> {
    let (backup, packages) = source(lab).context("making the source")?;
    let path = lab.path("disk.img");
    disk::create_blank(&path, DISK_BYTES)?;
    let disk = Disk::new("disk", path, Format::Raw, Bus::Vscsi { id: 1 }).serial("LBOTHER");
    let machine = || -> Machine {
        let machine = lab.machine("machine").network(Network::SpaprVlan);
        machine.disk(disk.clone()).entropy()
    };
    restore::unattended(lab, &backup, machine())?;
    let tools = tools_cd::make(lab, &[])?;
    let mut machine = judge::boot_alone(lab, machine().cd(tools).cd(packages))?;
    card(&mut machine).context("the network card")?;
    tools_cd::install(&mut machine)?;
    lacking(&mut machine).context("what lacks its driver")?;
    let said = ask_within(&mut machine, "cfgmgr -i /dev/sr1", limits::whole_system())?;
    ensure!(
        said.contains(PACKAGE) && said.contains("virtio_rng"),
        "cfgmgr -i says\n{said}"
    );
    ask(&mut machine, "test -e /sys/module/virtio_rng")?;
    ask(&mut machine, &format!("dpkg --status {PACKAGE}"))?;
    let said = ask(&mut machine, "cfgmgr 2>&1")?;
    ensure!(said.is_empty(), "a second cfgmgr says\n{said}");
    judge::shut_down(&mut machine)
}

/// The old name and address, on the new card.
fn card(machine: &mut Running) -> Result<()> {
    let driver = "basename $(readlink /sys/class/net/enp0s31/device/driver)";
    let driver = ask(machine, driver)?;
    ensure!(driver == "ibmveth", "enp0s31 is a {driver}");
    // PowerVM's card does not say whether it has a carrier.
    let shown = ask(machine, "ip -o addr show up dev enp0s31")?;
    ensure!(shown.contains(ADDRESS), "the interface is {shown:?}");
    Ok(())
}

/// The first boot has reported it, and cfgmgr does.
fn lacking(machine: &mut Running) -> Result<()> {
    let (status, said) = machine.shell("cfgmgr", limits::command())?;
    ensure!(
        status == 1 && said.contains("0590-509") && said.contains("linux-image-"),
        "status {status}: {said}"
    );
    let report = ask(machine, "cat /var/log/lifeboat/first-boot.report")?;
    ensure!(
        report.contains("0590-509") && report.contains("devices: done in part"),
        "the first boot's report is\n{report}"
    );
    Ok(())
}

/// The backup of a system without a driver, and a CD with a package that has it.
fn source(lab: &Lab) -> Result<(PathBuf, PathBuf)> {
    let tree = lab.path("source");
    systems::unpack(lab, NOLVM.release, &["--bootable"], &tree)?;
    let (path, text) = NOLVM.files[0];
    systems::put(lab, &tree.join(path), text)?;
    systems::put(lab, &tree.join("etc/network/interfaces"), INTERFACES)?;
    let cd = package(lab, &tree)?;
    let image_data = lab.path("image.data");
    fs::write(&image_data, format!("{}{OLD_CARD}", NOLVM.image_data))?;
    let (_, bosinst_data) = description::demo(&lab.media.backup, &lab.path("answers"))?;
    let backup = lab.path("source.mksysb");
    systems::write(lab, &tree, &image_data, &bosinst_data, &backup)?;
    systems::as_root("rm").args(["-rf", "--"]).arg(tree).run()?;
    Ok((backup, cd))
}

/// Takes the driver out of the system, and puts it into a package on a CD.
fn package(lab: &Lab, tree: &Path) -> Result<PathBuf> {
    let modules = tree.join("usr/lib/modules");
    let found = Tool::new("find")
        .arg(&modules)
        .args(["-name", MODULE, "-printf", "%P\n"])
        .run()?
        .text();
    let found = found.trim();
    let (release, _) = found.split_once('/').context("there is no such driver")?;
    let content = lab.path("package");
    let updates = content
        .join("usr/lib/modules")
        .join(release)
        .join("updates");
    fs::create_dir_all(&updates)?;
    fs::create_dir_all(content.join("DEBIAN"))?;
    systems::as_root("mv")
        .arg(modules.join(found))
        .arg(&updates)
        .run()?;
    systems::as_root("chroot")
        .arg(tree)
        .args(["/usr/sbin/depmod", release])
        .run()?;
    let control = format!(
        "Package: {PACKAGE}\nVersion: 1\nArchitecture: ppc64el\nMaintainer: Lifeboat <root@localhost>\nDescription: a driver\n"
    );
    fs::write(content.join("DEBIAN/control"), control)?;
    let pool = lab.path("pool");
    fs::create_dir_all(&pool)?;
    Tool::new("dpkg-deb")
        .args(["--root-owner-group", "--build"])
        .arg(&content)
        .arg(&pool)
        .run()?;
    let iso = lab.path("packages.iso");
    Tool::new("xorriso")
        .args([
            "-no_rc", "-as", "mkisofs", "-quiet", "-r", "-V", "PACKAGES", "-o",
        ])
        .arg(&iso)
        .arg(&pool)
        .run()?;
    Ok(iso)
}
