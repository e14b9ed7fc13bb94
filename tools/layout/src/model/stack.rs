//! What stands between partitions and file systems.

use super::Place;

/// An md array: the stanza `lx_md_data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Its name: that of its node below `/dev/md`, else the kernel's, `md0`.
    pub name: String,
    /// `raid1`, `raid5`, `linear` ...
    pub level: String,
    /// Format of the superblock: `1.2`, `1.0`, `0.90`, `imsm`, `ddf`.
    pub metadata: String,
    /// UUID, as mdadm prints it.
    pub uuid: Option<String>,
    /// The name in the superblock: `host:boot`.
    pub label: Option<String>,
    /// Its size.
    pub size: u64,
    /// How many members it has when it is whole.
    pub width: u32,
    /// Its members, in the order of their roles; fewer than `width` when it is
    /// degraded.
    pub members: Vec<Place>,
    /// Members that wait for one to fail.
    pub spares: Vec<Place>,
    /// Bytes of a chunk; 0 where the level has none.
    pub chunk: u64,
    /// `left-symmetric`, `n2` ...; where the level has several.
    pub layout: Option<String>,
    /// `internal`, or a file; `None` without one.
    pub bitmap: Option<String>,
}

/// What the name of a file with a saved header ends with; before it is the name of the
/// encrypted device.
pub const SAVED_HEADER: &str = ".header";

/// An encrypted device: the stanza `lx_crypt_data`. Its passphrase is nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crypt {
    /// The name of the open device below `/dev/mapper`.
    pub name: String,
    /// What it lies on.
    pub place: Place,
    /// LUKS 1 or 2.
    pub version: u8,
    /// UUID of the header.
    pub uuid: String,
    /// Label of the header.
    pub label: Option<String>,
    /// Subsystem of the header.
    pub subsystem: Option<String>,
    /// `aes-xts-plain64`.
    pub cipher: String,
    /// Bits of the key.
    pub key_bits: u32,
    /// Hash: of LUKS 1 that of the header, of LUKS 2 that of the key slots.
    pub hash: Option<String>,
    /// Bytes of the sectors that are encrypted.
    pub sector: u32,
    /// Bytes before the first encrypted sector.
    pub offset: u64,
    /// Bytes that the open device has.
    pub size: u64,
    /// How the passphrase becomes a key: `argon2id`, `pbkdf2`.
    pub pbkdf: Option<String>,
    /// What that costs: `time=4 memory=1048576 cpus=4`, `iterations=1000000`.
    pub cost: Option<String>,
    /// Persistent flags of the header: `allow-discards`.
    pub flags: Vec<String>,
    /// How many passphrases and keys opened it.
    pub key_slots: u32,
    /// Types of the tokens: `clevis`, `systemd-tpm2`.
    pub tokens: Vec<String>,
    /// Integrity protection: `hmac(sha256)`.
    pub integrity: Option<String>,
    /// The third field of crypttab.
    pub key_file: Option<String>,
    /// The options of crypttab.
    pub options: Option<String>,
}

/// An LVM physical volume: the stanza `lx_pv_data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhysicalVolume {
    /// What it lies on.
    pub place: Place,
    /// Its volume group, which need not be described; `None` if it is in none.
    pub group: Option<String>,
    /// UUID, in LVM's form.
    pub uuid: Option<String>,
}
