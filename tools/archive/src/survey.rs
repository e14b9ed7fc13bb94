//! What a backup would hold, without writing one.

use std::sync::atomic::AtomicBool;

use crate::create::{CreateError, scope_of};
use crate::pipeline::Closed;
use crate::report::{Finding, Trouble};
use crate::source::Source;
use crate::walk::{Found, Visitor, file_type, walk};

use nix::sys::stat::SFlag;

/// What a backup would hold.
#[derive(Debug, Default)]
pub struct Survey {
    /// Files of all kinds that would be stored.
    pub files: u64,
    /// Bytes of content that would be stored, holes not counted; files with
    /// several names count once for each name.
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
    let (root, scope) = scope_of(source, stop, None)?;
    let mut survey = Survey::default();
    // The visitor takes everything: only `stop` ends this walk early.
    walk(root, &scope, &mut survey).map_err(|Closed| CreateError::Interrupted)?;
    Ok(survey)
}

impl Visitor for Survey {
    fn visit(&mut self, found: &Found<'_>) -> Result<(), Closed> {
        self.files += 1;
        if file_type(&found.stat) == SFlag::S_IFREG {
            let length = u64::try_from(found.stat.st_size).unwrap_or(0);
            let blocks = u64::try_from(found.stat.st_blocks).unwrap_or(0);
            self.bytes += length.min(blocks.saturating_mul(512));
        }
        Ok(())
    }

    fn left_out(&mut self, path: &[u8], trouble: Trouble) {
        self.left_out.push(Finding::new(path, trouble));
    }
}
