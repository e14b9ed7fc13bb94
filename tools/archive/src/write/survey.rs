//! What a backup would hold, without writing one.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

use nix::sys::stat::SFlag;

use super::create::CreateError;
use super::scope::Scope;
use super::source::Source;
use super::walk::{Found, Visitor, file_type, walk};
use crate::pipeline::Closed;
use crate::report::{Finding, Trouble};

/// What a backup would hold.
#[derive(Debug, Default)]
pub struct Survey {
    /// Files of all kinds that would be stored, each name of a file.
    pub files: u64,
    /// Bytes of content that would be stored, holes not counted.
    pub bytes: u64,
    /// Files that would not be in the backup.
    pub left_out: Vec<Finding>,
}

/// Walks as [`create`](crate::create()) does and asks [`Source::selection`] the
/// same questions, but reads no content.
///
/// # Errors
/// [`CreateError`] where the walk cannot begin, and when `stop` becomes true.
pub fn survey(source: &Source<'_>, stop: Option<&AtomicBool>) -> Result<Survey, CreateError> {
    let scope = Scope::open(source, stop, None)?;
    let mut surveyor = Surveyor::default();
    // The visitor takes everything: only `stop` ends this walk early.
    walk(&scope, &mut surveyor).map_err(|Closed| CreateError::Interrupted)?;
    Ok(surveyor.survey)
}

#[derive(Default)]
struct Surveyor {
    survey: Survey,
    /// Files with several names that have been counted, by device and inode.
    counted: HashSet<(u64, u64)>,
}

impl Visitor for Surveyor {
    fn visit(&mut self, found: Found<'_>) -> Result<(), Closed> {
        let stat = &found.stat;
        self.survey.files += 1;
        let is_file = file_type(stat) == SFlag::S_IFREG;
        let is_new = stat.st_nlink < 2 || self.counted.insert((stat.st_dev, stat.st_ino));
        if is_file && is_new {
            let length = u64::try_from(stat.st_size).unwrap_or(0);
            let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
            self.survey.bytes += length.min(blocks.saturating_mul(512));
        }
        Ok(())
    }

    fn left_out(&mut self, path: &[u8], trouble: Trouble) -> Result<(), Closed> {
        self.survey.left_out.push(Finding::new(path, trouble));
        Ok(())
    }
}
