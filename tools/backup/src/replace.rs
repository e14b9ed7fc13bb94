//! Small files that are replaced as a whole.

pub(crate) use lifeboat_sys::fs::replace;
