//! Writing where nothing can be taken back: pipes and tapes.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lifeboat_sys::fs::PathContext;
use lifeboat_sys::tape;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Target, TargetError};

/// An output that is written from its beginning to its end.
pub(crate) struct Stream {
    file: File,
    /// Bytes of a record, where the output has records.
    record: Option<usize>,
    /// What does not make a record yet.
    pending: Vec<u8>,
    /// Given up while the reader of a pipe takes nothing.
    stop: Arc<AtomicBool>,
    /// Filemarks before a tape's first record; `None` where the drive has lost count.
    first_file: Option<u32>,
}

impl Stream {
    /// Opens the target, which is no file: nothing is written yet.
    pub fn open(target: &Target, stop: &Arc<AtomicBool>) -> Result<Self, TargetError> {
        let stream = |file, record: Option<u32>| Self {
            file,
            record: record.map(|record| record as usize),
            pending: Vec::new(),
            stop: Arc::clone(stop),
            first_file: None,
        };
        match target {
            Target::Tape { device, record } => {
                let mut stream = stream(open_tape(device)?, Some(*record));
                let said = |source| TargetError::Tape {
                    device: device.clone(),
                    source,
                };
                tape::set_variable(&stream.file).map_err(said)?;
                stream.first_file = tape::position(&stream.file).map_err(said)?.file;
                Ok(stream)
            }
            Target::Pipe(path) => match open_pipe(path) {
                Err(error) if error.raw_os_error() == Some(Errno::ENXIO as i32) => {
                    Err(TargetError::NoReader(path.clone()))
                }
                other => Ok(stream(other.at("open", path)?, None)),
            },
            _ => Ok(stream(stdout().at("write to", "standard output")?, None)),
        }
    }

    /// Where on a tape the backup begins, for reading it back.
    pub fn first_file(&self) -> Option<u32> {
        self.first_file
    }

    /// Writes what makes no whole record, filled up with zeros, and brings a
    /// redirected file to its disk.
    pub fn finish(mut self) -> io::Result<()> {
        if let Some(record) = self.record
            && !self.pending.is_empty()
        {
            self.pending.resize(record, 0);
            let last = std::mem::take(&mut self.pending);
            self.write_whole(&last)?;
        }
        match self.file.sync_all() {
            // Pipes and tapes have nothing to bring anywhere.
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
            other => other,
        }
    }

