//! What a person or `bosinst.data` decided.

use std::fs::File;
use std::io::{self, Read};

use lifeboat_stanza::bosinst::{Overwrite, TargetDisk};

use crate::model::Model;

/// The decisions behind a [`Plan`](super::Plan).
#[derive(Debug, Clone)]
pub struct Settings {
    /// The target disks, if a person chose them: `hdisk0`, `vda` or `/dev/vda`.
    pub disks: Vec<String>,
    /// The disk that gets PReP and `/boot`, if it is to be another than the rest.
    pub boot_disk: Option<String>,
    /// `target_disk_data` of `bosinst.data`.
    pub targets: Vec<TargetDisk>,
    /// `EXISTING_SYSTEM_OVERWRITE` of `bosinst.data`.
    pub overwrite: Overwrite,
    /// Shrink File Systems; `None` follows `SHRINK` of `image.data`.
    pub shrink: Option<bool>,
    /// Disks must have the sizes they had; `None` follows `EXACT_FIT` of `image.data`.
    pub exact_fit: Option<bool>,
    /// Logical volumes lie where they lay, by the physical maps of the backup; `None`
    /// does so where `exact_fit` is wanted and there are maps.
    pub use_maps: Option<bool>,
    /// What room left on larger disks is used for.
    pub grow: Grow,
    /// Whether mirrors stay mirrors.
    pub mirrors: Mirrors,
    /// Another name for the volume group of `/`.
    pub group_name: Option<String>,
    /// Put before the name of every logical volume of that group: `alt_`.
    pub volume_prefix: String,
    /// New UUIDs and GUIDs, drawn from this seed: a clone that can live beside its source.
    pub new_identity: Option<Seed>,
}

/// What room left on larger disks is used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Grow {
    /// It stays free in the volume group, or unused.
    #[default]
    No,
    /// Every file system grows in proportion to its size.
    Proportional,
    /// The last one grows.
    Last,
}

/// Whether mirrors stay mirrors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mirrors {
    /// As they were.
    #[default]
    Keep,
    /// Each keeps one copy.
    Break,
}

/// Random bytes that new UUIDs are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 16]);

impl Seed {
    /// Draws one from the kernel.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn draw() -> io::Result<Self> {
        let mut bytes = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes))
    }
}

impl Settings {
    /// Whether maps are followed: where somebody asks for it, or an exact fit does.
    #[must_use]
    pub fn follows_maps(&self, model: &Model) -> bool {
        let exact = self.exact_fit.unwrap_or(model.policy.exact_fit);
        self.use_maps.unwrap_or_else(|| exact && model.has_maps())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            disks: Vec::new(),
            boot_disk: None,
            targets: Vec::new(),
            overwrite: Overwrite::No,
            shrink: None,
            exact_fit: None,
            use_maps: None,
            grow: Grow::No,
            mirrors: Mirrors::Keep,
            group_name: None,
            volume_prefix: String::new(),
            new_identity: None,
        }
    }
}
