//! The bench a scenario works on: media, a fresh directory, disks, and the
//! account of CPU time.

use std::cell::Cell;
use std::fs::OpenOptions;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::{Bus, Disk, Format, Machine, Running, disk};
use lifeboat_sys::fs::{self, PathContext};
use lifeboat_sys::run::Tool;

/// Size of a disk that the demo system fits on.
pub const DISK_BYTES: u64 = 4 << 30;

/// Where the media under test are
#[derive(Debug, Clone, clap::Args)]
pub struct Media {
    /// Directory with the rescue image's kernel and initramfs
    #[arg(long, default_value = "build/rescue")]
    pub rescue: PathBuf,
    /// The rescue CD, without a backup on it
    #[arg(long, default_value = "build/lifeboat.iso")]
    pub iso: PathBuf,
    /// The demo system backup; its .sha256sums and .attributes lie beside it
    #[arg(long, default_value = "build/demo.mksysb")]
    pub backup: PathBuf,
    /// Our package for Debian on Power
    #[arg(long, default_value = "build/lifeboat.deb")]
    pub package: PathBuf,
    /// The lifeboat program for this host
    #[arg(long, default_value = "lifeboat")]
    pub host_lifeboat: PathBuf,
    /// The program that makes CDs
    #[arg(long, default_value = "image-build")]
    pub image_build: PathBuf,
    /// Where machines keep disks, NVRAM and console logs; emptied by each scenario
    #[arg(long, default_value = "build/work")]
    pub work: PathBuf,
}

/// One scenario's bench.
#[derive(Debug)]
pub struct Lab {
    /// The media under test.
    pub media: Media,
    /// Directory of this scenario alone.
    pub dir: PathBuf,
    cpu: Cell<Duration>,
}

impl Lab {
    /// An empty directory below the media's work directory.
    ///
    /// # Errors
    /// When the directory cannot be emptied.
    pub fn new(media: &Media, name: &str) -> Result<Self> {
        let dir = media.work.join(name);
        if dir.exists() {
            std::fs::remove_dir_all(&dir).at("empty", &dir)?;
        }
        Self::keeping(media, name)
    }

    /// A directory below the media's work directory, with what was left in it.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn keeping(media: &Media, name: &str) -> Result<Self> {
        let dir = media.work.join(name);
        fs::create_dir_all(&dir)?;
        let dir = std::path::absolute(&dir).at("find", &dir)?;
        Ok(Self {
            media: media.clone(),
            dir,
            cpu: Cell::new(Duration::ZERO),
        })
    }

    /// A path in the scenario's directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A blank raw disk in a PCI slot.
    ///
    /// # Errors
    /// When the image cannot be made.
    pub fn blank_disk(&self, name: &str, slot: u8, bytes: u64, serial: &str) -> Result<Disk> {
        let path = self.path(&format!("{name}.img"));
        disk::create_blank(&path, bytes)?;
        Ok(Disk::new(name, path, Format::Raw, Bus::VirtioBlk { slot }).serial(serial))
    }

    /// A machine whose files are in this lab. Machines of the same name share
    /// NVRAM: they are one machine, powered on again.
    #[must_use]
    pub fn machine(&self, name: &str) -> Machine {
        Machine::new(name, self.dir.join(name)).nvram()
    }

    /// Makes a CD with the rescue image, and a backup and settings if given.
    ///
    /// # Errors
    /// When image-build fails.
    pub fn cd(&self, name: &str, backup: Option<&Path>, bosinst: Option<&str>) -> Result<PathBuf> {
        let iso = self.path(&format!("{name}.iso"));
        let mut tool = Tool::new(&self.media.image_build).arg("iso");
        tool = tool
            .arg("--rescue")
            .arg(&self.media.rescue)
            .arg("--out")
            .arg(&iso);
        if let Some(backup) = backup {
            tool = tool.arg("--backup").arg(backup);
        }
        if let Some(text) = bosinst {
            let path = self.path(&format!("{name}.bosinst.data"));
            fs::write(&path, text)?;
            tool = tool.arg("--bosinst").arg(&path);
        }
        tool.run()
            .with_context(|| format!("CD {name} cannot be made"))?;
        ensure!(iso.is_file(), "image-build made no {}", iso.display());
        Ok(iso)
    }

    /// The list that was made beside the backup, such as `sha256sums`.
    #[must_use]
    pub fn beside_backup(&self, extension: &str) -> PathBuf {
        self.media.backup.with_extension(extension)
    }

    /// A copy of the backup to be damaged.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn backup_copy(&self, name: &str) -> Result<PathBuf> {
        let copy = self.path(&format!("{name}.mksysb"));
        std::fs::copy(&self.media.backup, &copy).at("copy the backup to", &copy)?;
        Ok(copy)
    }

    /// Powers the machine on, on this lab's account.
    ///
    /// # Errors
    /// When QEMU does not start.
    pub fn power_on(&self, machine: Machine) -> Result<Powered<'_>> {
        Ok(Powered {
            lab: self,
            machine: machine.start()?,
        })
    }

    /// CPU time of all machines that have been switched off.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.cpu.get()
    }
}