    /// Writes all of these bytes: to a tape, one record.
    fn write_whole(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match (&self.file).write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) if self.record.is_some() && count < rest.len() => {
                    return Err(io::Error::other("the tape took part of a record"));
                }
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until a pipe takes more, or the backup is given up.
    fn wait(&self) -> io::Result<()> {
        let pause = PollTimeout::from(500_u16);
        loop {
            if self.stop.load(Ordering::Relaxed) {
                // What the caller tells is that it was stopped.
                return Err(ErrorKind::TimedOut.into());
            }
            let mut fds = [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
            match poll(&mut fds, pause) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(record) = self.record else {
            self.write_whole(bytes)?;
            return Ok(bytes.len());
        };
        let mut rest = bytes;
        while self.pending.len() + rest.len() >= record {
            let (part, after) = rest.split_at(record - self.pending.len());
            if self.pending.is_empty() {
                self.write_whole(part)?;
            } else {
                self.pending.extend_from_slice(part);
                let whole = std::mem::take(&mut self.pending);
                self.write_whole(&whole)?;
            }
            rest = after;
        }
        self.pending.extend_from_slice(rest);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // A record is written when it is whole.
        Ok(())
    }
}

fn open_tape(device: &Path) -> Result<File, TargetError> {
    let open = File::options().read(true).write(true).open(device);
    open.map_err(|source| TargetError::Tape {
        device: device.to_owned(),
        source,
    })
}

/// Without waiting for a reader, now or later.
fn open_pipe(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).custom_flags(OFlag::O_NONBLOCK.bits());
    options.open(path)
}

/// Standard output; a pipe opened anew, because what does not wait must not be set
/// for those who share it.
fn stdout() -> io::Result<File> {
    let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    if file.metadata()?.file_type().is_fifo()
        && let Ok(pipe) = open_pipe(Path::new("/proc/self/fd/1"))
    {
        return Ok(pipe);
    }
    Ok(file)
}

/// A tape that stands where a backup begins, read record by record.
pub(crate) struct Records {
    tape: File,
    record: Vec<u8>,
    read: usize,
    filled: usize,
}

/// Opens a tape where a backup was written.
///
/// # Errors
/// [`TargetError::Tape`].
pub(crate) fn rewound(device: &Path, record: u32, file: u32) -> Result<Records, TargetError> {
    let tape = open_tape(device)?;
    let ready = tape::set_variable(&tape)
        .and_then(|()| tape::rewind(&tape))
        .and_then(|()| tape::forward_files(&tape, file));
    ready.map_err(|source| TargetError::Tape {
        device: device.to_owned(),
        source,
    })?;
    Ok(Records {
        tape,
        record: vec![0; record as usize],
        read: 0,
        filled: 0,
    })
}

impl Read for Records {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.filled {
            // A record is read in one call with a buffer of its length, or is lost.
            self.filled = self.tape.read(&mut self.record)?;
            self.read = 0;
        }
        let count = buffer.len().min(self.filled - self.read);
        buffer[..count].copy_from_slice(&self.record[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Duration;

    fn pipe(record: Option<usize>) -> (File, Stream) {
        let (read, write) = nix::unistd::pipe2(OFlag::O_NONBLOCK).unwrap();
        let stream = Stream {
            file: write.into(),
            record,
            pending: Vec::new(),
            stop: Arc::default(),
            first_file: None,
        };
        (read.into(), stream)
    }

    #[test]
    fn what_goes_to_a_tape_goes_in_whole_records() {
        let (mut read, mut stream) = pipe(Some(10));
        let mut take = || {
            let mut buffer = [0; 100];
            read.read(&mut buffer).unwrap_or(0)
        };
        stream.write_all(b"1234567").unwrap();
        assert_eq!(take(), 0);
        stream.write_all(b"890abc").unwrap();
        assert_eq!(take(), 10);
        stream.write_all(&[b'x'; 27]).unwrap();
        assert_eq!(take(), 30);
        stream.write_all(b"rest").unwrap();
        stream.finish().unwrap();
        assert_eq!(take(), 10);
    }

    #[test]
    fn a_pipe_that_nobody_empties_can_be_given_up() {
        let (_read, mut stream) = pipe(None);
        let stop = Arc::clone(&stream.stop);
        let stopper = thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            stop.store(true, Ordering::Relaxed);
        });
        let error = stream.write_all(&vec![0; 1 << 20]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        stopper.join().unwrap();
    }

    #[test]
    fn a_slow_reader_gets_everything() {
        let (mut read, mut stream) = pipe(None);
        let reader = thread::spawn(move || {
            let (mut total, mut buffer) = (0, vec![0; 1 << 16]);
            loop {
                match read.read(&mut buffer) {
                    Ok(0) => return total,
                    Ok(count) => total += count,
                    Err(_) => thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        stream.write_all(&vec![1; 3 << 20]).unwrap();
        stream.finish().unwrap();
        assert_eq!(reader.join().unwrap(), 3 << 20);
    }

    #[test]
    fn a_pipe_without_a_reader_is_told() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let target = Target::look_at(path.as_os_str(), 1).unwrap();
        assert_eq!(target, Target::Pipe(std::fs::canonicalize(&path).unwrap()));
        let error = Stream::open(&target, &Arc::default()).err().unwrap();
        assert!(error.to_string().starts_with("0590-355"), "{error}");
    }
}
