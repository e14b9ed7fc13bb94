//! What the restored system does at its first start.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_devices::phase::Phase;
use lifeboat_devices::{cfgmgr, rda};
use lifeboat_sys::error::chain;
use lifeboat_sys::fs::{FsError, create_dir_all, read_to_string, write};
use lifeboat_sys::run::Tool;

use super::{FirstBootError, LOGS, REPORT, STAGE, Stage, below, notice, service};

/// How long a program may take that makes keys or identifiers.
const SHORT: Duration = Duration::from_secs(60);
/// How long setting device attributes may take.
const REPLAY: Duration = Duration::from_secs(120);
/// How long the operator's program may take.
const SCRIPT: Duration = Duration::from_secs(300);

/// `PowerVM` knows a partition by a number that RSCT keeps: two partitions with one of
/// them disturb each other's dynamic reconfiguration.
const RECFGCT: [&str; 2] = [
    "opt/rsct/install/bin/recfgct",
    "usr/sbin/rsct/install/bin/recfgct",
];

/// How the first boot came out.
#[derive(Debug)]
pub struct Outcome {
    /// The report, in the system.
    pub report: PathBuf,
    /// What failed, by the names of the tasks.
    pub failed: Vec<&'static str>,
    /// What was done but for something that is lacking: a driver, firmware.
    pub partly: Vec<&'static str>,
}

/// Runs the stage in the restored system (`root` is `/`), then removes it. It goes away
/// also when a task has failed: it must not run again at every boot.
///
/// # Errors
/// [`FirstBootError`]; the report says what happened before, and so does the next login.
pub fn run(root: &Path) -> Result<Outcome, FirstBootError> {
    create_dir_all(below(root, LOGS))?;
    // Should the machine stop now, the next start is an ordinary one, and tells of it.
    service::disable(root)?;
    notice::put(root, "the first boot after the restore did not end.")?;
    let outcome = stage(root).and_then(|stage| {
        let mut tasks = Tasks::new(root);
        tasks.all(&stage)?;
        Ok((tasks.failed, tasks.partly))
    });
    service::uninstall(root)?;
    let (failed, partly) = outcome?;
    if !failed.is_empty() {
        let what = format!("the first boot failed in part: {}.", failed.join(", "));
        notice::put(root, &what)?;
    } else if !partly.is_empty() {
        let what = format!(
            "after the first boot something is lacking: {}.",
            partly.join(", ")
        );
        notice::put(root, &what)?;
    } else {
        notice::take_away(root)?;
    }
    Ok(Outcome {
        report: below(root, REPORT),
        failed,
        partly,
    })
}

fn stage(root: &Path) -> Result<Stage, FirstBootError> {
    let path = below(root, STAGE);
    if !path.exists() {
        return Ok(Stage::default());
    }
    Stage::parse(&read_to_string(&path)?).map_err(|source| FirstBootError::Stage {
        path,
        source: Box::new(source),
    })
}

/// What became of a task, and what it said.
enum Done {
    Wholly(String),
    /// Something is lacking that the system lives without.
    Partly(String),
    Not(String),
}

struct Tasks<'a> {
    root: &'a Path,
    report: String,
    failed: Vec<&'static str>,
    partly: Vec<&'static str>,
}

impl<'a> Tasks<'a> {
    fn new(root: &'a Path) -> Self {
        Self {
            root,
            report: "First boot after a restore by Lifeboat\n".to_owned(),
            failed: Vec::new(),
            partly: Vec::new(),
        }
    }

    fn all(&mut self, stage: &Stage) -> Result<(), FsError> {
        if stage.clone {
            let keygen = Tool::new("ssh-keygen").arg("-A").deadline(SHORT);
            if below(self.root, "usr/bin/ssh-keygen").exists() {
                self.program("SSH host keys", &keygen)?;
            }
        }
        let root = self.root;
        // Drivers only, unless told: network and volumes follow in the system's own start.
        let phase = stage.phase.and_then(Phase::of_number);
        let request = cfgmgr::Request {
            phase: phase.unwrap_or(Phase::Service),
            ..cfgmgr::Request::default()
        };
        self.task("devices", || match cfgmgr::configure(root, &request) {
            Ok(report) if report.complaints().is_empty() => Done::Wholly(report.to_string()),
            Ok(report) => Done::Partly(report.to_string()),
            Err(error) => Done::Not(chain(&error)),
        })?;
        if stage.replay {
            self.replay(stage.clone)?;
        }
        let recfgct = RECFGCT.map(|path| below(root, path)).into_iter();
        if let Some(path) = recfgct.filter(|_| stage.clone).find(|path| path.exists()) {
            self.program("RSCT node", &Tool::new(path).deadline(SHORT))?;
        }
        if let Some(script) = &stage.script {
            self.program("first-boot script", &Tool::new(script).deadline(SCRIPT))?;
        }
        Ok(())
    }

    /// Host name and routes are in the configuration, and a clone has cards of its own.
    fn replay(&mut self, clone: bool) -> Result<(), FsError> {
        let script = below(self.root, rda::SCRIPT);
        if !script.exists() {
            let none = || Done::Not(format!("the backup has no /{}", rda::SCRIPT));
            return self.task("device attributes", none);
        }
        let skipped = if clone {
            "hostname routes addresses"
        } else {
            "hostname routes"
        };
        let replay = Tool::new("sh").arg(script).env("RDA_SKIP", skipped);
        self.program("device attributes", &replay.deadline(REPLAY))
    }

    fn program(&mut self, what: &'static str, tool: &Tool) -> Result<(), FsError> {
        self.task(what, || match tool.run() {
            Ok(output) => {
                let errors = String::from_utf8_lossy(&output.stderr).into_owned();
                Done::Wholly(format!("{}\n{}{errors}", tool.argv(), output.text()))
            }
            Err(error) => Done::Not(chain(&error)),
        })
    }

    /// Does one task. The report is written after each: the next may be the last.
    fn task(&mut self, what: &'static str, work: impl FnOnce() -> Done) -> Result<(), FsError> {
        log::info!("first boot: {what}");
        let (word, text) = match work() {
            Done::Wholly(text) => ("done", text),
            Done::Partly(text) => {
                self.partly.push(what);
                ("done in part", text)
            }
            Done::Not(error) => {
                log::error!("{what}: {error}");
                self.failed.push(what);
                ("FAILED", error)
            }
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.report, "\n{what}: {word}\n{}", text.trim_end());
        write(below(self.root, REPORT), &self.report)
    }
}
