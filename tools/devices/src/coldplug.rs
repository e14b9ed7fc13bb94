//! Devices that were there before anybody listened for them.
//!
//! A driver brings new devices (an adapter its disks), so the look at sysfs is
//! repeated until it shows nothing new.

use std::collections::HashSet;
use std::fs::read_dir;
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext, attribute};

use crate::load::{LoadError, Loader};
use crate::modules::ModuleIndex;

/// More waves than any chain of devices is long: adapter, bus, disk, and each
/// a few layers deep.
const WAVES: usize = 32;

/// A device that names itself for drivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its place: `/sys/bus/BUS/devices/NAME`.
    pub path: PathBuf,
    /// The bus's name.
    pub bus: String,
    /// What it is, for the patterns of `modules.alias`.
    pub modalias: String,
    /// The driver that has it.
    pub driver: Option<String>,
}

impl Device {
    /// Its name on its bus.
    #[must_use]
    pub fn name(&self) -> String {
        file_name(&self.path)
    }
}

/// The devices on all buses, sorted by bus and name. `sys` is `/sys`.
///
/// # Errors
/// [`FsError`] when sysfs is not there.
pub fn devices(sys: &Path) -> Result<Vec<Device>, FsError> {
    let mut devices = Vec::new();
    for bus in children(&sys.join("bus"))? {
        // A bus that goes away under our hands has no devices.
        for path in children(&bus.join("devices")).unwrap_or_default() {
            let modalias = attribute(path.join("modalias")).unwrap_or_default();
            if !modalias.is_empty() {
                let driver = std::fs::read_link(path.join("driver")).ok();
                let driver = driver.map(|link| file_name(&link));
                devices.push(Device {
                    bus: file_name(&bus),
                    path,
                    modalias,
                    driver,
                });
            }
        }
    }
    Ok(devices)
}

/// The modules in the kernel, loaded or built in. `sys` is `/sys`.
///
/// # Errors
/// [`FsError`] when sysfs is not there.
pub fn modules(sys: &Path) -> Result<Vec<String>, FsError> {
    Ok(children(&sys.join("module"))?
        .iter()
        .map(|path| file_name(path))
        .collect())
}

/// What is in a directory of sysfs, sorted.
///
/// # Errors
/// [`FsError`] when it is not there.
pub fn children(directory: &Path) -> Result<Vec<PathBuf>, FsError> {
    let entries = read_dir(directory).at("list", directory)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().at("list", directory)?;
    paths.sort();
    Ok(paths)
}

/// The last part of a path.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// What came of answering some devices.
#[derive(Debug, Default)]
pub struct Findings {
    /// Modules that were loaded for them.
    pub loaded: Vec<String>,
    /// Modules that could not be loaded.
    pub failed: Vec<LoadError>,
    /// Devices that no module answers.
    pub unmatched: Vec<String>,
}

impl Findings {
    /// Adds what another look has found.
    pub fn add(&mut self, other: Self) {
        self.loaded.extend(other.loaded);
        self.failed.extend(other.failed);
        self.unmatched.extend(other.unmatched);
    }
}

/// Loads modules for devices, each modalias once.
pub struct Coldplug<'a> {
    index: &'a ModuleIndex,
    loader: &'a Loader<'a>,
    answered: HashSet<String>,
}

impl<'a> Coldplug<'a> {
    /// Nothing is answered yet.
    #[must_use]
    pub fn new(index: &'a ModuleIndex, loader: &'a Loader<'a>) -> Self {
        Self {
            index,
            loader,
            answered: HashSet::new(),
        }
    }

    /// Answers devices by their modaliases; those known already add nothing.
    pub fn answer<S: Into<String>>(&mut self, modaliases: impl IntoIterator<Item = S>) -> Findings {
        let mut findings = Findings::default();
        let mut wanted = Vec::new();
        for modalias in modaliases.into_iter().map(Into::into) {
            if self.answered.contains(&modalias) {
                continue;
            }
            let matching = self.index.matching(&modalias);
            if matching.is_empty() {
                findings.unmatched.push(modalias.clone());
            }
            wanted.extend(matching);
            self.answered.insert(modalias);
        }
        let loaded = self.loader.load(&self.index.closure(wanted));
        findings.loaded = loaded.modules;
        findings.failed = loaded.failed;
        findings
    }

    /// Answers every device of sysfs, and those that appear because of that.
    ///
    /// # Errors
    /// [`FsError`] when sysfs is not there.
    pub fn scan(&mut self, sys: &Path) -> Result<Findings, FsError> {
        self.scan_wanted(sys, |_| true)
    }

