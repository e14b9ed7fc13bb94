//! The restore, from a backup on some medium to a system that boots alone:
//! [`source`] finds backups, [`prepare`] makes the plan without writing, [`run`]
//! carries it out, [`verdict`] says how it came out, [`firstboot`] is what the
//! restored system does by itself. [`group`] is the same for a volume group on its
//! own, in a system that runs; [`access`] opens an installed system for repair.

pub mod access;
mod adapt;
mod clone;
mod crypts;
mod drivers;
pub mod firstboot;
pub mod group;
mod health;
mod images;
pub mod keys;
mod logs;
mod lvm_devices;
mod media;
pub mod prepare;
mod presence;
pub mod references;
pub mod run;
mod selinux;
pub mod source;
mod steps;
pub mod verdict;
mod whom;

/// Log of the rescue image; it ends up on the restored disk.
pub const LOG: &str = "/run/lifeboat/lifeboat.log";
