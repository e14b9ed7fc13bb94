//! The one way to run another program.
//!
//! A [`Tool`] logs its argument vector, runs under `LC_ALL=C`, dies with us,
//! has a deadline, and puts the tail of its standard error into the error.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::child::tie;
use crate::usage::{self, Usage};

/// How many bytes of a program's standard error an error message keeps.
const TAIL: usize = 2000;

/// A program could not be run, or failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not be started at all.
    #[error("0590-002 Cannot start {argv}")]
    Start {
        /// The command line.
        argv: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Talking to it failed.
    #[error("0590-003 Lost contact with {argv}")]
    Io {
        /// The command line.
        argv: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It ended with a status that means failure.
    #[error("0590-004 {argv} failed ({status}){}{tail}", if tail.is_empty() { "" } else { ": " })]
    Failed {
        /// The command line.
        argv: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said on standard error (standard output if that was empty).
        tail: String,
    },
    /// It ran longer than it may.
    #[error("0590-005 {argv} did not end within {} seconds and was stopped", limit.as_secs())]
    Late {
        /// The command line.
        argv: String,
        /// What it was allowed.
        limit: Duration,
    },
    /// We were told to stop, and so was it.
    #[error("0590-006 {argv} was stopped")]
    Stopped {
        /// The command line.
        argv: String,
    },
}

/// What a program printed.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// Standard output, whole.
    pub stdout: Vec<u8>,
    /// Standard error, whole.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Standard output as text, bytes that are not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// A program with its arguments, ready to run.
#[derive(Debug, Clone)]
pub struct Tool {
    program: OsString,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    root: Option<PathBuf>,
    stdin: Vec<u8>,
    limit: Duration,
    stop: Option<Arc<AtomicBool>>,
}

impl Tool {
    /// A program by name (looked up in `PATH`) or path.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            envs: vec![
                ("LC_ALL".into(), "C".into()),
                ("PATH".into(), search_path()),
            ],
            root: None,
            stdin: Vec::new(),
            limit: Duration::from_secs(3600),
            stop: None,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args
            .extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.envs
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs the program inside this directory as its root.
    #[must_use]
    pub fn chroot(mut self, root: impl AsRef<Path>) -> Self {
        self.root = Some(root.as_ref().to_owned());
        self
    }

    /// Feeds these bytes to its standard input (which is otherwise empty).
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Stops the program after this long (an hour unless told).
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Stops the program when this becomes true.
    #[must_use]
    pub fn stop_when(mut self, stop: &Arc<AtomicBool>) -> Self {
        self.stop = Some(Arc::clone(stop));
        self
    }

    /// The command line as a person would type it.
    #[must_use]
    pub fn argv(&self) -> String {
        let mut line = self.program.to_string_lossy().into_owned();
        for arg in &self.args {
            line.push(' ');
            line.push_str(&arg.to_string_lossy());
        }
        line
    }

    /// Runs to the end; any status but 0 is an error.
    ///
    /// # Errors
    /// [`RunError`] with the command line and the tail of what it said.
    pub fn run(&self) -> Result<Output, RunError> {
        let (status, output) = self.status()?;
        self.succeeded(status, output)
    }

    /// As [`run`](Self::run), with what the program took.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn measured(&self) -> Result<(Output, Usage), RunError> {
        let start = Instant::now();
        let look = |child: &mut Child| {
            let ended = usage::try_wait(child)?;
            Ok(ended.map(|(status, usage)| (status, usage, start.elapsed())))
        };
        // Often enough for a program that takes a fraction of a second.
        let ((status, usage, wall), output) = self.to_end(Duration::from_millis(1), look)?;
        Ok((self.succeeded(status, output)?, Usage { wall, ..usage }))
    }

    fn succeeded(&self, status: ExitStatus, output: Output) -> Result<Output, RunError> {
        if status.success() {
            return Ok(output);
        }
        let said = if output.stderr.is_empty() {
            &output.stdout
        } else {
            &output.stderr
        };
        let from = said.len().saturating_sub(TAIL);
        Err(RunError::Failed {
            argv: self.argv(),
            status,
            tail: String::from_utf8_lossy(&said[from..]).trim().to_owned(),
        })
    }

    /// Runs to the end and hands back the status, for programs whose status is
    /// an answer (`e2fsck`, `diff`).
    ///
    /// # Errors
    /// Only when the program could not be run or had to be stopped.
    pub fn status(&self) -> Result<(ExitStatus, Output), RunError> {
        self.to_end(Duration::from_millis(50), Child::try_wait)
    }

    /// Runs to the end; `look` says whether it is reached, and is asked at least as
    /// often as `pause` says.
    fn to_end<T>(
        &self,
        pause: Duration,
        look: impl Fn(&mut Child) -> io::Result<Option<T>>,
    ) -> Result<(T, Output), RunError> {
        log::info!("run: {}", self.argv());
        let mut child = self.spawn()?;
        let lost = |source| RunError::Io {
            argv: self.argv(),
            source,
        };
        let name = Path::new(&self.program)
            .file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (status, stdout, stderr) = thread::scope(|scope| {
            scope.spawn(|| {
                // A program that does not read its input closes the pipe: not our error.
                stdin.map(|mut pipe| pipe.write_all(&self.stdin))
            });
            let out = scope.spawn(|| stdout.map_or(Ok(Vec::new()), |pipe| drain(pipe, &name)));
            let err = scope.spawn(|| stderr.map_or(Ok(Vec::new()), |pipe| drain(pipe, &name)));
            let status = self.wait(&mut child, pause, look);
            let broken = || Err(io::Error::other("a reader thread panicked"));
            (
                status,
                out.join().unwrap_or_else(|_| broken()),
                err.join().unwrap_or_else(|_| broken()),
            )
        });
        let output = Output {
            stdout: stdout.map_err(lost)?,
            stderr: stderr.map_err(lost)?,
        };
        Ok((status?, output))
    }

    /// Runs on our own terminal (a shell for a person) for as long as it takes.
    ///
    /// # Errors
    /// Only when the program could not be run.
    pub fn attached(&self) -> Result<ExitStatus, RunError> {
        log::info!("run on the terminal: {}", self.argv());
        self.command().status().map_err(|source| RunError::Start {
            argv: self.argv(),
            source,
        })
    }

    fn spawn(&self) -> Result<Child, RunError> {
        let mut command = self.command();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().map_err(|source| RunError::Start {
            argv: self.argv(),
            source,
        })
    }

    /// Waits with a deadline. Polling, because a pidfd needs Linux 5.3 and the
    /// programs run here take from milliseconds to minutes.
    fn wait<T>(
        &self,
        child: &mut Child,
        longest: Duration,
        look: impl Fn(&mut Child) -> io::Result<Option<T>>,
    ) -> Result<T, RunError> {
        let lost = |source| RunError::Io {
            argv: self.argv(),
            source,
        };
        let start = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = look(child).map_err(lost)? {
                return Ok(status);
            }
            let is_late = start.elapsed() > self.limit;
            let stop = self.stop.as_ref();
            if is_late || stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                child.kill().and_then(|()| child.wait()).map_err(lost)?;
                let (argv, limit) = (self.argv(), self.limit);
                return Err(if is_late {
                    RunError::Late { argv, limit }
                } else {
                    RunError::Stopped { argv }
                });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(longest);
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the wrapper that the rule points to"
    )]
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.envs.iter().map(|(n, v)| (n, v)));
        tie(&mut command);
        if let Some(root) = self.root.clone() {
            let enter = move || {
                nix::unistd::chroot(root.as_path())?;
                Ok(nix::unistd::chdir("/")?)
            };
            // SAFETY: between fork and exec `enter` makes only system calls on
            // a path built before the fork; it neither allocates nor takes a lock.
            #[expect(unsafe_code, reason = "Command::pre_exec is unsafe by signature")]
            unsafe {
                command.pre_exec(enter);
            }
        }
        command
    }
}

