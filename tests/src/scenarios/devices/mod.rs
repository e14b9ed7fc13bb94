//! Devices and identity of a system that comes back elsewhere.

mod clone;
mod hardware;
mod rda;

pub use clone::run as clone_identity;
pub use hardware::run as new_hardware;
pub use rda::run as rda_roundtrip;
