//! The description of a machine, and the command line it becomes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::arguments::{Arguments, escaped};
use crate::disk::{Bus, Disk};
use crate::error::{Error, Result};

/// The emulator; looked up in `PATH`.
pub const QEMU: &str = "qemu-system-ppc64";

/// What the pseries machine is made of. The capabilities only silence warnings
/// about mitigations that emulation cannot offer.
const BOARD: &str = "pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off";
const CPU: &str = "POWER9";

/// pseries memory comes in blocks of this many MiB.
pub const MEMORY_BLOCK_MIB: u32 = 256;

/// PCI slots above the disks' are kept for adapters.
const LAST_DISK_SLOT: u8 = 15;
const VIRTIO_SCSI_SLOT: u8 = 16;
const VIRTIO_NET_SLOT: u8 = 17;
const VIRTIO_RNG_SLOT: u8 = 18;
const LAST_SCSI_ID: u8 = 7;

/// Addresses on the virtual I/O bus: CDs and disks hang on adapters of their own.
const CD_ADAPTER: &str = "spapr-vscsi,id=cds,reg=0x71000002";
const DISK_ADAPTER: &str = "spapr-vscsi,id=vscsi,reg=0x71000003";
const NET_ADDRESS: &str = "0x71000004";

/// A network card on QEMU's user network (DHCP and NAT, no privileges).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// The virtual Ethernet of PowerVM (`ibmveth`).
    SpaprVlan,
    /// virtio-net on PCI.
    Virtio,
}

/// Who talks on the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Console {
    /// Our harness, over sockets that QEMU inherits as standard input (console)
    /// and output (control): no path, no race, nothing to clean up.
    Harness,
    /// A person on our terminal; Ctrl-A X ends the machine.
    Terminal,
}

/// A pseries machine that can be powered on. Its files (console log, NVRAM) live
/// in a directory of its own.
#[derive(Debug, Clone)]
pub struct Machine {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    pub(crate) disks: Vec<Disk>,
    memory_mib: u32,
    cpus: u8,
    cds: Vec<PathBuf>,
    nvram: bool,
    network: Option<Network>,
    entropy: bool,
    no_reboot: bool,
    boot_order: Option<String>,
    virtio_scsi: bool,
    kernel: Option<PathBuf>,
    initrd: Option<PathBuf>,
    command_line: Option<String>,
}

impl Machine {
    /// A machine with 1 GiB of memory, one processor and nothing attached. The
    /// directory is made when it starts.
    pub fn new(name: &str, dir: impl AsRef<Path>) -> Self {
        Self {
            name: name.to_owned(),
            dir: dir.as_ref().to_owned(),
            disks: Vec::new(),
            memory_mib: 1024,
            cpus: 1,
            cds: Vec::new(),
            nvram: false,
            network: None,
            entropy: false,
            no_reboot: false,
            boot_order: None,
            virtio_scsi: false,
            kernel: None,
            initrd: None,
            command_line: None,
        }
    }

    /// Memory in MiB; pseries takes multiples of 256.
    #[must_use]
    pub fn memory_mib(mut self, mib: u32) -> Self {
        self.memory_mib = mib;
        self
    }

    /// Processors, 1 to 8.
    #[must_use]
    pub fn cpus(mut self, cpus: u8) -> Self {
        self.cpus = cpus;
        self
    }

