//! What mksysb says, to a person or as JSON.

use std::io::{self, BufWriter, IsTerminal, Write, stderr, stdout};
use std::sync::{Mutex, PoisonError};

use lifeboat_archive::{Finding, Progress as Done, escape};
use lifeboat_backup::snapshot::{Planned, Way, Wish};
use lifeboat_backup::{Note, Observer, Preview, Report, Step};
use lifeboat_sys::error::chain;
use serde_json::{Value, json};

use crate::progress::{self, Progress};

/// How many harmless findings are worth a line each.
const FEW: usize = 10;

/// Tells what happens while it happens.
pub struct Teller {
    progress: Mutex<Progress>,
    /// Names of files go here.
    list: Option<Mutex<BufWriter<Box<dyn Write + Send>>>>,
    terminal: bool,
    json: bool,
}

impl Teller {
    /// With `list` each file is named; what goes to standard output goes to standard
    /// error when the backup itself goes there.
    pub fn new(list: bool, json: bool, on_stdout: bool) -> Self {
        let out = || -> Box<dyn Write + Send> {
            if on_stdout || json {
                Box::new(stderr())
            } else {
                Box::new(stdout())
            }
        };
        Self {
            progress: Mutex::new(Progress::on_stderr()),
            list: list.then(|| Mutex::new(BufWriter::new(out()))),
            terminal: stderr().is_terminal(),
            json,
        }
    }

    /// Ends the line of progress, and the list.
    pub fn end(&self) {
        self.with(|progress| progress.end());
        if let Some(list) = &self.list {
            // A list that nobody reads is no reason to fail.
            let _ = list.lock().unwrap_or_else(PoisonError::into_inner).flush();
        }
    }

    fn with(&self, tell: impl FnOnce(&mut Progress)) {
        tell(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Observer for Teller {
    fn step(&self, step: Step) {
        self.with(|progress| progress.end());
        if self.terminal && !self.json {
            eprintln!("{step}");
        }
        // Rate and time left are those of the step.
        self.with(|progress| *progress = Progress::on_stderr());
    }

    fn progress(&self, done: Done) {
        if self.list.is_none() && !self.json {
            self.with(|progress| progress.show(done.done, done.total));
        }
    }

    fn note(&self, note: &Note) {
        if !self.json {
            progress::clear();
            eprintln!("lifeboat: {}", chain(note));
        }
    }

    fn stores(&self, path: &[u8]) {
        if let Some(list) = &self.list {
            let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = writeln!(list, "{}", escape(path));
        }
    }

    fn wants_total(&self) -> bool {
        self.terminal && !self.json && self.list.is_none()
    }
}

/// Files that are not in the backup as they should be; the others by number.
pub fn findings(report: &Report, all: bool) {
    for finding in report.missing.iter().chain(&report.changed) {
        eprintln!("lifeboat: {finding}");
    }
    let harmless = &report.harmless;
    if all || harmless.len() <= FEW {
        for finding in harmless {
            eprintln!("lifeboat: {finding}");
        }
    } else {
        eprintln!(
            "lifeboat: 0590-751 {} files were removed while the backup was written, or have \
             names that are the backup's own; -v names them",
            harmless.len()
        );
    }
}

/// The outcome; not on standard output if the backup is there.
pub fn report(report: &Report, as_json: bool, on_stdout: bool) -> io::Result<()> {
    let text = if as_json {
        report_json(report).to_string()
    } else {
        report_text(report)
    };
    if on_stdout {
        writeln!(stderr(), "{text}")
    } else {
        writeln!(stdout(), "{text}")
    }
}

fn report_text(report: &Report) -> String {
    let totals = report.totals;
    let mut text = format!(
        "{}: {} members, {} MiB in {} MiB",
        report.target,
        totals.members,
        totals.bytes_raw >> 20,
        totals.bytes_compressed >> 20
    );
    if let Some(apart) = report.apart {
        let snapshots = report.file_systems.iter().filter(|fs| is_snapshot(fs));
        text.push_str(&format!(
            "\nRead from {} snapshots taken within {:.1} seconds",
            snapshots.count(),
            apart.as_secs_f64()
        ));
    }
    let live = report.file_systems.iter().filter(|fs| !is_snapshot(fs));
    let live: Vec<String> = live.map(|fs| fs.mount.display().to_string()).collect();
    if !live.is_empty() {
        text.push_str(&format!("\nRead while in use: {}", live.join(", ")));
    }
    if let Some(files) = report.verified {
        text.push_str(&format!(
            "\nRead back: {files} members, every hash is right"
        ));
    }
    text
}

fn is_snapshot(planned: &Planned) -> bool {
    matches!(planned.way, Way::Snapshot(_))
}

fn report_json(report: &Report) -> Value {
    let totals = report.totals;
    json!({
        "target": report.target,
        "complete": report.is_complete(),
        "members": totals.members,
        "bytes": totals.bytes_raw,
        "bytes_compressed": totals.bytes_compressed,
        "seconds": report.time.as_secs_f64(),
        "file_systems": file_systems(&report.file_systems),
        "snapshot_seconds": report.apart.map(|apart| apart.as_secs_f64()),
        "verified": report.verified,
        "changed": texts(&report.changed),
        "missing": texts(&report.missing),
        "harmless": texts(&report.harmless),
        "notes": notes(&report.notes),
    })
}

fn texts(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

fn notes(notes: &[Note]) -> Vec<String> {
    notes.iter().map(|note| chain(note)).collect()
}

fn file_systems(all: &[Planned]) -> Vec<Value> {
    let one = |planned: &Planned| {
        let why = match &planned.way {
            Way::Snapshot(_) => None,
            Way::Live(why) => Some(why.to_string()),
        };
        json!({
            "mount": planned.mount.to_string_lossy(),
            "kind": planned.kind,
            "snapshot": is_snapshot(planned),
            "live_because": why,
        })
    };
    all.iter().map(one).collect()
}

/// What a backup would do.
pub fn preview(preview: &Preview, as_json: bool) {
    if as_json {
        let excluded = preview.excluded.iter().map(|matched| {
            json!({
                "line": matched.line,
                "pattern": String::from_utf8_lossy(&matched.pattern),
                "files": matched.files,
                "bytes": matched.bytes,
            })
        });
        let value = json!({
            "files": preview.files,
            "bytes": preview.bytes,
            "file_systems": file_systems(&preview.file_systems),
            "excluded": excluded.collect::<Vec<_>>(),
            "missing": texts(&preview.missing),
            "notes": notes(&preview.notes),
        });
        println!("{value}");
        return;
    }
    for finding in &preview.missing {
        eprintln!("lifeboat: {finding}");
    }
    for planned in &preview.file_systems {
        let how = match &planned.way {
            Way::Snapshot(Wish::Volume {
                extents: Some(extents),
                ..
            }) => format!("from a snapshot of {extents} extents"),
            Way::Snapshot(Wish::Volume { .. }) => "from a thin snapshot".to_owned(),
            Way::Snapshot(Wish::Subvolume) => "from a snapshot of its subvolume".to_owned(),
            Way::Live(why) => format!("while it is in use: {why}"),
        };
        println!("{} ({}) {how}", planned.mount.display(), planned.kind);
    }
    for matched in &preview.excluded {
        println!(
            "line {}: {} leaves out {} files, {} KiB",
            matched.line,
            String::from_utf8_lossy(&matched.pattern).escape_debug(),
            matched.files,
            matched.bytes >> 10
        );
    }
    println!(
        "{} files with {} MiB would be in the backup",
        preview.files,
        preview.bytes >> 20
    );
}
