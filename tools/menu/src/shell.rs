//! Shells on the operator's terminal.

use std::io::stdin;

use lifeboat_sys::run::Tool;
use nix::sys::termios::{SetArg, tcgetattr, tcsetattr};

use crate::MenuError;
use crate::terminal::TerminalError;

/// Runs a shell to its end. The line is as before then: a program that dies in the shell
/// may leave it without echo.
pub fn on_terminal(shell: &Tool) -> Result<(), MenuError> {
    let before = tcgetattr(stdin()).ok();
    let status = shell.attached().map_err(MenuError::Shell)?;
    log::info!("shell: {status}");
    if let Some(before) = before {
        tcsetattr(stdin(), SetArg::TCSADRAIN, &before)
            .map_err(|errno| TerminalError::Io(errno.into()))?;
    }
    Ok(())
}
