//! Devices: which kernel modules drive them, loading those modules, what of the
//! distribution provides modules that are not installed, and the report that
//! `lifeboat cfgmgr` prints.
//!
//! PID 1 of the rescue image and the restored system use the same code; they
//! differ in who loads a module (see [`insert`]).

pub mod alias;
pub mod cfgmgr;
pub mod coldplug;
pub mod distribution;
mod firmware;
pub mod ids;
pub mod insert;
pub mod lacking;
pub mod listing;
pub mod load;
pub mod modules;
mod network;
pub mod packages;
pub mod phase;
pub mod rda;
mod report;
mod scope;
mod system;
pub mod table;
mod volumes;

/// The one spelling of a module's name: the kernel takes `-` for `_`, and so
/// files, aliases and users mix them.
#[must_use]
pub fn normalised(name: &str) -> String {
    name.replace('-', "_")
}
