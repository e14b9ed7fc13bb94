//! *Restart or Power Off*: asks PID 1, in the manner of every init.

use std::io::{BufRead, Write};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::MenuError;
use crate::terminal::{PREVIOUS, Screen, Terminal};

/// How long the shutdown may take; PID 1 has its own, shorter limits.
const PATIENCE: Duration = Duration::from_secs(120);

const HELP: &str = "  File systems are unmounted and volume groups deactivated first. After an
  installation choose 1; the firmware starts the restored system.";

/// Shows the screen; returns only for *Previous Menu*.
///
/// # Errors
/// When the console is gone or the machine does not go down.
pub fn choose<R: BufRead, W: Write>(terminal: &mut Terminal<R, W>) -> Result<(), MenuError> {
    let screen = Screen {
        title: "Restart or Power Off".into(),
        text: Vec::new(),
        items: vec![
            (1, "Restart".into()),
            (2, "Power off".into()),
            (3, "Halt".into()),
        ],
        default: 1,
        help: HELP.into(),
    };
    match terminal.choose(&screen)? {
        PREVIOUS => Ok(()),
        1 => request(Signal::SIGTERM),
        2 => request(Signal::SIGUSR2),
        _ => request(Signal::SIGUSR1),
    }
}

/// Restarts the machine; returns only on failure.
///
/// # Errors
/// When PID 1 cannot be asked or does not act.
pub fn restart() -> Result<(), MenuError> {
    request(Signal::SIGTERM)
}

/// What sysvinit and busybox send: TERM restart, USR1 halt, USR2 power off.
fn request(signal: Signal) -> Result<(), MenuError> {
    kill(Pid::from_raw(1), signal).map_err(|errno| MenuError::Power(errno.into()))?;
    // PID 1 ends this process on its way down.
    std::thread::sleep(PATIENCE);
    Err(MenuError::Power(std::io::Error::from(
        std::io::ErrorKind::TimedOut,
    )))
}