    /// Attaches a disk.
    #[must_use]
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disks.push(disk);
        self
    }

    /// Inserts a CD into a drive of its own, SCSI targets 0, 1, … of
    /// `/vdevice/v-scsi@71000002`.
    #[must_use]
    pub fn cd(mut self, iso: impl AsRef<Path>) -> Self {
        self.cds.push(iso.as_ref().to_owned());
        self
    }

    /// Keeps NVRAM in the machine's directory from one power-on to the next.
    #[must_use]
    pub fn nvram(mut self) -> Self {
        self.nvram = true;
        self
    }

    /// Attaches a network card.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = Some(network);
        self
    }

    /// Attaches a virtio source of random numbers, which no boot image has a driver for.
    #[must_use]
    pub fn entropy(mut self) -> Self {
        self.entropy = true;
        self
    }

    /// Ends QEMU where the guest would restart.
    #[must_use]
    pub fn no_reboot(mut self) -> Self {
        self.no_reboot = true;
        self
    }

    /// Where NVRAM has no boot list: QEMU's letters (`c` disk, `d` CD, `n` network). A list
    /// in NVRAM goes before them.
    #[must_use]
    pub fn boot_order(mut self, letters: &str) -> Self {
        self.boot_order = Some(letters.to_owned());
        self
    }

    /// Has a virtio-scsi adapter even without a disk on it, so that disks can be
    /// [plugged](crate::Running::plug) later.
    #[must_use]
    pub fn virtio_scsi(mut self) -> Self {
        self.virtio_scsi = true;
        self
    }

    /// Loads a kernel and an initramfs past firmware and boot record.
    #[must_use]
    pub fn kernel(mut self, kernel: &Path, initrd: Option<&Path>, command_line: &str) -> Self {
        self.kernel = Some(kernel.to_owned());
        self.initrd = initrd.map(Path::to_owned);
        self.command_line = Some(command_line.to_owned());
        self
    }

    /// Where NVRAM is kept.
    #[must_use]
    pub fn nvram_path(&self) -> PathBuf {
        self.dir.join("nvram.bin")
    }

    /// Where the console's bytes go, one file for all power-ons.
    #[must_use]
    pub fn console_log(&self) -> PathBuf {
        self.dir.join("console.log")
    }

    /// Refuses what QEMU would refuse later or, worse, understand differently.
    pub(crate) fn check(&self) -> Result<()> {
        let fail = |why: String| {
            Err(Error::Description {
                machine: self.name.clone(),
                why,
            })
        };
        if self.memory_mib == 0 || !self.memory_mib.is_multiple_of(MEMORY_BLOCK_MIB) {
            return fail(format!(
                "{} MiB of memory is not a multiple of {MEMORY_BLOCK_MIB} MiB",
                self.memory_mib
            ));
        }
        if !(1..=8).contains(&self.cpus) {
            return fail(format!("{} processors are not 1 to 8", self.cpus));
        }
        let mut names = HashSet::new();
        let mut places = HashSet::new();
        for disk in &self.disks {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if !disk.name.starts_with(|c: char| c.is_ascii_alphabetic())
                || !disk.name.chars().all(plain)
            {
                return fail(format!("{:?} is no name for a disk", disk.name));
            }
            if !names.insert(&disk.name) {
                return fail(format!("two disks are called {}", disk.name));
            }
            for bus in disk.buses() {
                let place = place(bus);
                let fits = match bus {
                    Bus::VirtioBlk { slot } | Bus::Nvme { slot } => {
                        (1..=LAST_DISK_SLOT).contains(&slot)
                    }
                    Bus::Vscsi { id } | Bus::VirtioScsi { id } => id <= LAST_SCSI_ID,
                };
                if !fits {
                    return fail(format!("disk {} cannot be at {place}", disk.name));
                }
                let is_scsi = matches!(bus, Bus::Vscsi { .. } | Bus::VirtioScsi { .. });
                if !disk.ways.is_empty() && !is_scsi {
                    return fail(format!("disk {} has several ways and no SCSI", disk.name));
                }
                if !places.insert(place.clone()) {
                    return fail(format!("two disks are at {place}"));
                }
            }
        }
        if self.cds.len() > usize::from(LAST_SCSI_ID) + 1 {
            return fail(format!(
                "{} CDs are more than one adapter takes",
                self.cds.len()
            ));
        }
        Ok(())
    }

    /// QEMU's arguments, without the program.
    pub(crate) fn arguments(&self, console: Console) -> Vec<String> {
        let mut args = Arguments::default();
        args.two("-name", &self.name);
        args.two("-M", BOARD);
        args.two("-cpu", CPU);
        args.two("-m", &self.memory_mib.to_string());
        args.two("-smp", &self.cpus.to_string());
        args.one("-nodefaults");
        args.one("-nographic");
        match console {
            Console::Harness => {
                args.two("-chardev", "socket,id=console,fd=0");
                args.two("-serial", "chardev:console");
                args.two("-chardev", "socket,id=control,fd=1");
                args.two("-mon", "chardev=control,mode=control");
            }
            Console::Terminal => args.two("-serial", "mon:stdio"),
        }
        args.two("-object", "rng-random,id=random,filename=/dev/urandom");
        args.two("-device", "spapr-rng,rng=random");
        if self.no_reboot {
            args.one("-no-reboot");
        }
        if let Some(letters) = &self.boot_order {
            args.two("-boot", &format!("order={letters}"));
        }
        if self.nvram {
            let path = escaped(&self.nvram_path());
            args.two("-drive", &format!("if=pflash,format=raw,file={path}"));
        }
        self.storage(&mut args);
        if let Some(network) = self.network {
            args.two("-netdev", "user,id=net");
            args.two(
                "-device",
                &match network {
                    Network::SpaprVlan => format!("spapr-vlan,netdev=net,reg={NET_ADDRESS}"),
                    // Debian ships the option ROM apart, and nothing here needs it.
                    Network::Virtio => {
                        format!("virtio-net-pci,netdev=net,romfile=,addr={VIRTIO_NET_SLOT:#x}")
                    }
                },
            );
        }
        if self.entropy {
            args.two(
                "-device",
                &format!("virtio-rng-pci,rng=random,addr={VIRTIO_RNG_SLOT:#x}"),
            );
        }
        for (option, file) in [("-kernel", &self.kernel), ("-initrd", &self.initrd)] {
            if let Some(file) = file {
                args.two(option, &file.to_string_lossy());
            }
        }
        if let Some(line) = &self.command_line {
            args.two("-append", line);
        }
        args.0
    }

    fn storage(&self, args: &mut Arguments) {
        let any = |on: fn(&Bus) -> bool| self.disks.iter().flat_map(Disk::buses).any(|b| on(&b));
        if any(|bus| matches!(bus, Bus::Vscsi { .. })) {
            args.two("-device", DISK_ADAPTER);
        }
        if self.virtio_scsi || any(|bus| matches!(bus, Bus::VirtioScsi { .. })) {
            args.two(
                "-device",
                &format!("virtio-scsi-pci,id=vio,addr={VIRTIO_SCSI_SLOT:#x}"),
            );
        }
        for disk in &self.disks {
            disk.arguments(args);
        }
        if !self.cds.is_empty() {
            args.two("-device", CD_ADAPTER);
        }
        for (target, iso) in self.cds.iter().enumerate() {
            let iso = escaped(iso);
            args.two(
                "-drive",
                &format!("if=none,id=cd{target},file={iso},format=raw,media=cdrom,readonly=on"),
            );
            args.two("-device", &format!(
                "scsi-cd,bus=cds.0,channel=0,scsi-id={target},lun=0,drive=cd{target},id=drive{target}"
            ));
        }
    }

    /// The disks in words, one per line, for a person who asks why.
    pub(crate) fn disk_map(&self) -> String {
        let mut lines: Vec<String> = self
            .disks
            .iter()
            .map(|d| {
                let serial = d.serial.as_deref().unwrap_or("none");
                let places: Vec<String> = d.buses().map(place).collect();
                let place = places.join(" and ");
                format!(
                    "disk {} at {place}, serial {serial}: {}",
                    d.name,
                    d.path.display()
                )
            })
            .collect();
        lines.extend(
            self.cds
                .iter()
                .enumerate()
                .map(|(n, iso)| format!("CD {n}: {}", iso.display())),
        );
        lines.join("\n")
    }
}