/// Where programs are looked for: `PATH`, and the directories of system programs,
/// which cron's and a user's often lack.
#[must_use]
pub fn search_path() -> OsString {
    with_system(std::env::var_os("PATH"))
}

fn with_system(path: Option<OsString>) -> OsString {
    let mut path = path.unwrap_or_default();
    for directory in ["/usr/sbin", "/usr/bin", "/sbin", "/bin"] {
        let there = std::env::split_paths(&path).any(|known| known == Path::new(directory));
        if !there {
            if !path.is_empty() {
                path.push(":");
            }
            path.push(directory);
        }
    }
    path
}

/// Reads a pipe to its end, logging each line under the program's name.
fn drain(pipe: impl Read, name: &str) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut reader = BufReader::new(pipe);
    loop {
        let from = all.len();
        if reader.read_until(b'\n', &mut all)? == 0 {
            return Ok(all);
        }
        log::debug!(
            "{name}: {}",
            String::from_utf8_lossy(&all[from..]).trim_end()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_input_pass_through() {
        let output = Tool::new("cat").stdin("lifeboat").run().unwrap();
        assert_eq!(output.text(), "lifeboat");
    }

    #[test]
    fn a_failure_carries_argv_status_and_tail() {
        let error = Tool::new("sh")
            .args(["-c", "echo why >&2; exit 3"])
            .run()
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("sh -c") && text.contains("exit status: 3"),
            "{text}"
        );
        assert!(text.ends_with(": why"), "{text}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Tool::new("no-such-program").run().unwrap_err();
        assert_eq!(error.to_string(), "0590-002 Cannot start no-such-program");
    }

    #[test]
    fn system_programs_are_found_whatever_path_says() {
        let path = |path: Option<&str>| with_system(path.map(Into::into));
        assert_eq!(path(None), "/usr/sbin:/usr/bin:/sbin:/bin");
        assert_eq!(
            path(Some("/bin:/opt/x")),
            "/bin:/opt/x:/usr/sbin:/usr/bin:/sbin"
        );
        assert_eq!(
            path(Some("/bin:/sbin:/usr/bin:/usr/sbin")),
            "/bin:/sbin:/usr/bin:/usr/sbin"
        );
    }

    #[test]
    fn what_a_program_took_is_told_with_its_children() {
        let busy = "i=0; while test $i -lt 20000; do i=$((i+1)); done";
        let sh = Tool::new("sh").args(["-c", &format!("sh -c '{busy}'; exit 0")]);
        let (_, usage) = sh.measured().unwrap();
        assert!(usage.cpu() > Duration::ZERO && usage.wall > Duration::ZERO);
        assert!(usage.memory > 100_000, "{usage:?}");
        let failed = Tool::new("false").measured();
        assert!(matches!(failed, Err(RunError::Failed { .. })));
    }

    #[test]
    fn a_late_program_is_stopped() {
        let error = Tool::new("sleep")
            .arg("60")
            .deadline(Duration::from_millis(50))
            .run();
        assert!(matches!(error, Err(RunError::Late { .. })));
    }

    #[test]
    fn a_program_that_is_not_wanted_any_more_is_stopped() {
        let stop = Arc::new(AtomicBool::new(false));
        let tool = Tool::new("sleep").arg("60").stop_when(&stop);
        let running = thread::spawn(move || tool.run());
        stop.store(true, Ordering::Relaxed);
        let error = running.join().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "0590-006 sleep 60 was stopped");
    }
}
