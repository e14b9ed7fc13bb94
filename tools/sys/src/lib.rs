//! The system wrappers that `nix` lacks, and the two doors through which the
//! rest of Lifeboat reaches programs ([`run`]) and files ([`fs`]).
//!
//! This is the only crate that may use `unsafe`; each use states its invariant.

pub mod block;
pub mod btrfs;
pub mod child;
pub mod error;
pub mod fs;
pub mod inode;
pub mod openat;
pub mod regex;
pub mod run;
pub mod session;
pub mod tape;
pub mod usage;
pub mod xattr;
