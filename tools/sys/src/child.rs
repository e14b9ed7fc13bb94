//! Programs that run beside us for a long time.
//!
//! [`run::Tool`](crate::run::Tool) is for programs that run to their end; an
//! emulator or a daemon is started with [`std::process::Command`] and tied to
//! us here.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use nix::unistd::{getpid, getppid};

/// Makes the kernel kill the child when the *thread* that spawns it ends, for
/// whatever reason: also when we are killed ourselves and run no cleanup.
///
/// The tie is to the thread, not to the process: spawn from a thread that lives
/// as long as the child shall. The child starts with default signals.
pub fn tie(command: &mut Command) -> &mut Command {
    let parent = getpid();
    let setup = move || {
        reset_signals()?;
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        // Had the parent died before the line above, no signal would come.
        if getppid() == parent {
            Ok(())
        } else {
            Err(Errno::ESRCH.into())
        }
    };
    // SAFETY: between fork and exec `setup` makes only system calls; it neither
    // allocates nor takes a lock.
    #[expect(unsafe_code, reason = "Command::pre_exec is unsafe by signature")]
    unsafe {
        command.pre_exec(setup)
    }
}

/// Rust ignores SIGPIPE and PID 1 blocks signals; a child must inherit neither.
/// For use between fork and exec.
///
/// # Errors
/// What the kernel said.
pub fn reset_signals() -> io::Result<()> {
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    // SAFETY: installing the default disposition runs no code of ours.
    #[expect(unsafe_code, reason = "sigaction takes arbitrary handlers")]
    unsafe {
        signal(Signal::SIGPIPE, SigHandler::SigDfl)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::thread;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what is tested is a Command")]
    fn the_child_dies_with_the_thread_that_spawned_it() {
        let spawner = thread::spawn(|| tie(Command::new("sleep").arg("600")).spawn().unwrap());
        let mut child = spawner.join().unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(Signal::SIGKILL as i32));
    }
}
