//! Memory for frames: so much at a time, used again and again. Memory fresh from the
//! kernel is cleared page by page, which costs a restore more than its hashes do.

use std::ops::{Deref, Range};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// However large frames are, so many are in flight at least: one that is read, one
/// that is unpacked, one that is used.
const AT_LEAST: usize = 3;

/// The memory that all frames in flight share.
#[derive(Debug)]
pub(crate) struct Stock {
    limit: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    shares: usize,
    used: usize,
    /// Buffers that nobody uses now, and the bytes that they take.
    spare: Vec<Vec<u8>>,
    kept: usize,
}

impl Stock {
    /// A stock of about `limit` bytes.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            state: Mutex::default(),
            returned: Condvar::new(),
        })
    }

    /// Takes a share of `bytes`; waits until there is one.
    pub fn share(self: &Arc<Self>, bytes: usize) -> Share {
        let mut state = self.state();
        while state.shares >= AT_LEAST && state.used + bytes > self.limit {
            state = self
                .returned
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.shares += 1;
        state.used += bytes;
        Share {
            stock: Arc::clone(self),
            bytes,
        }
    }

    /// A buffer with room for `length` bytes, and anything in it.
    fn buffer(&self, length: usize) -> Vec<u8> {
        let mut state = self.state();
        let fitting = state.spare.iter().position(|b| b.capacity() >= length);
        match fitting {
            Some(index) => {
                let buffer = state.spare.swap_remove(index);
                state.kept -= buffer.capacity();
                buffer
            }
            None => Vec::with_capacity(length),
        }
    }

    /// Keeps a buffer for the next frame, unless there are enough.
    fn keep(&self, buffer: Vec<u8>) {
        let mut state = self.state();
        if buffer.capacity() > 0 && state.kept + buffer.capacity() <= self.limit / 2 {
            state.kept += buffer.capacity();
            state.spare.push(buffer);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done where this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of the memory, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    stock: Arc<Stock>,
    bytes: usize,
}

impl Share {
    /// A buffer of this share, with room for `length` bytes, and anything in it.
    pub fn buffer(&self, length: usize) -> Vec<u8> {
        self.stock.buffer(length)
    }

    /// Gives back a buffer that is used no more, before the share itself.
    pub fn give_back(&self, buffer: Vec<u8>) {
        self.stock.keep(buffer);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.stock.state();
        state.shares -= 1;
        state.used -= self.bytes;
        drop(state);
        self.stock.returned.notify_one();
    }
}

/// What a frame holds, with the share of the memory that it takes.
#[derive(Debug)]
pub(crate) struct Content {
    bytes: Vec<u8>,
    share: Option<Share>,
}

impl Content {
    pub fn new(bytes: Vec<u8>, share: Share) -> Self {
        let share = Some(share);
        Self { bytes, share }
    }
}

impl From<Vec<u8>> for Content {
    /// Content that is not counted.
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, share: None }
    }
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        if let Some(share) = &self.share {
            share.give_back(std::mem::take(&mut self.bytes));
        }
    }
}

/// A part of what a frame holds. The frame stays in memory as long as it is there.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    content: Arc<Content>,
    range: Range<usize>,
}

impl Slice {
    /// `range` lies within the content.
    pub fn new(content: &Arc<Content>, range: Range<usize>) -> Self {
        Self {
            content: Arc::clone(content),
            range,
        }
    }
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.content[self.range.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    #[test]
    fn no_more_is_in_flight_than_there_is() {
        let stock = Stock::new(100);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let share = stock.share(20);
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                    drop(share);
                });
            }
        });
        assert!(most.into_inner() <= 5);
        let state = stock.state();
        assert_eq!((state.shares, state.used), (0, 0));
    }

    #[test]
    fn large_frames_go_one_after_the_other() {
        let stock = Stock::new(1);
        let shares: Vec<_> = (0..AT_LEAST).map(|_| stock.share(1000)).collect();
        assert_eq!(stock.state().used, 3000);
        drop(shares);
    }

    #[test]
    fn buffers_come_back() {
        let stock = Stock::new(1 << 20);
        let share = stock.share(1000);
        let mut bytes = share.buffer(1000);
        bytes.extend_from_slice(b"content");
        let place = bytes.as_ptr();
        let content = Arc::new(Content::new(bytes, share));
        let slice = Slice::new(&content, 1..4);
        drop(content);
        assert_eq!(&slice[..], b"ont");
        assert_eq!(stock.state().shares, 1);
        drop(slice);
        let again = stock.share(1).buffer(900);
        assert_eq!(again.as_ptr(), place);
    }
}
