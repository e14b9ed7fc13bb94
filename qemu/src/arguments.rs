//! QEMU's options, and those that a disk becomes.

use std::path::Path;

use crate::disk::{Bus, Disk};

#[derive(Default)]
pub(crate) struct Arguments(pub(crate) Vec<String>);

impl Arguments {
    pub(crate) fn one(&mut self, option: &str) {
        self.0.push(option.to_owned());
    }

    pub(crate) fn two(&mut self, option: &str, value: &str) {
        self.0.extend([option.to_owned(), value.to_owned()]);
    }
}

impl Disk {
    /// Where it is attached: once, or once for each way to it.
    pub(crate) fn buses(&self) -> impl Iterator<Item = Bus> {
        std::iter::once(self.bus).chain(self.ways.iter().copied())
    }

    /// The image, then a device for each way to it.
    pub(crate) fn arguments(&self, args: &mut Arguments) {
        self.image(args);
        let name = &self.name;
        let mut features = String::new();
        if let Some(serial) = &self.serial {
            features += &format!(",serial={serial}");
        }
        if let Some(wwn) = self.wwn {
            features += &format!(",wwn={wwn:#018x},share-rw=on");
        }
        if let Some(bytes) = self.sector {
            features += &format!(",logical_block_size={bytes},physical_block_size={bytes}");
        }
        for (number, bus) in self.buses().enumerate() {
            let device = match bus {
                Bus::VirtioBlk { slot } => format!("virtio-blk-pci,addr={slot:#x}"),
                Bus::Nvme { slot } => format!("nvme,addr={slot:#x}"),
                Bus::Vscsi { id } => format!("scsi-hd,bus=vscsi.0,channel=0,scsi-id={id},lun=0"),
                Bus::VirtioScsi { id } => format!("scsi-hd,bus=vio.0,channel=0,scsi-id={id},lun=0"),
            };
            let id = match number {
                0 => format!("disk-{name}"),
                _ => format!("disk-{name}-{number}"),
            };
            args.two(
                "-device",
                &format!("{device},drive={name},id={id}{features}"),
            );
        }
    }

    fn image(&self, args: &mut Arguments) {
        let (name, format) = (&self.name, self.format.name());
        let path = escaped(&self.path);
        let injected = self.bad_sector.map(|sector| {
            format!(
                "file.driver=blkdebug,file.image.driver=file,file.image.filename={path},\
                 file.inject-error.0.event=none,file.inject-error.0.iotype=write,\
                 file.inject-error.0.errno=5,file.inject-error.0.sector={sector}"
            )
        });
        // Test disks need not survive a crash of the host.
        if self.wwn.is_none() {
            let file = injected.unwrap_or_else(|| format!("file={path}"));
            let only = if self.read_only { ",readonly=on" } else { "" };
            let drive = format!("if=none,id={name},{file},format={format},cache=unsafe{only}");
            return args.two("-drive", &drive);
        }
        // A drive belongs to one device, a node to as many as share it; what one of them
        // writes the others read.
        let file = injected.unwrap_or_else(|| format!("file.driver=file,file.filename={path}"));
        let only = if self.read_only { ",read-only=on" } else { "" };
        let node = format!("driver={format},node-name={name},cache.no-flush=on,{file}{only}");
        args.two("-blockdev", &node);
    }
}

/// A comma ends a QEMU option unless it is doubled.
pub(crate) fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}
