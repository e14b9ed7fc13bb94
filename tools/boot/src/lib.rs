//! What makes a restored disk boot on Power: the boot record in the PReP
//! partition, GRUB's configuration, the boot image, and the firmware's boot list.
//!
//! [`nvram`], [`ofpath`] and [`bootlist`] talk to the firmware; [`chroot`],
//! [`bootimage`], [`inspect`] and [`grub`] let the restored system's own tools do their
//! work.

pub mod bootimage;
pub mod bootlist;
pub mod chroot;
pub mod grub;
pub mod inspect;
pub mod needs;
pub mod nvram;
pub mod ofpath;
#[cfg(test)]
mod recorded;
