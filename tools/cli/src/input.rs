//! A backup to read, wherever it comes from: a file or disk, in which every place can
//! be read at once, or a stream (a pipe, a tape), which comes once and in order.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufReader, Read, stdin};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::builder::RangedI64ValueParser;
use lifeboat_archive::{
    Backup, ExtractOptions, ExtractReport, Incoming, Manifest, Progress, Summary, Totals,
    VerifyReport,
};
use lifeboat_sys::fs::PathContext;
use lifeboat_sys::tape;

/// AIX's unit of `-b`.
const BLOCK: usize = 512;
/// The longest record that is read when nobody says how long records are.
const RECORD: usize = 1 << 20;

/// What `-b` takes: up to 16 MiB, the longest record of any drive.
pub fn blocks() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=32768)
}

/// Where a backup is.
#[derive(Debug, Clone)]
pub struct Place {
    /// A path, or `-` for standard input.
    pub path: PathBuf,
    /// Blocks of 512 bytes in a record of the tape.
    pub blocks: Option<u32>,
    /// Which file of the tape it is, counted from 1; where the tape stands if not given.
    pub number: Option<u32>,
}

/// A backup whose first frame has been read.
pub enum Input {
    /// Its end has been found, and its seek table is sound.
    File(Backup),
    /// Its end is still to come.
    Stream(Incoming<Box<dyn Read + Send>>),
}

impl Place {
    /// Opens the backup.
    ///
    /// # Errors
    /// What is wrong with it, or with flags that are for another kind of place.
    pub fn open(&self) -> Result<Input> {
        let path = self.path.as_path();
        if path == Path::new("-") {
            self.ensure_no_tape_flags()?;
            return stream(OsStr::new("standard input"), Box::new(stdin()));
        }
        let kind = std::fs::metadata(path).at("open", path)?.file_type();
        if kind.is_char_device() {
            let tape = self.tape()?;
            return stream(path.as_os_str(), Box::new(self.records(tape)));
        }
        self.ensure_no_tape_flags()?;
        if kind.is_fifo() {
            let pipe = File::open(path).at("open", path)?;
            return stream(path.as_os_str(), Box::new(pipe));
        }
        let backup = Backup::open(path)?;
        log::debug!(
            "{} is read at any place: {} frames",
            path.display(),
            backup.totals().frames
        );
        Ok(Input::File(backup))
    }

    /// The length in bytes of the record that the tape stands before; it stands there
    /// afterwards as well.
    ///
    /// # Errors
    /// When it is no tape, or cannot be read.
    pub fn record_length(&self) -> Result<usize> {
        let path = self.path.as_path();
        let mut tape = self.tape()?;
        let mut record = vec![0; self.record().max(RECORD)];
        let length = tape.read(&mut record).at("read", path)?;
        tape::back_records(&tape, 1).at("move", path)?;
        Ok(length)
    }

    /// Opens the tape, and moves it to the file that was asked for.
    fn tape(&self) -> Result<File> {
        let path = self.path.as_path();
        let tape = File::open(path).at("open", path)?;
        let Ok(position) = tape::position(&tape) else {
            bail!("0590-731 {} is not a tape drive", path.display());
        };
        if let Some(number) = self.number {
            let wanted = number.saturating_sub(1);
            let forward = position.file.and_then(|file| wanted.checked_sub(file));
            match forward.filter(|_| position.file.is_some()) {
                // Within the file it may stand anywhere: only a filemark is a known place.
                Some(forward) if forward > 0 => {
                    tape::forward_files(&tape, forward).at("move", path)?;
                }
                _ => {
                    tape::rewind(&tape).at("rewind", path)?;
                    tape::forward_files(&tape, wanted).at("move", path)?;
                }
            }
        }
        Ok(tape)
    }

    fn record(&self) -> usize {
        self.blocks.map_or(RECORD, |blocks| blocks as usize * BLOCK)
    }

    /// A reader whose every read takes a whole record.
    fn records(&self, tape: File) -> BufReader<File> {
        BufReader::with_capacity(self.record().max(RECORD), tape)
    }

    fn ensure_no_tape_flags(&self) -> Result<()> {
        ensure!(
            self.blocks.is_none() && self.number.is_none(),
            "0590-732 -b and -s tell how to read a tape, and {} is none: leave them out",
            self.path.display()
        );
        Ok(())
    }
}

fn stream(name: &OsStr, reader: Box<dyn Read + Send>) -> Result<Input> {
    log::debug!("{} is read as a stream", name.display());
    Ok(Input::Stream(Incoming::open(Path::new(name), reader)?))
}

impl Input {
    /// What the first frame says.
    pub fn summary(&self) -> &Summary {
        match self {
            Self::File(backup) => backup.summary(),
            Self::Stream(incoming) => incoming.summary(),
        }
    }

    /// What messages call it.
    pub fn name(&self) -> &Path {
        match self {
            Self::File(backup) => backup.path(),
            Self::Stream(incoming) => incoming.path(),
        }
    }

    /// Counts over the whole backup; not known of a stream.
    pub fn totals(&self) -> Option<Totals> {
        match self {
            Self::File(backup) => Some(backup.totals()),
            Self::Stream(_) => None,
        }
    }

    /// The list of files; of a stream, everything is read for it.
    pub fn manifest(self) -> Result<Manifest> {
        match self {
            Self::File(backup) => Ok(backup.manifest()?),
            Self::Stream(incoming) => Ok(incoming.manifest()?),
        }
    }

    /// Reads everything and checks it.
    pub fn verify(self, progress: &mut dyn FnMut(Progress)) -> VerifyReport {
        match self {
            Self::File(backup) => backup.verify(progress),
            Self::Stream(incoming) => incoming.verify(progress),
        }
    }

    /// Restores files below a directory.
    pub fn extract(
        self,
        dest: &Path,
        options: &ExtractOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<ExtractReport> {
        Ok(match self {
            Self::File(backup) => backup.extract(dest, options, progress)?,
            Self::Stream(incoming) => incoming.extract(dest, options, progress)?,
        })
    }
}
