//! A machine that is powered on: watched, typed at, measured, switched off.

use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use lifeboat_sys::fs::{self, PathContext};
use serde_json::{Value, json};

use crate::console::{Console, Look};
use crate::control::Control;
use crate::disk::{Bus, Disk};
use crate::error::{Error, Result};
use crate::machine::{Console as ConsoleKind, Machine, QEMU};
use crate::patience::Patience;
use crate::process::{End, Process};
use crate::transcript::Match;

/// NVRAM of a pseries machine, in bytes.
const NVRAM_BYTES: u64 = 64 * 1024;

/// How many lines of console an error carries.
const EVIDENCE_LINES: usize = 200;

/// Texts after which nothing else will come, whatever is awaited: a kernel that
/// panicked, a boot loader or an initramfs that found no system.
const HOPELESS: [&str; 3] = [
    "Kernel panic - not syncing",
    "grub rescue> ",
    "(initramfs) ",
];

/// How often a wait for text looks at QEMU's CPU time.
const NAP: Duration = Duration::from_millis(250);

/// How long QEMU may take to close its files after it was told to quit.
const QUIT: Duration = Duration::from_secs(20);

/// A moment in a machine's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// What happened.
    pub name: String,
    /// CPU time of QEMU since power-on.
    pub cpu: Duration,
    /// Time on the clock since power-on.
    pub wall: Duration,
}

/// A powered-on machine. Dropping it switches it off; nothing is left behind.
#[derive(Debug)]
pub struct Running {
    machine: Machine,
    argv: String,
    process: Process,
    console: Console,
    control: Control,
    started: Instant,
    marks: Vec<Mark>,
    pub(crate) commands: u32,
}

impl Machine {
    /// Powers the machine on under our control.
    ///
    /// # Errors
    /// When the description is impossible, a file cannot be made, or QEMU fails.
    pub fn start(self) -> Result<Running> {
        let prepared = self.prepare()?;
        let start = |source| Error::Start {
            argv: prepared.argv.clone(),
            source,
        };
        let (console, far_console) = UnixStream::pair().map_err(start)?;
        let (control, far_control) = UnixStream::pair().map_err(start)?;
        let mut command = qemu(&self, ConsoleKind::Harness);
        command
            .stdin(Stdio::from(OwnedFd::from(far_console)))
            .stdout(Stdio::from(OwnedFd::from(far_control)))
            .stderr(Stdio::from(prepared.errors))
            // Ctrl-C on our terminal is for us; we then end QEMU in order.
            .process_group(0);
        let started = Instant::now();
        let process = Process::start(command).map_err(start)?;
        let console = Console::listen(console, prepared.console_log).map_err(start)?;
        let control = match Control::greet(control) {
            Ok(control) => control,
            // A QEMU that dislikes its arguments says so and ends.
            Err(silence) => match process.wait(Duration::from_secs(1)) {
                Some(end) => {
                    return Err(Error::Crashed {
                        status: status_in_words(end, &self.error_log()),
                        evidence: prepared.argv,
                    });
                }
                None => return Err(silence),
            },
        };
        let argv = prepared.argv;
        let machine = self;
        Ok(Running {
            machine,
            argv,
            process,
            console,
            control,
            started,
            marks: Vec::new(),
            commands: 0,
        })
    }

    /// Powers the machine on with its console on our terminal and waits for its
    /// end (Ctrl-A X ends it).
    ///
    /// # Errors
    /// When the description is impossible, a file cannot be made, or QEMU cannot start.
    pub fn run_on_terminal(self) -> Result<Option<ExitStatus>> {
        let prepared = self.prepare()?;
        let process =
            Process::start(qemu(&self, ConsoleKind::Terminal)).map_err(|source| Error::Start {
                argv: prepared.argv,
                source,
            })?;
        // A person decides how long: wait again after each hour.
        loop {
            if let Some(end) = process.wait(Duration::from_secs(3600)) {
                return Ok(end.status);
            }
        }
    }

