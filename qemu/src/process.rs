//! The QEMU process: started, measured, and never left behind.
//!
//! A keeper thread starts QEMU and waits for it. The kernel kills QEMU when that
//! thread ends, so nothing survives us, however we end. The keeper looks at the
//! dead process *before* it reaps it: its process id cannot be another's while
//! the lock is held, and its final CPU time can still be read.

use std::io;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

/// Clock ticks per second in /proc; fixed at 100 on x86, Arm and Power.
const USER_HZ: u64 = 100;

/// A running or ended child.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    life: Arc<Life>,
    keeper: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Life {
    end: Mutex<Option<End>>,
    ended: Condvar,
}

/// How a process ended.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// Its status; `None` if the kernel would not tell.
    pub status: Option<ExitStatus>,
    /// User and system time it used in all.
    pub cpu: Duration,
}

impl Process {
    /// Starts the command under a keeper thread.
    ///
    /// # Errors
    /// What the kernel said about starting it.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let life = Arc::new(Life::default());
        let (report, started) = mpsc::channel();
        let keeper = thread::Builder::new().name("keeper".into()).spawn({
            let life = Arc::clone(&life);
            move || keep(&mut command, &report, &life)
        })?;
        let pid = started
            .recv()
            .map_err(|_| io::Error::other("the keeper thread is gone"))??;
        Ok(Self {
            pid,
            life,
            keeper: Some(keeper),
        })
    }

    /// User and system time used so far, all threads together.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        let end = self.life.lock();
        end.map_or_else(|| cpu_of(self.pid), |end| end.cpu)
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        *self.life.lock()
    }

    /// Waits on the clock for the end.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> Option<End> {
        let late = Instant::now() + limit;
        let mut end = self.life.lock();
        while end.is_none() {
            let left = late.checked_duration_since(Instant::now())?;
            end = self
                .life
                .ended
                .wait_timeout(end, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *end
    }

    /// Kills it. Harmless when it has ended.
    pub fn kill(&self) {
        let end = self.life.lock();
        if end.is_none()
            && let Err(error) = kill(self.pid, Signal::SIGKILL)
        {
            log::warn!("cannot kill process {}: {error}", self.pid);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if let Some(keeper) = self.keeper.take()
            && keeper.join().is_err()
        {
            log::warn!("the keeper of process {} panicked", self.pid);
        }
    }
}

impl Life {
    fn lock(&self) -> MutexGuard<'_, Option<End>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(command: &mut Command, report: &mpsc::Sender<io::Result<Pid>>, life: &Life) {
    let mut child = match lifeboat_sys::child::tie(command).spawn() {
        Ok(child) => child,
        Err(error) => {
            let _nobody_waits = report.send(Err(error));
            return;
        }
    };
    let pid = Pid::from_raw(child.id().cast_signed());
    let _starter_is_gone = report.send(Ok(pid));
    // The process stays a zombie, so its id and its figures stay its own.
    if let Err(error) = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
        log::warn!("cannot watch process {pid}: {error}");
    }
    let cpu = cpu_of(pid);
    let mut end = life.lock();
    let status = child
        .wait()
        .inspect_err(|e| log::warn!("cannot reap process {pid}: {e}"))
        .ok();
    *end = Some(End { status, cpu });
    life.ended.notify_all();
}

/// CPU time of a process from /proc/PID/stat; zero if it cannot be read.
fn cpu_of(pid: Pid) -> Duration {
    let stat = lifeboat_sys::fs::attribute(format!("/proc/{pid}/stat"));
    let ticks = stat.as_deref().and_then(parse_ticks).unwrap_or(0);
    Duration::from_millis(ticks * 1000 / USER_HZ)
}

/// `utime + stime` (fields 14 and 15). The command name in field 2 may hold
/// anything, so fields are counted from its closing parenthesis.
fn parse_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "what is tested takes a Command")]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start(command).unwrap()
    }

    #[test]
    fn an_end_is_seen_with_status_and_cpu_time() {
        let busy = shell("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exit 7");
        let end = busy.wait(Duration::from_secs(60)).unwrap();
        assert_eq!(end.status.unwrap().code(), Some(7));
        assert!(end.cpu > Duration::ZERO);
        assert_eq!(busy.cpu(), end.cpu);
    }

    #[test]
    fn waiting_ends_at_the_limit_and_dropping_kills() {
        let process = shell("exec sleep 600");
        assert!(process.wait(Duration::from_millis(20)).is_none());
        let pid = process.pid;
        drop(process);
        assert_eq!(kill(pid, None), Err(nix::errno::Errno::ESRCH));
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let error = Process::start(Command::new("no-such-program")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn fields_are_counted_behind_the_name() {
        let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 27 0 0 20";
        assert_eq!(parse_ticks(stat), Some(177));
        assert_eq!(parse_ticks("42 (x"), None);
    }
}
