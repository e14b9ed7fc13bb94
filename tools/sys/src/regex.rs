//! Regular expressions as `grep` has them: POSIX basic ones with GNU's additions,
//! by the C library, over bytes. No locale is ever set, so it is always `C`: every
//! byte is a character.

use std::ffi::{CStr, CString, c_char};
use std::fmt;
use std::mem::MaybeUninit;

/// Why an expression is none: the C library's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RegexError(String);

/// A basic regular expression, compiled.
pub struct Basic {
    // In a box it stays where the C library made it.
    compiled: Box<libc::regex_t>,
    pattern: Vec<u8>,
}

// SAFETY: after regcomp the value is only read and freed; glibc's regexec takes the
// lock that is inside it for what it caches there.
#[expect(unsafe_code, reason = "regex_t has raw pointers")]
unsafe impl Send for Basic {}
// SAFETY: as above: POSIX asks that regexec may run on one regex_t in many threads.
#[expect(unsafe_code, reason = "regex_t has raw pointers")]
unsafe impl Sync for Basic {}

impl Basic {
    /// Compiles an expression.
    ///
    /// # Errors
    /// [`RegexError`] for what is no basic regular expression, and for one with a NUL.
    pub fn new(pattern: &[u8]) -> Result<Self, RegexError> {
        let text = CString::new(pattern).map_err(|_| RegexError("it has a NUL byte".to_owned()))?;
        let mut compiled = Box::new(MaybeUninit::<libc::regex_t>::zeroed());
        // SAFETY: `compiled` is writable memory for a regex_t, `text` ends in NUL.
        #[expect(unsafe_code, reason = "nix lacks regcomp")]
        let result =
            unsafe { libc::regcomp(compiled.as_mut_ptr(), text.as_ptr(), libc::REG_NOSUB) };
        if result != 0 {
            return Err(RegexError(message(result, compiled.as_ptr())));
        }
        // SAFETY: regcomp has succeeded, so the value is initialised.
        #[expect(unsafe_code, reason = "nix lacks regcomp")]
        let compiled = unsafe { compiled.assume_init() };
        Ok(Self {
            compiled,
            pattern: pattern.to_owned(),
        })
    }

    /// Whether the expression matches anywhere in these bytes, which are one line
    /// whatever is in them.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        let Ok(end) = libc::regoff_t::try_from(bytes.len()) else {
            return false;
        };
        let mut range = libc::regmatch_t {
            rm_so: 0,
            rm_eo: end,
        };
        // SAFETY: with REG_STARTEND the text is the `end` bytes from its beginning,
        // all of which are readable; no NUL is looked for. REG_NOSUB was given, so
        // nothing is written to `range`, which is one regmatch_t long in any case.
        #[expect(unsafe_code, reason = "nix lacks regexec")]
        let result = unsafe {
            libc::regexec(
                &raw const *self.compiled,
                bytes.as_ptr().cast::<c_char>(),
                1,
                &raw mut range,
                libc::REG_STARTEND,
            )
        };
        result == 0
    }

    /// The expression as it was given.
    #[must_use]
    pub fn pattern(&self) -> &[u8] {
        &self.pattern
    }
}

impl Drop for Basic {
    fn drop(&mut self) {
        // SAFETY: regcomp has filled the value, and nothing uses it afterwards.
        #[expect(unsafe_code, reason = "nix lacks regfree")]
        unsafe {
            libc::regfree(&raw mut *self.compiled);
        }
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Basic({:?})", String::from_utf8_lossy(&self.pattern))
    }
}

/// The C library's words for what regcomp returned.
fn message(code: i32, compiled: *const libc::regex_t) -> String {
    let mut buffer = [0_u8; 128];
    // SAFETY: regerror writes at most the given length, with a NUL at its end;
    // glibc does not look at the expression.
    #[expect(unsafe_code, reason = "nix lacks regerror")]
    unsafe {
        libc::regerror(code, compiled, buffer.as_mut_ptr().cast(), buffer.len());
    }
    CStr::from_bytes_until_nul(&buffer).map_or_else(
        |_| format!("regcomp failed ({code})"),
        |text| text.to_string_lossy().into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Basic::new(pattern.as_bytes())
            .unwrap()
            .matches(text.as_bytes())
    }

    #[test]
    fn basic_expressions_are_those_of_grep() {
        assert!(matches(r"^\./tmp/", "./tmp/x") && !matches(r"^\./tmp/", "./a/./tmp/x"));
        assert!(matches("/scratch/", "./a/scratch/b") && !matches("/scratch/", "./a/scratch"));
        assert!(matches("^./tmp/", "_/tmp/") && matches(r"\.o$", "./x.o"));
        // `+` and `|` are letters unless a backslash makes them GNU's operators.
        assert!(matches("a+b", "a+b") && !matches("a+b", "aab") && matches(r"a\+b", "aab"));
        assert!(matches(r"^\(a\|b\)*\1$", "abb") && matches("^[[:digit:]]$", "7"));
    }

    #[test]
    fn every_byte_is_a_character() {
        let dot = Basic::new(b"^.$").unwrap();
        assert!((1..=255_u8).all(|byte| dot.matches(&[byte])));
        assert!(Basic::new(b"\xff\n").unwrap().matches(b"./\xff\n"));
        assert!(!Basic::new(b"^b").unwrap().matches(b"a\nb"));
    }

    #[test]
    fn what_is_no_expression_is_refused_with_a_reason() {
        let said = |pattern: &[u8]| Basic::new(pattern).unwrap_err().to_string();
        assert_eq!(said(b"\\(a"), "Unmatched ( or \\(");
        assert_eq!(said(b"a\0b"), "it has a NUL byte");
        assert!(said(b"[a").starts_with("Unmatched ["));
    }
}
