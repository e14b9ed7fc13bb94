//! The console's wire: one thread reads it into a log file and the transcript.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::transcript::{Match, Transcript};

/// The near end of a console.
#[derive(Debug)]
pub(crate) struct Console {
    wire: UnixStream,
    heard: Arc<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    transcript: Transcript,
    closed: bool,
}

/// What one look at the console gave.
#[derive(Debug)]
pub(crate) enum Look {
    Found(Match),
    NotYet,
    /// The far end is gone and all it said has been searched.
    Closed,
}

impl Console {
    /// Starts listening. The thread ends when the far end closes.
    pub(crate) fn listen(wire: UnixStream, log: File) -> io::Result<Self> {
        let heard = Arc::new(Heard::default());
        let reader = wire.try_clone()?;
        thread::Builder::new().name("console".into()).spawn({
            let heard = Arc::clone(&heard);
            move || heard.listen(reader, log)
        })?;
        Ok(Self { wire, heard })
    }

    /// Looks for the needles; sleeps until there is news, at most this long.
    pub(crate) fn look(&self, needles: &[&str], nap: Duration) -> Look {
        let mut state = self.heard.lock();
        for last in [false, true] {
            if let Some(found) = state.transcript.take(needles) {
                return Look::Found(found);
            }
            if state.closed {
                return Look::Closed;
            }
            if !last {
                let woken = self.heard.news.wait_timeout(state, nap);
                state = woken.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        Look::NotYet
    }

    pub(crate) fn send(&self, text: &str) -> io::Result<()> {
        (&self.wire).write_all(text.as_bytes())
    }

    pub(crate) fn tail(&self, lines: usize) -> String {
        self.heard.lock().transcript.tail(lines)
    }

    pub(crate) fn text(&self) -> String {
        self.heard.lock().transcript.text()
    }
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, mut reader: UnixStream, mut log: File) {
        let mut buffer = [0; 4096];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    if let Err(error) = log.write_all(&buffer[..length]) {
                        log::warn!("cannot write the console's log: {error}");
                    }
                    self.lock().transcript.push(&buffer[..length]);
                    self.news.notify_all();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // QEMU resets the connection when it is killed.
                Err(_) => break,
            }
        }
        self.lock().closed = true;
        self.news.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Console, UnixStream, tempfile::NamedTempFile) {
        let (near, far) = UnixStream::pair().unwrap();
        let log = tempfile::NamedTempFile::new().unwrap();
        (
            Console::listen(near, log.reopen().unwrap()).unwrap(),
            far,
            log,
        )
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_waiter_is_woken_by_the_text_and_the_log_keeps_every_byte() {
        let (console, mut far, log) = pair();
        let writer = thread::spawn(move || {
            far.write_all(b"boo\x1b[1m").unwrap();
            far.write_all(b"ted\r\n").unwrap();
        });
        // "bo" may come alone first: look again until it is all there.
        while let Look::NotYet = console.look(&["booted"], MINUTE) {}
        writer.join().unwrap();
        assert!(matches!(
            console.look(&["more"], MINUTE),
            Look::Closed | Look::NotYet
        ));
        assert_eq!(console.text().trim_end(), "booted");
        while !matches!(console.look(&["never"], MINUTE), Look::Closed) {}
        assert_eq!(std::fs::read(log.path()).unwrap(), b"boo\x1b[1mted\r\n");
    }

    #[test]
    fn the_last_words_are_found_after_the_end() {
        let (console, mut far, _log) = pair();
        far.write_all(b"reboot: Power down").unwrap();
        drop(far);
        while let Look::NotYet = console.look(&["Power down"], MINUTE) {}
        assert!(matches!(
            console.look(&["Power down"], MINUTE),
            Look::Closed
        ));
    }

    #[test]
    fn typing_reaches_the_far_end() {
        let (console, mut far, _log) = pair();
        console.send("1\r").unwrap();
        let mut typed = [0; 2];
        far.read_exact(&mut typed).unwrap();
        assert_eq!(&typed, b"1\r");
    }
}