    fn prepare(&self) -> Result<Prepared> {
        self.check()?;
        let files = |source| Error::Files {
            machine: self.name.clone(),
            source,
        };
        fs::create_dir_all(&self.dir).map_err(files)?;
        let nvram = self.nvram_path();
        if !nvram.exists() {
            crate::disk::create_blank(&nvram, NVRAM_BYTES).map_err(files)?;
        }
        let append = |path: &Path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            file.at("open", path).map_err(files)
        };
        Ok(Prepared {
            argv: format!("{QEMU} {}", self.arguments(ConsoleKind::Harness).join(" ")),
            console_log: append(&self.console_log())?,
            errors: File::create(self.error_log())
                .at("create", self.error_log())
                .map_err(files)?,
        })
    }

    fn error_log(&self) -> std::path::PathBuf {
        self.dir.join("qemu.stderr")
    }
}

struct Prepared {
    argv: String,
    console_log: File,
    errors: File,
}

#[expect(
    clippy::disallowed_methods,
    reason = "QEMU runs beside us for minutes; run::Tool is for programs that run to their end"
)]
fn qemu(machine: &Machine, console: ConsoleKind) -> Command {
    let mut command = Command::new(QEMU);
    command.args(machine.arguments(console));
    command
}

impl Running {
    /// Waits for a text on the console and consumes it.
    ///
    /// # Errors
    /// [`Error::Late`], [`Error::Ended`] or [`Error::Hopeless`], with the end of
    /// the console.
    pub fn expect(&mut self, needle: &str, patience: Patience) -> Result<Match> {
        self.expect_any(&[needle], patience)
    }

    /// Waits for the first of several texts and consumes it.
    ///
    /// # Errors
    /// [`Error::Late`], [`Error::Ended`] or [`Error::Hopeless`], with the end of
    /// the console.
    pub fn expect_any(&mut self, needles: &[&str], patience: Patience) -> Result<Match> {
        let (cpu_before, begun) = (self.cpu(), Instant::now());
        let watched = [needles, &HOPELESS].concat();
        loop {
            match self.console.look(&watched, NAP) {
                Look::Found(found) if found.which < needles.len() => return Ok(found),
                Look::Found(found) => {
                    let said = watched[found.which].to_owned();
                    // A panic is told in many lines; the evidence shall have them.
                    self.console.look(&["end Kernel panic"], 8 * NAP);
                    let (wanted, evidence) = (quoted(needles), self.evidence());
                    return Err(Error::Hopeless {
                        said,
                        wanted,
                        evidence,
                    });
                }
                Look::NotYet => {}
                Look::Closed => {
                    let status = match self.process.wait(QUIT) {
                        Some(end) => status_in_words(end, &self.machine.error_log()),
                        None => "its console closed".to_owned(),
                    };
                    let (wanted, evidence) = (quoted(needles), self.evidence());
                    return Err(Error::Ended {
                        wanted,
                        status,
                        evidence,
                    });
                }
            }
            let (cpu, wall) = (self.cpu().saturating_sub(cpu_before), begun.elapsed());
            if cpu > patience.cpu || wall > patience.wall {
                return Err(Error::Late {
                    wanted: quoted(needles),
                    cpu: cpu.as_secs(),
                    wall: wall.as_secs(),
                    evidence: self.evidence(),
                });
            }
        }
    }

    /// Types text as it is.
    ///
    /// # Errors
    /// [`Error::Type`] when QEMU is gone.
    pub fn send(&mut self, text: &str) -> Result<()> {
        self.console
            .send(text)
            .map_err(|source| Error::Type { source })
    }

    /// Types a line and presses Enter.
    ///
    /// # Errors
    /// [`Error::Type`] when QEMU is gone.
    pub fn send_line(&mut self, line: &str) -> Result<()> {
        self.send(&format!("{line}\r"))
    }

    /// Everything the console said since power-on, escape sequences removed.
    #[must_use]
    pub fn console_text(&self) -> String {
        self.console.text()
    }

    /// What a person needs to see why something failed: the end of the console,
    /// the disks, the command line.
    #[must_use]
    pub fn evidence(&self) -> String {
        format!(
            "--- last {EVIDENCE_LINES} lines of the console of {} ({} has all)\n{}\n--- disks\n{}\n--- {}",
            self.machine.name,
            self.machine.console_log().display(),
            self.console.tail(EVIDENCE_LINES),
            self.machine.disk_map(),
            self.argv
        )
    }

