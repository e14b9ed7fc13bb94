//! What the firmware loads, and from where.

mod bootlist;
mod bosboot;

pub use bootlist::{fallback, order};
pub use bosboot::{fallback_core, repair};
