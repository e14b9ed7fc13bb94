//! pseries machines in QEMU for tests, demos and rehearsals.
//!
//! A [`Machine`] is described, powered on, and then driven as a person would:
//! by what its console says.
//!
//! ```no_run
//! use lifeboat_qemu::{Bus, Disk, Format, Machine, Patience};
//!
//! # fn main() -> lifeboat_qemu::Result<()> {
//! let disk = Disk::new("target", "build/disk.img", Format::Raw, Bus::VirtioBlk { slot: 1 });
//! let mut machine = Machine::new("demo", "build/demo").disk(disk).nvram().start()?;
//! machine.login("root", "lifeboat", Patience::cpu_seconds(200))?;
//! let (status, output) = machine.shell("lvs --noheadings", Patience::cpu_seconds(30))?;
//! # Ok(())
//! # }
//! ```
//!
//! QEMU never outlives us: see [`Machine::start`] and `process.rs`.

mod arguments;
mod console;
mod control;
pub mod disk;
mod error;
mod machine;
pub mod nvram;
mod patience;
mod process;
mod running;
mod shell;
mod transcript;

pub use disk::{Bus, Disk, Format};
pub use error::{Error, Result};
pub use machine::{MEMORY_BLOCK_MIB, Machine, Network, QEMU};
pub use patience::{FACTOR_VARIABLE, Patience};
pub use running::{Mark, Running};
pub use transcript::Match;
