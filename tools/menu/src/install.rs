//! *Install from a System Backup*: source, settings, plan, progress, verdict.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use lifeboat_layout::apply::Keys;
use lifeboat_layout::disks::Disk;
use lifeboat_layout::plan::{Plan, Settings};
use lifeboat_restore::prepare::{self, Opened};
use lifeboat_restore::run::{self, Observer};
use lifeboat_restore::source::{Source, Sources};
use lifeboat_restore::verdict::Verdict;

use crate::progress;
use crate::terminal::{PREVIOUS, Screen, Terminal, WIDTH};
use crate::{MenuError, passphrase, power, report, settings, sources};

/// A progress line at most this often: a serial line is slow.
const REFRESH: Duration = Duration::from_secs(2);

const PLAN_HELP: &str = "  0   writes the target disk as listed. This cannot be undone.
  99  goes back; nothing has been written so far.";

/// Walks through the screens; comes back when the operator does.
pub fn run<R: BufRead, W: Write>(terminal: &mut Terminal<R, W>) -> Result<(), MenuError> {
    let mut found = Sources::default();
    while let Some(source) = sources::choose(terminal, &mut found)? {
        if let Err(error) = with_source(terminal, source)? {
            report(terminal, &error)?;
        }
    }
    Ok(())
}

/// The screens after the source; an error of the inner kind goes back to its choice.
fn with_source<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    source: &Source,
) -> Result<Result<(), prepare::PrepareError>, MenuError> {
    let opened = match prepare::open(source) {
        Ok(opened) => opened,
        Err(error) => return Ok(Err(error)),
    };
    let mut chosen = match prepare::settings(&opened.answers) {
        Ok(settings) => settings,
        Err(error) => return Ok(Err(error)),
    };
    loop {
        let disks = match prepare::present_disks() {
            Ok(disks) => disks,
            Err(error) => return Ok(Err(error)),
        };
        if !settings::choose(terminal, &mut chosen, &disks, &opened.model)? {
            return Ok(Ok(()));
        }
        match prepare::make_plan(&opened, &disks, &chosen) {
            Ok(plan) => {
                let keys = if confirm(terminal, &plan)? {
                    let found = passphrase::beside(terminal, &plan, &opened)?;
                    passphrase::ask(terminal, &plan, found)?
                } else {
                    None
                };
                if let Some(keys) = keys {
                    let verdict = carry_out(terminal, &plan, &opened, &keys)?;
                    if verdict.is_success() {
                        power::choose(terminal)?;
                    }
                    return Ok(Ok(()));
                }
            }
            Err(error) => report(terminal, &error)?,
        }
    }
}

fn confirm<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    plan: &Plan,
) -> Result<bool, MenuError> {
    let screen = Screen {
        title: "Installation Plan".into(),
        text: plan.lines(WIDTH),
        items: vec![(0, "Install as listed above".into())],
        default: PREVIOUS,
        help: PLAN_HELP.into(),
    };
    Ok(terminal.choose(&screen)? == 0)
}

/// Plans without questions, as an unattended installation does.
pub fn plan_unasked(opened: &Opened<'_>) -> Result<Plan, prepare::PrepareError> {
    let disks: Vec<Disk> = prepare::present_disks()?;
    let settings: Settings = prepare::settings(&opened.answers)?;
    prepare::make_plan(opened, &disks, &settings)
}

/// Restores, showing progress, and prints the verdict.
pub fn carry_out<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    plan: &Plan,
    opened: &Opened<'_>,
    keys: &Keys,
) -> Result<Verdict, MenuError> {
    terminal.line("Installing. Please wait ...\n")?;
    let start = Instant::now();
    let mut watcher = Watcher {
        terminal,
        start: None,
        shown: None,
    };
    let verdict = run::run(plan, opened, keys, &mut watcher);
    watcher.end_line();
    terminal.line(&format!(
        "\nElapsed time {}\n",
        progress::clock(start.elapsed())
    ))?;
    terminal.line(&verdict.text())?;
    Ok(verdict)
}

/// Shows steps and progress. A console that fails must not stop a restore, so
/// its errors are dropped here; the next question meets them again.
struct Watcher<'a, R, W> {
    terminal: &'a mut Terminal<R, W>,
    /// When the step with the progress line began.
    start: Option<Instant>,
    /// When the line was last rewritten.
    shown: Option<Instant>,
}

impl<R: BufRead, W: Write> Watcher<'_, R, W> {
    fn end_line(&mut self) {
        if self.shown.take().is_some() {
            let _ = self.terminal.line("");
        }
        self.start = None;
    }
}

impl<R: BufRead, W: Write> Observer for Watcher<'_, R, W> {
    fn begin(&mut self, what: &str) {
        self.end_line();
        let _ = self.terminal.line(&format!("  now: {what}"));
    }

    fn progress(&mut self, done: u64, total: Option<u64>) {
        let start = *self.start.get_or_insert_with(Instant::now);
        let ended = total.is_some_and(|total| done >= total);
        if self.shown.is_some_and(|shown| shown.elapsed() < REFRESH) && !ended {
            return;
        }
        self.shown = Some(Instant::now());
        let line = total.map_or_else(
            || progress::line_without_total(done, start.elapsed()),
            |total| progress::line(done, total, start.elapsed()),
        );
        let _ = self.terminal.rewrite(&format!("       {line}"));
    }
}