/// A machine that is on. When it goes out of scope, whatever the reason, it is
/// switched off and its CPU time is booked.
#[derive(Debug)]
pub struct Powered<'lab> {
    lab: &'lab Lab,
    machine: Running,
}

impl Deref for Powered<'_> {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.machine
    }
}

impl DerefMut for Powered<'_> {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.machine
    }
}

impl Drop for Powered<'_> {
    fn drop(&mut self) {
        self.lab.cpu.set(self.lab.cpu.get() + self.machine.cpu());
    }
}

/// The image's hash, by a program that is not ours.
///
/// # Errors
/// When sha256sum fails.
pub fn sha256(path: &Path) -> Result<String> {
    let output = Tool::new("sha256sum").arg("--").arg(path).run()?.text();
    let hash = output
        .split_whitespace()
        .next()
        .context("sha256sum said nothing")?;
    Ok(hash.to_owned())
}

/// Whether nothing was ever written to a blank image: it still takes no space.
/// Stronger than equal hashes, and without reading gigabytes of nothing.
///
/// # Errors
/// When the image is gone.
pub fn is_blank(path: &Path) -> Result<bool> {
    Ok(std::fs::metadata(path).at("look at", path)?.blocks() == 0)
}

/// Flips the lowest bit of one byte.
///
/// # Errors
/// When the file is shorter or cannot be written.
pub fn flip_bit(path: &Path, offset: u64) -> Result<()> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .at("open", path)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).at("read", path)?;
    byte[0] ^= 1;
    Ok(file.write_all_at(&byte, offset).at("write", path)?)
}

/// Cuts a file to a share of its length, in percent.
///
/// # Errors
/// When it cannot be cut.
pub fn truncate(path: &Path, percent: u64) -> Result<()> {
    let file = OpenOptions::new().write(true).open(path).at("open", path)?;
    let length = file.metadata().at("look at", path)?.len();
    Ok(file.set_len(length * percent / 100).at("cut", path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_blank_until_the_first_write_even_of_zeros() {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("disk.img");
        disk::create_blank(&image, DISK_BYTES).unwrap();
        assert!(is_blank(&image).unwrap());
        let file = OpenOptions::new().write(true).open(&image).unwrap();
        file.write_all_at(&[0], DISK_BYTES - 1).unwrap();
        assert!(!is_blank(&image).unwrap());
    }

    #[test]
    fn damage_is_what_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("backup");
        std::fs::write(&file, b"0123456789").unwrap();
        flip_bit(&file, 4).unwrap();
        truncate(&file, 60).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"012355");
        assert!(flip_bit(&file, 6).is_err());
    }
}
