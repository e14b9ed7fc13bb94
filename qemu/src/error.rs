//! What can go wrong with a machine.

use std::io;
use std::path::PathBuf;

use lifeboat_sys::fs::FsError;
use lifeboat_sys::run::RunError;

/// A machine could not be described, started, driven or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The description cannot be built as hardware.
    #[error("0590-901 Machine {machine} cannot be built: {why}")]
    Description {
        /// The machine's name.
        machine: String,
        /// What does not fit.
        why: String,
    },
    /// QEMU did not start.
    #[error("0590-902 Cannot start {argv}")]
    Start {
        /// The command line.
        argv: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of the machine could not be prepared.
    #[error("0590-903 Cannot prepare the files of machine {machine}")]
    Files {
        /// The machine's name.
        machine: String,
        /// Which file, and why.
        #[source]
        source: FsError,
    },
    /// A disk image could not be made.
    #[error("0590-904 Cannot make disk image {}", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What qemu-img said.
        #[source]
        source: RunError,
    },
    /// The text did not come in time.
    #[error("0590-905 Waited {cpu} CPU seconds ({wall} s) in vain for {wanted}\n{evidence}")]
    Late {
        /// The needles, quoted.
        wanted: String,
        /// CPU seconds used while waiting.
        cpu: u64,
        /// Seconds on the clock.
        wall: u64,
        /// Console, disks and command line.
        evidence: String,
    },
    /// QEMU ended while we waited for text.
    #[error("0590-906 The machine ended ({status}) while we waited for {wanted}\n{evidence}")]
    Ended {
        /// The needles, quoted.
        wanted: String,
        /// How QEMU ended, and what it said on standard error.
        status: String,
        /// Console, disks and command line.
        evidence: String,
    },
    /// The guest said that it gives up.
    #[error("0590-914 The guest said {said:?} while we waited for {wanted}\n{evidence}")]
    Hopeless {
        /// What it said.
        said: String,
        /// The needles, quoted.
        wanted: String,
        /// Console, disks and command line.
        evidence: String,
    },
    /// The machine did not power off in time.
    #[error("0590-907 The machine did not power off within {wall} s\n{evidence}")]
    StillRunning {
        /// Seconds on the clock.
        wall: u64,
        /// Console, disks and command line.
        evidence: String,
    },
    /// QEMU ended with an error of its own.
    #[error("0590-908 QEMU failed ({status})\n{evidence}")]
    Crashed {
        /// How QEMU ended, and what it said on standard error.
        status: String,
        /// Console, disks and command line.
        evidence: String,
    },
    /// The console did not take what we typed.
    #[error("0590-909 Cannot type on the console")]
    Type {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The control connection failed.
    #[error("0590-910 QEMU's control connection failed at {command}: {why}")]
    Control {
        /// The QMP command.
        command: String,
        /// What came instead of an answer.
        why: String,
    },
    /// The guest refused user or password.
    #[error("0590-911 {user} cannot log in\n{evidence}")]
    Login {
        /// The user.
        user: String,
        /// Console, disks and command line.
        evidence: String,
    },
    /// A guest command that a serial line cannot carry, or an answer that is none.
    #[error("0590-912 The guest's shell cannot run {command}: {why}")]
    Shell {
        /// The command.
        command: String,
        /// What is wrong.
        why: String,
    },
    /// A file of NVRAM that is not what the firmware writes.
    #[error("0590-913 {}: {why}", path.display())]
    Nvram {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the offset.
        why: String,
    },
}

/// The result of anything done to a machine.
pub type Result<T> = std::result::Result<T, Error>;
