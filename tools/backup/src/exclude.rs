//! Exclude files: one pattern a line, as `grep` has them, against names that begin
//! with `./`.
//!
//! `/scratch/` matches what is in any directory called scratch, `^\./tmp/` what is
//! in the top one called tmp, and leaves the directory itself in the backup, because
//! its own name has no slash at its end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use lifeboat_sys::fs::{FsError, read};
use lifeboat_sys::regex::{Basic, RegexError};

/// An exclude file that cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum ExcludeError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] FsError),
    /// A line without anything on it, which matches every name.
    #[error(
        "0590-342 {}, line {line}: the line is empty; as a pattern it would match every file and empty the backup", path.display()
    )]
    Empty {
        /// The exclude file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A line that is no basic regular expression.
    #[error("0590-343 {}, line {line}: this is no pattern", path.display())]
    Pattern {
        /// The exclude file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        #[source]
        source: RegexError,
    },
    /// A line that matches whatever a file is called.
    #[error(
        "0590-344 {}, line {line}: the pattern matches every file and would empty the backup", path.display()
    )]
    Everything {
        /// The exclude file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A line that ends in a carriage return, and so matches nothing.
    #[error(
        "0590-345 {}, line {line}: the line ends in a carriage return, which would belong to the pattern", path.display()
    )]
    CarriageReturn {
        /// The exclude file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

/// Names that have nothing in common but how every name begins: what matches both
/// matches everything.
const ANYTHING: [&[u8]; 2] = [b"./\x01", b"./x/\xfe"];

/// The patterns of an exclude file, with what they have matched.
#[derive(Debug)]
pub struct Patterns {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    number: usize,
    regex: Basic,
    files: AtomicU64,
    bytes: AtomicU64,
}

/// What one pattern has matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Its line in the exclude file, from 1.
    pub line: usize,
    /// The pattern.
    pub pattern: Vec<u8>,
    /// Files.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl Patterns {
    /// Reads an exclude file.
    ///
    /// # Errors
    /// [`ExcludeError`] with the line that cannot be followed.
    pub fn read(path: &Path) -> Result<Self, ExcludeError> {
        Self::parse(path, &read(path)?)
    }

    /// Reads the text of the exclude file `path`.
    ///
    /// # Errors
    /// [`ExcludeError`] with the line that cannot be followed.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, ExcludeError> {
        let mut lines = Vec::new();
        for (index, pattern) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let pattern = pattern.strip_suffix(b"\n").unwrap_or(pattern);
            let (path, line) = (path.to_owned(), index + 1);
            if pattern.trim_ascii().is_empty() {
                return Err(ExcludeError::Empty { path, line });
            }
            if pattern.ends_with(b"\r") {
                return Err(ExcludeError::CarriageReturn { path, line });
            }
            let regex = match Basic::new(pattern) {
                Ok(regex) => regex,
                Err(source) => return Err(ExcludeError::Pattern { path, line, source }),
            };
            if ANYTHING.iter().all(|name| regex.matches(name)) {
                return Err(ExcludeError::Everything { path, line });
            }
            lines.push(Line {
                number: line,
                regex,
                files: AtomicU64::new(0),
                bytes: AtomicU64::new(0),
            });
        }
        Ok(Self { lines })
    }

    /// Whether any pattern matches this name, `./…` without a slash at its end.
    #[must_use]
    pub fn match_name(&self, name: &[u8]) -> bool {
        self.lines.iter().any(|line| line.regex.matches(name))
    }

    /// The same, counting a file of so many bytes for each pattern that matches it.
    #[must_use]
    pub fn count(&self, name: &[u8], bytes: u64) -> bool {
        let mut any = false;
        for line in self.lines.iter().filter(|line| line.regex.matches(name)) {
            line.files.fetch_add(1, Ordering::Relaxed);
            line.bytes.fetch_add(bytes, Ordering::Relaxed);
            any = true;
        }
        any
    }

    /// What [`count`](Self::count) has counted, in the order of the lines. A file
    /// that several patterns match counts for each of them.
    #[must_use]
    pub fn matched(&self) -> Vec<Matched> {
        let matched = |line: &Line| Matched {
            line: line.number,
            pattern: line.regex.pattern().to_owned(),
            files: line.files.load(Ordering::Relaxed),
            bytes: line.bytes.load(Ordering::Relaxed),
        };
        self.lines.iter().map(matched).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_sys::run::Tool;
    use proptest::prelude::*;

    fn parse(text: &[u8]) -> Result<Patterns, ExcludeError> {
        Patterns::parse(Path::new("/etc/exclude.rootvg"), text)
    }

    fn said(text: &[u8]) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn aixs_examples_mean_what_they_mean_there() {
        let patterns = parse(b"/scratch/\n^./tmp/\n^./junk$\n").unwrap();
        for name in ["./scratch/a", "./home/scratch/a/b", "./tmp/x", "./junk"] {
            assert!(patterns.match_name(name.as_bytes()), "{name}");
        }
        for name in ["./scratch", "./home/tmp/x", "./tmp", "./junk/x", "./ajunk"] {
            assert!(!patterns.match_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_pattern_that_would_empty_the_backup_is_refused() {
        assert_eq!(
            said(b"^./tmp/\n\n/x/\n"),
            "0590-342 /etc/exclude.rootvg, line 2: the line is empty; \
             as a pattern it would match every file and empty the backup"
        );
        assert!(said(b"\n").starts_with("0590-342"));
        assert!(said(b"/x/\n \t\n").contains("line 2"));
        for all in [".", ".*", "^", "$", "./", "^\\./", "x*", "^\\.\\{1,\\}"] {
            assert!(said(all.as_bytes()).starts_with("0590-344"), "{all}");
        }
    }

    #[test]
    fn what_cannot_be_a_pattern_is_refused_with_its_line() {
        let error = parse(b"/x/\n[a\n").unwrap_err();
        assert_eq!(
            lifeboat_sys::error::chain(&error),
            "0590-343 /etc/exclude.rootvg, line 2: this is no pattern: \
             Unmatched [, [^, [:, [., or [="
        );
        assert!(said(b"/x/\r\n").starts_with("0590-345"));
    }

    #[test]
    fn an_empty_file_leaves_nothing_out() {
        assert!(!parse(b"").unwrap().match_name(b"./x"));
    }

    #[test]
    fn a_last_line_without_its_end_counts() {
        assert!(parse(b"/x/\n/y/").unwrap().match_name(b"./y/1"));
    }

    #[test]
    fn each_pattern_counts_what_it_matches() {
        let patterns = parse(b"/a/\n/b/\n/c/\n").unwrap();
        assert!(patterns.count(b"./a/b/1", 10));
        assert!(patterns.count(b"./b/1", 5));
        assert!(!patterns.count(b"./x", 99));
        let matched = patterns.matched();
        let counts: Vec<_> = matched.iter().map(|m| (m.line, m.files, m.bytes)).collect();
        assert_eq!(counts, [(1, 1, 10), (2, 2, 15), (3, 0, 0)]);
        assert_eq!(matched[1].pattern, b"/b/");
    }

    /// Which of the names the real grep matches; `None` if it refuses the pattern.
    fn grep(pattern: &[u8], names: &[Vec<u8>]) -> Option<Vec<bool>> {
        let mut text = Vec::new();
        for name in names {
            text.extend_from_slice(name);
            text.push(b'\n');
        }
        use std::os::unix::ffi::OsStrExt;
        let tool = Tool::new("grep").args(["-a", "-n", "-G", "-e"]);
        let tool = tool.arg(std::ffi::OsStr::from_bytes(pattern)).stdin(text);
        let (status, output) = tool.status().unwrap();
        if status.code() == Some(2) {
            return None;
        }
        let mut matched = vec![false; names.len()];
        for line in output.stdout.split(|&byte| byte == b'\n') {
            let number = line.split(|&byte| byte == b':').next().unwrap();
            if let Ok(number) = String::from_utf8_lossy(number).parse::<usize>() {
                matched[number - 1] = true;
            }
        }
        Some(matched)
    }

    fn names() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let byte = prop_oneof![
            4 => prop::sample::select(b"abc/.*[]\\^$+- ".to_vec()),
            1 => (1..=255_u8).prop_filter("a line end", |byte| *byte != b'\n'),
        ];
        let name = prop::collection::vec(byte, 0..8).prop_map(|tail| [b"./", &tail[..]].concat());
        prop::collection::vec(name, 1..12)
    }

    /// Without what the two see differently: `\b` and its like repeated, and `$`
    /// before a `|`, where this version of grep takes it for an anchor.
    fn pattern() -> impl Strategy<Value = Vec<u8>> {
        let pieces = [
            "a",
            "b",
            "c",
            "/",
            "./",
            ".",
            "\\.",
            "*",
            ".*",
            "^",
            "[ab]",
            "[^a/]",
            "[]c]",
            "[a-c]",
            "[[:alpha:]]",
            "\\(",
            "\\)",
            "\\{1,2\\}",
            "\\{0\\}",
            "\\+",
            "\\?",
            "\\|",
            "\\1",
            "+",
            "?",
            "|",
            "{",
            "\\\\",
            "\\w",
            "\\$",
            "-",
            " ",
        ];
        let piece = prop::sample::select(pieces.to_vec());
        (prop::collection::vec(piece, 1..6), any::<bool>()).prop_map(|(pieces, end)| {
            let end = if end { "$" } else { "" };
            format!("{}{end}", pieces.concat()).into_bytes()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn patterns_match_what_grep_matches(names in names(), pattern in pattern()) {
            // Refusing more than grep does is allowed: the operator is told.
            if let (Ok(regex), Some(expected)) = (Basic::new(&pattern), grep(&pattern, &names)) {
                let found: Vec<_> = names.iter().map(|name| regex.matches(name)).collect();
                prop_assert_eq!(found, expected, "{}", String::from_utf8_lossy(&pattern));
            }
        }
    }
}
