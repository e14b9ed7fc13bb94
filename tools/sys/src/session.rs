//! Programs that own a terminal.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::setsid;

/// Makes the child the leader of a new session whose controlling terminal is
/// its standard input, with default signals: job control works, and ctrl-C
/// reaches what runs there.
///
/// Standard input must be a terminal that no other session owns, and not
/// `/dev/console`, which cannot be a controlling terminal.
pub fn lead(command: &mut Command) -> &mut Command {
    let setup = || {
        crate::child::reset_signals()?;
        setsid()?;
        take_terminal()
    };
    // SAFETY: between fork and exec `setup` makes only system calls; it neither
    // allocates nor takes a lock.
    #[expect(unsafe_code, reason = "Command::pre_exec is unsafe by signature")]
    unsafe {
        command.pre_exec(setup)
    }
}

/// Makes standard input the controlling terminal of this session, for use
/// between fork and exec.
fn take_terminal() -> io::Result<()> {
    // SAFETY: TIOCSCTTY takes an integer and touches no memory of ours.
    #[expect(unsafe_code, reason = "ioctl is unsafe because others take pointers")]
    let result = unsafe { libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0) };
    nix::errno::Errno::result(result)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::pty::openpty;
    use std::process::Stdio;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what is tested is a Command")]
    fn the_child_owns_its_terminal() {
        let pty = openpty(None, None).unwrap();
        let mut command = Command::new("sh");
        // Opening /dev/tty works only in a session with a controlling terminal.
        command
            .args(["-c", ": </dev/tty"])
            .stdin(Stdio::from(pty.slave));
        assert!(lead(&mut command).status().unwrap().success());
    }
}