    /// The same for those devices that are `wanted`.
    ///
    /// # Errors
    /// [`FsError`] when sysfs is not there.
    pub fn scan_wanted(
        &mut self,
        sys: &Path,
        wanted: impl Fn(&Device) -> bool,
    ) -> Result<Findings, FsError> {
        let mut all = Findings::default();
        for _ in 0..WAVES {
            let before = self.answered.len();
            let devices = devices(sys)?.into_iter().filter(&wanted);
            all.add(self.answer(devices.map(|device| device.modalias)));
            if self.answered.len() == before {
                break;
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::insert::{Insert, InsertError};
    use crate::modules::{Module, Texts};
    use std::fs;
    use std::os::unix::fs::symlink;

    /// A recorded sysfs: `BUS/NAME MODALIAS [DRIVER]` in a line.
    pub fn plug(sys: &Path, recorded: &str) {
        for line in recorded.lines() {
            let mut words = line.split(' ');
            let place = words.next().unwrap();
            let (bus, name) = place.split_once('/').unwrap();
            let device = sys.join("bus").join(bus).join("devices").join(name);
            fs::create_dir_all(&device).unwrap();
            fs::write(
                device.join("modalias"),
                format!("{}\n", words.next().unwrap()),
            )
            .unwrap();
            if let Some(driver) = words.next().filter(|_| !device.join("driver").exists()) {
                symlink(
                    format!("../../../../bus/{bus}/drivers/{driver}"),
                    device.join("driver"),
                )
                .unwrap();
            }
        }
    }

    /// Recorded on QEMU's pseries with a virtual SCSI CD, a virtio disk and a
    /// virtio network card, before any module was loaded.
    pub const PSERIES: &str = "\
pci/0000:00:00.0 pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00 virtio-pci
pci/0000:00:01.0 pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00 virtio-pci
platform/ibm,persistent-memory of:Nibm,persistent-memoryTibm,persistent-memory
platform/pseries-wdt.0 platform:pseries-wdt
platform/rtc-generic platform:rtc-generic rtc-generic
platform/serial8250 platform:serial8250 serial8250
vio/71000000 vio:TserialShvterm1 hvc_console
vio/71000001 vio:TnvramSqemu,spapr-nvram
vio/71000002 vio:TvscsiSIBM,v-scsi
virtio/virtio0 virtio:d00000002v00001AF4
virtio/virtio1 virtio:d00000001v00001AF4
";

    /// What Debian's index says about the modules for them.
    pub const TEXTS: Texts<'static> = Texts {
        dep: "\
kernel/drivers/block/virtio_blk.ko.xz:
kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz kernel/net/core/failover.ko.xz
kernel/drivers/net/net_failover.ko.xz: kernel/net/core/failover.ko.xz
kernel/net/core/failover.ko.xz:
kernel/drivers/scsi/scsi_transport_srp.ko.xz:
kernel/drivers/scsi/ibmvscsi/ibmvscsi.ko.xz: kernel/drivers/scsi/scsi_transport_srp.ko.xz
kernel/drivers/cdrom/cdrom.ko.xz:
kernel/drivers/scsi/sr_mod.ko.xz: kernel/drivers/cdrom/cdrom.ko.xz
",
        alias: "\
alias virtio:d00000001v* virtio_net
alias virtio:d00000002v* virtio_blk
alias vio:TvscsiSIBM,v-scsi* ibmvscsi
alias scsi:t-0x05* sr_mod
",
        softdep: "",
        builtin: "kernel/drivers/virtio/virtio_pci.ko\n",
    };

    /// A kernel in which a driver makes devices appear.
    pub struct Growing<'a> {
        pub sys: &'a Path,
        /// A module that is accepted but does not come in.
        pub excluded: &'static str,
    }

    impl Insert for Growing<'_> {
        fn insert(&self, module: &Module) -> Result<(), InsertError> {
            if module.name == self.excluded {
                return Ok(());
            }
            let appeared = match &*module.name {
                "virtio_blk" => "virtio/virtio0 virtio:d00000002v00001AF4 virtio_blk",
                "virtio_net" => "virtio/virtio1 virtio:d00000001v00001AF4 virtio_net",
                "ibmvscsi" => {
                    "scsi/0:0:0:0 scsi:t-0x05\nvio/71000002 vio:TvscsiSIBM,v-scsi ibmvscsi"
                }
                "sr_mod" => "scsi/0:0:0:0 scsi:t-0x05 sr",
                _ => "",
            };
            plug(self.sys, appeared);
            fs::create_dir_all(self.sys.join("module").join(&module.name)).unwrap();
            Ok(())
        }
    }

    #[test]
    fn devices_that_drivers_bring_are_driven_too() {
        let sys = tempfile::tempdir().unwrap();
        plug(sys.path(), PSERIES);
        let index = ModuleIndex::parse(TEXTS);
        let kernel = Growing {
            sys: sys.path(),
            excluded: "",
        };
        let loader = Loader::new(&kernel, []);
        let mut coldplug = Coldplug::new(&index, &loader);
        let findings = coldplug.scan(sys.path()).unwrap();
        let mut loaded = findings.loaded;
        loaded.sort_unstable();
        let all = [
            "cdrom",
            "failover",
            "ibmvscsi",
            "net_failover",
            "scsi_transport_srp",
            "sr_mod",
            "virtio_blk",
            "virtio_net",
        ];
        assert_eq!(loaded, all);
        assert!(findings.failed.is_empty());
        let kinds = findings
            .unmatched
            .iter()
            .map(|alias| alias.split(':').next());
        let of_kind = |kind| kinds.clone().filter(|k| *k == Some(kind)).count();
        assert_eq!(
            (of_kind("pci"), of_kind("virtio"), of_kind("vio")),
            (2, 0, 2)
        );

        let again = coldplug.answer(["virtio:d00000002v00001AF4", "platform:pseries-wdt"]);
        assert!(again.loaded.is_empty() && again.unmatched.is_empty());
    }

    #[test]
    fn a_device_is_known_by_bus_name_and_driver() {
        let sys = tempfile::tempdir().unwrap();
        plug(sys.path(), PSERIES);
        let all = devices(sys.path()).unwrap();
        assert_eq!(all.len(), 11);
        assert_eq!((&*all[4].bus, &*all[4].name()), ("platform", "rtc-generic"));
        assert_eq!(all[4].driver.as_deref(), Some("rtc-generic"));
        assert_eq!(all[8].driver, None);
    }

    #[test]
    fn without_sysfs_there_is_an_error() {
        assert_eq!(
            devices(Path::new("/no/such")).unwrap_err().to_string(),
            "0590-001 Cannot list /no/such/bus"
        );
    }
}
