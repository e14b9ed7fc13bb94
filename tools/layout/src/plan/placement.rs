//! Where exactly a logical volume lies.

use serde::Serialize;

/// Extents that lie one after the other: those of a linear volume on one physical
/// volume, those of a striped one in turns on several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Where each stripe begins; one for a linear volume.
    pub areas: Vec<Area>,
    /// Extents of each of them.
    pub extents: u64,
}

/// A place on a physical volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Area {
    /// Node of the physical volume.
    pub device: String,
    /// Its first extent, from 0.
    pub first: u64,
}

impl Run {
    /// Extents of the logical volume that lie here.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.extents * self.areas.len() as u64
    }

    /// As LVM writes it: `/dev/vda3:0-99`, one for each stripe.
    #[must_use]
    pub fn ranges(&self) -> Vec<String> {
        let range = |area: &Area| {
            let last = area.first + self.extents.saturating_sub(1);
            format!("{}:{}-{last}", area.device, area.first)
        };
        self.areas.iter().map(range).collect()
    }

    /// Reads what LVM writes of a segment.
    pub(crate) fn parse<'a>(ranges: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut areas = Vec::new();
        let mut extents = None;
        for range in ranges {
            let (device, numbers) = range.rsplit_once(':')?;
            let (first, last) = numbers.split_once('-')?;
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            let length = last.checked_sub(first)? + 1;
            if *extents.get_or_insert(length) != length {
                return None;
            }
            areas.push(Area {
                device: device.to_owned(),
                first,
            });
        }
        Some(Self {
            areas,
            extents: extents?,
        })
    }

    fn continues(&self, areas: &[Area]) -> bool {
        let next = |(ours, theirs): (&Area, &Area)| {
            ours.device == theirs.device && ours.first + self.extents == theirs.first
        };
        self.areas.len() == areas.len() && self.areas.iter().zip(areas).all(next)
    }
}

/// As few runs as these make.
pub(crate) fn joined(runs: impl IntoIterator<Item = Run>) -> Vec<Run> {
    let mut all: Vec<Run> = Vec::new();
    for run in runs {
        match all.last_mut() {
            Some(last) if last.continues(&run.areas) => last.extents += run.extents,
            _ => all.push(run),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Run> {
        Run::parse(text.split_whitespace())
    }

    #[test]
    fn what_lvm_writes_is_read_and_written() {
        for text in ["/dev/vda3:0-99", "/dev/vda3:4-13 /dev/md/b:0-9"] {
            assert_eq!(read(text).unwrap().ranges().join(" "), text);
        }
        assert_eq!(read("/dev/vda3:4-13 /dev/vdb1:0-9").unwrap().total(), 20);
        for text in ["", "/dev/vda3", "/dev/vda3:5-4", "a:0-9 b:0-8", "a:0"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn neighbours_are_joined() {
        let runs = ["a:0-4", "a:5-9", "b:10-10", "b:10-10", "a:10-12 b:3-5"];
        let runs = joined(runs.iter().filter_map(|text| read(text)));
        let seen: Vec<_> = runs.iter().map(|run| run.ranges().join(" ")).collect();
        assert_eq!(seen, ["a:0-9", "b:10-10", "b:10-10", "a:10-12 b:3-5"]);
    }
}
