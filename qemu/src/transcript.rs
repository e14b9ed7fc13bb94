//! What a machine said on its console, and how far we have read it.
//!
//! Pure: bytes go in, matches come out. Escape sequences (GRUB draws, systemd
//! colours) and carriage returns are removed on the way in, so that a needle is
//! what a person reads.

/// What a wait found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Which of the needles, counted from 0.
    pub which: usize,
    /// The text between the previous match and this one.
    pub before: String,
}

/// The console text so far. A match consumes the text up to its end; the next
/// search starts behind it.
#[derive(Debug, Default)]
pub struct Transcript {
    text: Vec<u8>,
    position: usize,
    escape: Escape,
}

/// Where in an escape sequence the last byte left us.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    Outside,
    /// After ESC.
    Begun,
    /// Inside `ESC [`, up to a final byte from `@` to `~`.
    Control,
    /// Inside `ESC ]` (a window title), up to BEL or ESC.
    System,
    /// After `ESC (` and the like, which take one more byte.
    OneMore,
}

impl Transcript {
    /// Adds what was read, in pieces of any size.
    pub fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.escape = match (self.escape, byte) {
                (_, 0x1b) => Escape::Begun,
                (Escape::Begun, b'[') => Escape::Control,
                (Escape::Begun, b']') => Escape::System,
                (Escape::Begun, b'(' | b')' | b'#') => Escape::OneMore,
                (Escape::Begun | Escape::OneMore, _) => Escape::Outside,
                (Escape::Control, b'@'..=b'~') | (Escape::System, 0x07) => Escape::Outside,
                (inside @ (Escape::Control | Escape::System), _) => inside,
                (Escape::Outside, b'\r' | 0) => Escape::Outside,
                (Escape::Outside, _) => {
                    self.text.push(byte);
                    Escape::Outside
                }
            };
        }
    }

    /// Looks for the needle that comes first in the unread text, and consumes
    /// the text up to its end. Of two that start together the first given wins.
    pub fn take(&mut self, needles: &[&str]) -> Option<Match> {
        let unread = &self.text[self.position..];
        let (at, which) = needles
            .iter()
            .enumerate()
            .filter_map(|(which, needle)| Some((find(unread, needle.as_bytes())?, which)))
            .min()?;
        let before = String::from_utf8_lossy(&unread[..at]).into_owned();
        self.position += at + needles[which].len();
        Some(Match { which, before })
    }

    /// The last lines, read or not: for a person who asks why.
    #[must_use]
    pub fn tail(&self, lines: usize) -> String {
        let text = String::from_utf8_lossy(&self.text);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// Everything said so far, read or not.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len().max(1))
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn heard(bytes: &[u8]) -> Transcript {
        let mut transcript = Transcript::default();
        transcript.push(bytes);
        transcript
    }

    #[test]
    fn a_match_consumes_and_the_next_continues_behind_it() {
        let mut console = heard(b"login: root\r\nlogin: again");
        assert_eq!(console.take(&["login:"]).unwrap().before, "");
        assert_eq!(console.take(&["login:"]).unwrap().before, " root\n");
        assert_eq!(console.take(&["login:"]), None);
        assert_eq!(console.take(&["again"]).unwrap().before, " ");
    }

    #[test]
    fn the_earliest_needle_wins_whatever_its_place_in_the_list() {
        let mut console = heard(b"first FAILED then restored");
        let found = console.take(&["restored", "FAILED"]).unwrap();
        assert_eq!((found.which, found.before.as_str()), (1, "first "));
    }

    #[test]
    fn escape_sequences_vanish_even_when_cut() {
        let mut console = Transcript::default();
        for piece in [
            &b"\x1b[1;32"[..],
            b"mWel\x1b",
            b"[0mcome\x1b(B\x1b]0;title\x07 to\x1b=!",
        ] {
            console.push(piece);
        }
        assert_eq!(console.text(), "Welcome to!");
    }

    #[test]
    fn the_tail_is_counted_in_lines() {
        let console = heard(b"one\r\ntwo\r\nthree\r\n");
        assert_eq!(console.tail(2), "two\nthree");
        assert_eq!(console.tail(200), "one\ntwo\nthree");
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_text(bytes: Vec<u8>, cut in 0usize..64) {
            let mut pieces = Transcript::default();
            let (left, right) = bytes.split_at(cut.min(bytes.len()));
            pieces.push(left);
            pieces.push(right);
            prop_assert_eq!(pieces.text(), heard(&bytes).text());
        }

        #[test]
        fn matches_and_rests_are_the_whole_text(words in "[a-c]{0,40}") {
            let mut console = heard(words.as_bytes());
            let mut rebuilt = String::new();
            while let Some(found) = console.take(&["ab", "c"]) {
                rebuilt += &found.before;
                rebuilt += ["ab", "c"][found.which];
            }
            prop_assert!(words.starts_with(&rebuilt));
            let rest = &words[rebuilt.len()..];
            prop_assert!(!rest.contains("ab") && !rest.contains('c'));
        }
    }
}
