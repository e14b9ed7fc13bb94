//! What makes a system boot on Power: the boot record in the PReP partition, GRUB's
//! configuration, the boot image, and the firmware's boot list.
//!
//! [`nvram`], [`ofpath`] and [`bootlist`] talk to the firmware; [`chroot`],
//! [`bootimage`], [`inspect`] and [`grub`] let the system's own tools do their
//! work, [`bosboot`] has all of it done. [`record`] is what the firmware loads,
//! [`own`] one of our own for systems without GRUB, and [`prep`] knows where it goes.

pub mod bootimage;
pub mod bootinfo;
pub mod bootlist;
pub mod bosboot;
pub mod chroot;
pub mod grub;
pub mod inspect;
pub mod machine;
pub mod menu;
pub mod needs;
pub mod nvram;
pub mod ofpath;
pub mod own;
pub mod place;
pub mod prep;
pub mod record;
#[cfg(test)]
mod recorded;