fn place(bus: Bus) -> String {
    match bus {
        Bus::VirtioBlk { slot } => format!("virtio-blk slot {slot}"),
        Bus::Nvme { slot } => format!("NVMe slot {slot}"),
        Bus::Vscsi { id } => format!("vscsi target {id}"),
        Bus::VirtioScsi { id } => format!("virtio-scsi target {id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Format;

    fn disk(name: &str, bus: Bus) -> Disk {
        Disk::new(name, format!("/d/{name}.img"), Format::Raw, bus)
    }

    fn line(machine: &Machine) -> String {
        machine.check().unwrap();
        machine.arguments(Console::Harness).join(" ")
    }

    fn refusal(machine: &Machine) -> String {
        machine.check().unwrap_err().to_string()
    }

    #[test]
    fn a_bare_machine_has_console_control_and_random_numbers_only() {
        let line = line(&Machine::new("bare", "/m"));
        assert!(line.contains("-m 1024 -smp 1 -nodefaults"), "{line}");
        assert!(line.contains("fd=0 -serial chardev:console"), "{line}");
        for absent in ["-drive", "-boot", "-kernel", "-netdev", "-no-reboot"] {
            assert!(!line.contains(absent), "{absent} in {line}");
        }
    }

    #[test]
    fn disks_sit_where_they_were_put_with_their_serial_numbers() {
        let line = line(
            &Machine::new("m", "/m")
                .disk(disk("a", Bus::VirtioBlk { slot: 10 }).serial("LBDISK0"))
                .disk(disk("b", Bus::Vscsi { id: 2 }).read_only())
                .disk(disk("c", Bus::VirtioScsi { id: 3 })),
        );
        for part in [
            "file=/d/a.img,format=raw,cache=unsafe -device virtio-blk-pci,addr=0xa,drive=a,id=disk-a,serial=LBDISK0",
            "cache=unsafe,readonly=on -device scsi-hd,bus=vscsi.0,channel=0,scsi-id=2,lun=0,drive=b",
            "-device scsi-hd,bus=vio.0,channel=0,scsi-id=3,lun=0,drive=c",
        ] {
            assert!(line.contains(part), "{part} not in {line}");
        }
        assert_eq!(line.matches("spapr-vscsi").count(), 1);
    }

    #[test]
    fn disks_can_have_large_sectors_and_bad_ones() {
        let line = line(
            &Machine::new("m", "/m")
                .disk(disk("a", Bus::VirtioBlk { slot: 1 }).sector(4096))
                .disk(disk("b", Bus::Nvme { slot: 2 }).serial("N").bad_sector(77)),
        );
        for part in [
            "id=disk-a,logical_block_size=4096,physical_block_size=4096",
            "file.image.filename=/d/b.img,file.inject-error.0.event=none,",
            "file.inject-error.0.sector=77,format=raw",
            "-device nvme,addr=0x2,drive=b,id=disk-b,serial=N",
        ] {
            assert!(line.contains(part), "{part} not in {line}");
        }
    }

    #[test]
    fn a_disk_of_several_ways_is_one_image() {
        let ways = [Bus::VirtioScsi { id: 3 }];
        let san = |bus| {
            let disk = disk("san", bus).serial("S");
            disk.several_ways(0x5000_c500_0000_00a1, &ways)
        };
        let machine = Machine::new("m", "/m").disk(san(Bus::Vscsi { id: 2 }));
        let line = line(&machine);
        for part in [
            "-blockdev driver=raw,node-name=san,cache.no-flush=on,file.driver=file,file.filename=/d/san.img",
            "scsi-id=2,lun=0,drive=san,id=disk-san,serial=S,wwn=0x5000c500000000a1,share-rw=on",
            "scsi-id=3,lun=0,drive=san,id=disk-san-1,serial=S,wwn=0x5000c500000000a1,share-rw=on",
        ] {
            assert!(line.contains(part), "{part} not in {line}");
        }
        assert!(!line.contains("-drive"), "{line}");
        let lone = Machine::new("m", "/m").disk(san(Bus::VirtioBlk { slot: 1 }));
        assert!(refusal(&lone).contains("no SCSI"));
    }

    #[test]
    fn cds_share_an_adapter_of_their_own() {
        let line = line(&Machine::new("m", "/m").cd("/a,b.iso").cd("/c.iso"));
        assert!(line.contains("file=/a,,b.iso,"), "{line}");
        assert!(line.contains("scsi-id=1,lun=0,drive=cd1"), "{line}");
        assert_eq!(line.matches("reg=0x71000002").count(), 1);
    }

    #[test]
    fn the_terminal_replaces_the_sockets() {
        let args = Machine::new("m", "/m")
            .arguments(Console::Terminal)
            .join(" ");
        assert!(
            args.contains("-serial mon:stdio") && !args.contains("chardev"),
            "{args}"
        );
    }

    #[test]
    fn hardware_that_cannot_be_is_refused_with_the_reason() {
        let machine = || Machine::new("m", "/m");
        let slot = |slot| Bus::VirtioBlk { slot };
        assert_eq!(
            refusal(&machine().memory_mib(384)),
            "0590-901 Machine m cannot be built: 384 MiB of memory is not a multiple of 256 MiB"
        );
        assert!(refusal(&machine().memory_mib(0)).contains("0 MiB"));
        assert!(refusal(&machine().cpus(9)).contains("9 processors"));
        assert!(refusal(&machine().disk(disk("a", slot(0)))).contains("virtio-blk slot 0"));
        assert!(refusal(&machine().disk(disk("a,b", slot(1)))).contains("no name"));
        let twice = machine().disk(disk("a", slot(1))).disk(disk("a", slot(2)));
        assert!(refusal(&twice).contains("two disks are called a"));
        let crowded = machine().disk(disk("a", slot(1))).disk(disk("b", slot(1)));
        assert!(refusal(&crowded).contains("two disks are at virtio-blk slot 1"));
    }
}
