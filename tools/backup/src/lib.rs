//! Backing up a running system, and the media that carry the backup.

pub mod exclude;
pub mod iso;