    /// User and system time QEMU has used since power-on, all threads together.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.process.cpu()
    }

    /// Notes the moment under a name.
    pub fn mark(&mut self, name: &str) -> Mark {
        let mark = Mark {
            name: name.to_owned(),
            cpu: self.cpu(),
            wall: self.started.elapsed(),
        };
        self.marks.push(mark.clone());
        mark
    }

    /// The moments noted so far, oldest first.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Runs a QMP command, for instance `query-status`.
    ///
    /// # Errors
    /// [`Error::Control`] with QEMU's reason.
    pub fn control(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        self.control.execute(command, arguments)
    }

    /// Plugs a disk into the virtio-scsi adapter of the running machine. The
    /// adapter tells the guest; its device node takes a moment to appear.
    ///
    /// # Errors
    /// [`Error::Description`] for a disk on another adapter, [`Error::Control`]
    /// with QEMU's reason.
    pub fn plug(&mut self, disk: &Disk) -> Result<()> {
        let Bus::VirtioScsi { id } = disk.bus else {
            return Err(Error::Description {
                machine: self.machine.name.clone(),
                why: format!("disk {} can only be plugged into virtio-scsi", disk.name),
            });
        };
        let image = json!({
            "node-name": disk.name, "driver": disk.format.name(), "read-only": disk.read_only,
            "cache": { "no-flush": true },
            "file": { "driver": "file", "filename": disk.path },
        });
        self.control("blockdev-add", &image)?;
        let mut device = json!({
            "driver": "scsi-hd", "bus": "vio.0", "channel": 0, "scsi-id": id, "lun": 0,
            "drive": disk.name, "id": format!("disk-{}", disk.name),
        });
        if let Some(serial) = &disk.serial {
            device["serial"] = json!(serial);
        }
        self.control("device_add", &device)?;
        self.machine.disks.push(disk.clone());
        Ok(())
    }

    /// Presses the reset button.
    ///
    /// # Errors
    /// [`Error::Control`] with QEMU's reason.
    pub fn reset(&mut self) -> Result<()> {
        self.control("system_reset", &json!({})).map(drop)
    }

    /// Waits until the guest has switched the machine off.
    ///
    /// # Errors
    /// [`Error::StillRunning`] in the end, [`Error::Crashed`] when QEMU failed.
    pub fn wait_exit(&mut self, patience: Patience) -> Result<Mark> {
        let Some(end) = self.process.wait(patience.wall) else {
            let wall = patience.wall.as_secs();
            return Err(Error::StillRunning {
                wall,
                evidence: self.evidence(),
            });
        };
        if !end.status.is_some_and(|status| status.success()) {
            let status = status_in_words(end, &self.machine.error_log());
            return Err(Error::Crashed {
                status,
                evidence: self.evidence(),
            });
        }
        Ok(self.mark("off"))
    }

    /// Pulls the plug: QEMU writes out what it has and ends; the guest is not
    /// asked.
    pub fn power_off(mut self) -> Vec<Mark> {
        self.quit();
        self.mark("off");
        std::mem::take(&mut self.marks)
    }

    /// Ends QEMU in order if it still listens; [`Process`] kills it if not.
    fn quit(&mut self) {
        if self.process.end().is_none() {
            // An error here means QEMU is ending already, or hangs and is killed.
            let asked = self.control("quit", &json!({}));
            if asked.is_err() || self.process.wait(QUIT).is_none() {
                self.process.kill();
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.quit();
    }
}

fn quoted(needles: &[&str]) -> String {
    let quoted: Vec<String> = needles.iter().map(|needle| format!("{needle:?}")).collect();
    quoted.join(" or ")
}

/// The exit status and what QEMU said on standard error.
fn status_in_words(end: End, errors: &Path) -> String {
    let status = end
        .status
        .map_or_else(|| "status unknown".to_owned(), |s| s.to_string());
    match fs::attribute(errors) {
        Some(said) if !said.is_empty() => format!("{status}: {said}"),
        _ => status,
    }
}
