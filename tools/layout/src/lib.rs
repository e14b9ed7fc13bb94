//! Disks and file systems: what a system had ([`model`], read from
//! `image.data` by [`image_data`]), what this machine has ([`disks`]), what
//! will go where ([`plan`]), and doing it ([`apply`]). [`system`] makes the
//! model of the system that runs.
//!
//! Everything before [`apply`] only reads. A plan is a value that can be
//! printed, compared and tested without a disk.

pub mod apply;
pub mod blank;
pub mod disks;
pub mod fstab;
#[doc(hidden)]
pub mod fuzzing;
pub mod gpt;
pub mod guid;
pub mod image_data;
mod luks;
pub mod lvm;
pub mod map;
pub mod mbr;
pub mod mkfs;
pub mod model;
pub mod plan;
pub mod report;
pub mod signature;
pub mod size;
pub mod system;
