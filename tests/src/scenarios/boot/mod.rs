//! What the firmware loads, and from where.

mod bootlist;

pub use bootlist::{fallback, order};
