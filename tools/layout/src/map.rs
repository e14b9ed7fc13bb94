//! Map files: which physical partitions a logical volume has. A line, `hdisk0:17`, is
//! the 17th physical partition of the physical volume on hdisk0, counted from 1; all
//! lines of the first copy come first.

/// A physical partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapLine {
    /// What its physical volume lies on: `hdisk0`, `md:data`.
    pub on: String,
    /// Its number, from 0.
    pub number: u64,
}

/// Why a map cannot be followed: words that stand after "because".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// It is not in the backup, or not where it can be read in advance.
    #[error("{0} cannot be read before the restore")]
    NotThere(String),
    /// No name and number.
    #[error("line {line}, \"{text}\", is no name of a disk, a colon and a number from 1 on")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// Another number of lines than the volume has physical partitions.
    #[error("it has {present} lines where the volume has {wanted} physical partitions")]
    Count {
        /// Lines.
        present: usize,
        /// Physical partitions.
        wanted: u64,
    },
    /// No physical volume of the new group is meant.
    #[error("the volume group will have no physical volume in the place of {0}")]
    Unknown(String),
    /// Several are meant.
    #[error("the volume group has several physical volumes on {0}")]
    Several(String),
    /// The new physical volume is too small.
    #[error(
        "it needs physical partition {number} of {on}, and {device} in its place has {present}"
    )]
    Beyond {
        /// The name in the map.
        on: String,
        /// The physical partition, from 1.
        number: u64,
        /// The new physical volume.
        device: String,
        /// Its physical partitions.
        present: u64,
    },
    /// Two volumes cannot have one physical partition, nor one volume twice.
    #[error("physical partition {number} of {device} is taken by {other} already")]
    Taken {
        /// The new physical volume.
        device: String,
        /// The physical partition, from 1.
        number: u64,
        /// The logical volume that has it.
        other: String,
    },
    /// LVM makes stripes only that stay each on one disk of its own.
    #[error("its stripes do not lie each on one disk of its own")]
    Stripes,
}

/// Reads the lines of a map file. Blank ones are passed over.
///
/// # Errors
/// [`MapError::Line`].
pub fn parse(text: &str) -> Result<Vec<MapLine>, MapError> {
    let lines = (1..).zip(text.lines());
    lines
        .filter(|(_, text)| !text.trim().is_empty())
        .map(|(line, text)| {
            parse_line(text.trim()).ok_or_else(|| MapError::Line {
                line,
                text: text.trim().chars().take(40).collect(),
            })
        })
        .collect()
}

fn parse_line(text: &str) -> Option<MapLine> {
    // Names have colons too: `md:data:17`.
    let (on, number) = text.rsplit_once(':')?;
    let number: u64 = number.parse().ok()?;
    let number = number.checked_sub(1)?;
    (!on.is_empty()).then(|| MapLine {
        on: on.to_owned(),
        number,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_names_and_numbers() {
        let lines = parse("hdisk0:1\r\n\nmd:data:17\n").unwrap();
        let seen: Vec<_> = lines.iter().map(|l| (l.on.as_str(), l.number)).collect();
        assert_eq!(seen, [("hdisk0", 0), ("md:data", 16)]);
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_line_is_told_with_its_number() {
        for bad in ["hdisk0", "hdisk0:0", "hdisk0:-1", ":1", "hdisk0:1x"] {
            let error = parse(&format!("hdisk0:1\n{bad}\n")).unwrap_err();
            let text = bad.to_owned();
            assert_eq!(error, MapError::Line { line: 2, text });
        }
    }
}
