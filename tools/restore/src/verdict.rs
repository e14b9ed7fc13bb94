//! The one verdict of a restore: every check with its result, every file that
//! is missing, one word at the end.

use std::error::Error;
use std::fmt::Write as _;

use lifeboat_sys::error::chain;

/// One thing that was done or checked, and how it came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What, in the words of the progress lines.
    pub what: String,
    /// What was found; an error's text carries its message number.
    pub result: Result<String, String>,
}

/// What is restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Subject {
    /// A system that shall boot.
    #[default]
    System,
    /// A volume group on its own.
    Group {
        /// Its name.
        name: String,
        /// Whether its files too, or its structure only.
        files: bool,
    },
}

/// What can be said of the target disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DiskState {
    /// Nothing was written.
    #[default]
    Untouched,
    /// Something is missing; no firmware boots it.
    Incomplete,
    /// The volume group is whole, but its file systems are not where they belong.
    NotMounted,
    /// The system is whole, but the firmware was not told.
    NotInBootList {
        /// Open Firmware path of the disk, once it is known.
        path: Option<String>,
    },
    /// All is done: the system is whole and first in the boot list.
    Complete,
}

/// Collects checks; a single failure fails the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What the target disk holds now.
    pub state: DiskState,
    subject: Subject,
    checks: Vec<Check>,
    notes: Vec<String>,
    problems: Vec<String>,
}

impl Verdict {
    /// A verdict on the restore of `subject`, without anything done yet.
    #[must_use]
    pub fn on(subject: Subject) -> Self {
        Self {
            subject,
            ..Self::default()
        }
    }

    /// Records a check that came out well.
    pub fn pass(&mut self, what: impl Into<String>, found: impl Into<String>) {
        let check = Check {
            what: what.into(),
            result: Ok(found.into()),
        };
        log::info!(
            "{}: {}",
            check.what,
            check.result.as_deref().unwrap_or_default()
        );
        self.checks.push(check);
    }

    /// Records a check that failed.
    pub fn fail(&mut self, what: impl Into<String>, error: &dyn Error) {
        let check = Check {
            what: what.into(),
            result: Err(chain(error)),
        };
        log::error!("{}: {}", check.what, chain(error));
        self.checks.push(check);
    }

    /// Records something that the operator should know, and that fails nothing.
    pub fn note(&mut self, line: impl Into<String>) {
        let line = line.into();
        log::warn!("{line}");
        self.notes.push(line);
    }

    /// Records one file or thing that is not as it was in the backup.
    pub fn problem(&mut self, line: impl Into<String>) {
        let line = line.into();
        log::error!("{line}");
        self.problems.push(line);
    }

    /// Whether everything came out well.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.problems.is_empty()
            && !self.checks.is_empty()
            && self.checks.iter().all(|check| check.result.is_ok())
    }

    /// The verdict as the operator and the log see it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for check in &self.checks {
            let (mark, found) = match &check.result {
                Ok(found) => ("ok    ", found),
                Err(error) => ("FAILED", error),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {mark}  {:<18} {found}", check.what);
        }
        for note in &self.notes {
            let _ = writeln!(text, "  note    {note}");
        }
        for problem in &self.problems {
            let _ = writeln!(text, "  FAILED  {problem}");
        }
        if self.is_success() {
            text.push_str("Verdict: ");
            text.push_str(&self.subject.done());
            return text;
        }
        text.push_str("Verdict: FAILED\n");
        text.push_str(&match (&self.state, &self.subject) {
            (DiskState::Untouched, Subject::System) => {
                "The target disk was not written to.".to_owned()
            }
            (DiskState::Untouched, Subject::Group { .. }) => "No disk was written to.".to_owned(),
            (DiskState::NotMounted, _) => {
                "The volume group is whole, but something after it failed. Mount its file\n\
                 systems by hand."
                    .to_owned()
            }
            (DiskState::NotInBootList { path }, _) => {
                let how = path.as_ref().map_or_else(
                    || "Choose the disk in the firmware's boot menu.".to_owned(),
                    |path| format!("At the\nfirmware prompt it starts with: boot {path}"),
                );
                format!("The system on the disk is whole, but something after it failed. {how}")
            }
            (DiskState::Incomplete | DiskState::Complete, Subject::System) => {
                "The target disk holds an incomplete system and does not boot. Installing\n\
                 again begins anew."
                    .to_owned()
            }
            (DiskState::Incomplete | DiskState::Complete, Subject::Group { name, .. }) => {
                format!(
                    "Volume group {name} is incomplete. Its file systems are not mounted;\n\
                     restoring again begins anew."
                )
            }
        });
        text
    }
}

impl Subject {
    /// What a success says.
    fn done(&self) -> String {
        match self {
            Self::System => "the system was restored".to_owned(),
            Self::Group { name, files: true } => format!("volume group {name} was restored"),
            Self::Group { name, files: false } => {
                format!("volume group {name} was made, without the files of the backup")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_done_is_no_success() {
        assert!(!Verdict::default().is_success());
    }

    #[test]
    fn one_failure_or_problem_fails_the_whole() {
        let mut verdict = Verdict::default();
        verdict.pass("files", "12 files");
        assert!(verdict.is_success());
        verdict.note("0590-480 /etc/fstab");
        assert!(verdict.is_success() && verdict.text().contains("  note    0590-480"));
        assert!(verdict.text().ends_with("Verdict: the system was restored"));
        let mut with_problem = verdict.clone();
        with_problem.problem("./etc/passwd: hash differs");
        assert!(!with_problem.is_success());
        assert!(with_problem.text().contains("FAILED  ./etc/passwd"));
        verdict.fail("boot list", &std::io::Error::other("no NVRAM"));
        assert!(!verdict.is_success());
        assert!(
            verdict.text().contains("boot list          no NVRAM"),
            "{}",
            verdict.text()
        );
    }

    #[test]
    fn a_volume_group_is_not_called_a_system() {
        for files in [true, false] {
            let name = "datavg".to_owned();
            let mut verdict = Verdict::on(Subject::Group { name, files });
            verdict.pass("disk layout", "2 disks");
            assert!(verdict.text().contains("volume group datavg was"));
            verdict.fail("files", &std::io::Error::other("no"));
            for state in [
                DiskState::Untouched,
                DiskState::Incomplete,
                DiskState::NotMounted,
            ] {
                verdict.state = state;
                assert!(verdict.text().contains("Verdict: FAILED"));
                assert!(!verdict.text().contains("system on") && !verdict.text().contains("boot"));
            }
        }
    }

    #[test]
    fn a_whole_system_is_not_called_incomplete() {
        let mut verdict = Verdict::default();
        verdict.fail("firmware path", &std::io::Error::other("unknown bus"));
        verdict.state = DiskState::NotInBootList { path: None };
        assert!(verdict.text().contains("is whole") && verdict.text().contains("boot menu"));
        verdict.state = DiskState::NotInBootList {
            path: Some("/x@1".into()),
        };
        assert!(verdict.text().ends_with("boot /x@1"));
    }
}
