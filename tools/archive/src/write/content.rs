//! The content of one frame after the other, in the same memory.

use crate::pax::padding;

/// What is stored of a job so far.
pub(crate) struct Content {
    /// Longer than what is filled: the rest is of earlier jobs.
    bytes: Vec<u8>,
    filled: usize,
    /// Where members begin, until the content is taken.
    members: Vec<u64>,
}

impl Content {
    /// Memory for content of this length; it grows if it must.
    pub fn new(length: usize) -> Self {
        Self {
            bytes: vec![0; length],
            filled: 0,
            members: Vec::new(),
        }
    }

    pub fn clear(&mut self) {
        self.go_back(0);
    }

    /// Forgets what was stored from here on.
    pub fn go_back(&mut self, length: usize) {
        self.filled = length;
        while self.members.pop_if(|at| *at >= length as u64).is_some() {}
    }

    pub fn length(&self) -> usize {
        self.filled
    }

    /// What is stored from here on.
    pub fn since(&self, start: usize) -> &[u8] {
        &self.bytes[start..self.filled]
    }

    /// Where members begin.
    pub fn members(&self) -> &[u64] {
        &self.members
    }

    /// Notes that a member begins here.
    pub fn begin_member(&mut self) -> u64 {
        let at = self.filled as u64;
        self.members.push(at);
        at
    }

    /// Room for exactly this much, which counts as filled.
    pub fn room(&mut self, length: usize) -> &mut [u8] {
        let start = self.filled;
        self.filled += length;
        if self.filled > self.bytes.len() {
            self.bytes.resize(self.filled, 0);
        }
        &mut self.bytes[start..self.filled]
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
    }

    /// Zeros up to a whole block, after data of this length.
    pub fn pad(&mut self, length: u64) {
        self.room(padding(length)).fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_leaves_no_trace() {
        let mut content = Content::new(4);
        content.begin_member();
        content.write(b"ab");
        let start = content.length();
        assert_eq!(content.begin_member(), 2);
        content.write(b"cdefg");
        assert_eq!(content.since(start), b"cdefg");
        content.go_back(start);
        assert_eq!(
            (content.since(0), content.members()),
            (&b"ab"[..], &[0][..])
        );
        content.pad(510);
        assert_eq!(
            content.since(0),
            b"ab\0\0",
            "memory is used again, not what was in it"
        );
        content.clear();
        assert_eq!((content.length(), content.members().len()), (0, 0));
    }
}
