//! The consoles: which terminals an operator may sit at.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{FsError, PathContext, attribute};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};

/// Tried when the kernel names no console that is a terminal: the hypervisor's
/// consoles, a serial port, a screen.
const FALLBACKS: [&str; 5] = ["hvc0", "hvsi0", "hvc1", "ttyS0", "tty0"];
/// How long a terminal may take to accept a few lines, in milliseconds.
const PATIENCE: u16 = 1000;

/// A terminal that is a console of the kernel.
pub struct Terminal {
    path: PathBuf,
    /// Its settings before any program changed them.
    settings: Termios,
}

/// The kernel's consoles that are terminals, the preferred one first.
pub fn consoles() -> Vec<Terminal> {
    let active = attribute("/sys/class/tty/console/active").unwrap_or_default();
    let cmdline = attribute("/proc/cmdline").unwrap_or_default();
    let mut found = open_all(&names(&active, &cmdline));
    if found.is_empty() {
        found = open_all(&FALLBACKS);
        found.truncate(1);
    }
    found
}

/// The active consoles, of which the kernel lists the preferred one last, then
/// those of `console=` options that are not active: of the hypervisor's consoles
/// the kernel itself writes to one only.
fn names<'a>(active: &'a str, cmdline: &'a str) -> Vec<&'a str> {
    let option = |word: &'a str| word.strip_prefix("console=")?.split(',').next();
    let asked = cmdline.split_ascii_whitespace().rev().filter_map(option);
    let mut names: Vec<&str> = Vec::new();
    for name in active.split_ascii_whitespace().rev().chain(asked) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn open_all(names: &[&str]) -> Vec<Terminal> {
    let open = |name: &&str| match Terminal::open(&Path::new("/dev").join(name)) {
        Ok(terminal) => Some(terminal),
        Err(error) => {
            // Normal for a network console and for a screen that is not there.
            log::info!("console {name} is not used: {error}: {}", error.source);
            None
        }
    };
    names.iter().filter_map(open).collect()
}

impl Terminal {
    /// # Errors
    /// [`FsError`] when it does not exist, answers not, or is no terminal.
    fn open(path: &Path) -> Result<Self, FsError> {
        let settings = tcgetattr(open(path)?).at("use as a terminal", path)?;
        Ok(Self {
            path: path.to_owned(),
            settings,
        })
    }

    /// Its name below `/dev`.
    pub fn name(&self) -> String {
        self.path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// The value of `TERM` for it: screens are the kernel's, what is behind a
    /// serial line nobody knows, but all of them understand a VT100.
    pub fn kind(&self) -> &'static str {
        let name = self.name();
        let digits = name.strip_prefix("tty").unwrap_or_default();
        let screen = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if screen { "linux" } else { "vt100" }
    }

    /// Opens it for a program, with the settings that it had at first: the
    /// program before may have left it without echo.
    ///
    /// # Errors
    /// [`FsError`] when it is gone.
    pub fn for_program(&self) -> Result<File, FsError> {
        let file = open(&self.path)?;
        tcsetattr(&file, SetArg::TCSANOW, &self.settings).at("set up", &self.path)?;
        fcntl(&file, FcntlArg::F_SETFL(OFlag::O_RDWR)).at("set up", &self.path)?;
        Ok(file)
    }

    /// Shows lines to the operator. A terminal that does not take them in time
    /// (its flow is stopped) loses them: PID 1 must not hang on it.
    pub fn say(&self, text: &str) {
        let Ok(mut file) = open(&self.path) else {
            return;
        };
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let ready = {
                let mut wanted = [PollFd::new(file.as_fd(), PollFlags::POLLOUT)];
                poll(&mut wanted, PollTimeout::from(PATIENCE))
            };
            match (ready, file.write(rest)) {
                (Ok(1), Ok(written)) if written > 0 => rest = &rest[written..],
                _ => return,
            }
        }
    }
}

/// Without waiting for a modem, and without making it anybody's controlling terminal.
fn open(path: &Path) -> Result<File, FsError> {
    let flags = OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags.bits())
        .open(path)
        .at("open", path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::pty::openpty;
    use nix::sys::termios::LocalFlags;
    use nix::unistd::ttyname;
    use std::io::Read;

    #[test]
    fn the_preferred_console_is_first_and_each_is_named_once() {
        assert_eq!(names("tty0 hvc0\n", "quiet"), ["hvc0", "tty0"]);
        let cmdline = "console=hvc1 console=ttyS0,9600n8 console=hvc0 xconsole=x";
        assert_eq!(names("hvc1", cmdline), ["hvc1", "hvc0", "ttyS0"]);
        assert!(names("", "").is_empty());
    }

    #[test]
    fn a_file_is_not_a_terminal() {
        assert!(Terminal::open(Path::new("/dev/null")).is_err());
    }

    #[test]
    fn what_is_said_arrives_and_settings_come_back() {
        let pty = openpty(None, None).unwrap();
        let terminal = Terminal::open(&ttyname(&pty.slave).unwrap()).unwrap();
        let mut raw = tcgetattr(&pty.slave).unwrap();
        raw.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &raw).unwrap();
        terminal.say("hello\n");
        let mut heard = [0; 7];
        File::from(pty.master.try_clone().unwrap())
            .read_exact(&mut heard)
            .unwrap();
        assert_eq!(&heard, b"hello\r\n");
        let file = terminal.for_program().unwrap();
        assert!(
            tcgetattr(&file)
                .unwrap()
                .local_flags
                .contains(LocalFlags::ECHO)
        );
        assert_eq!(terminal.kind(), "vt100");
    }

    #[test]
    fn a_terminal_that_takes_nothing_does_not_hold_us_up() {
        let pty = openpty(None, None).unwrap();
        let terminal = Terminal::open(&ttyname(&pty.slave).unwrap()).unwrap();
        // Nobody reads the other side.
        terminal.say(&"x".repeat(1 << 20));
    }
}
