//! Times between the moments that a machine's marks name.

use std::time::Duration;

use anyhow::{Context, Result};
use lifeboat_qemu::Mark;

/// CPU and wall time from one mark (power-on if `None`) to another.
///
/// # Errors
/// When a mark is missing.
pub fn span(marks: &[Mark], from: Option<&str>, to: &str) -> Result<(Duration, Duration)> {
    let find = |name: &str| {
        let mark = marks.iter().find(|mark| mark.name == name);
        mark.with_context(|| format!("the machine never came to {name:?}"))
    };
    let (cpu, wall) = match from {
        Some(name) => find(name).map(|mark| (mark.cpu, mark.wall))?,
        None => (Duration::ZERO, Duration::ZERO),
    };
    let end = find(to)?;
    Ok((end.cpu.saturating_sub(cpu), end.wall.saturating_sub(wall)))
}

/// The middle value; of an even number the lower of the two.
#[must_use]
pub fn median(mut values: Vec<Duration>) -> Option<Duration> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(name: &str, cpu: u64, wall: u64) -> Mark {
        Mark {
            name: name.to_owned(),
            cpu: Duration::from_secs(cpu),
            wall: Duration::from_secs(wall),
        }
    }

    #[test]
    fn a_span_is_from_mark_to_mark_or_from_power_on() {
        let marks = [mark("menu", 12, 20), mark("verdict", 112, 180)];
        let seconds = |(cpu, wall): (Duration, Duration)| (cpu.as_secs(), wall.as_secs());
        assert_eq!(seconds(span(&marks, None, "menu").unwrap()), (12, 20));
        assert_eq!(
            seconds(span(&marks, Some("menu"), "verdict").unwrap()),
            (100, 160)
        );
        assert!(span(&marks, None, "login").is_err());
    }

    #[test]
    fn the_median_is_a_value_that_was_measured() {
        let seconds = |list: &[u64]| list.iter().map(|s| Duration::from_secs(*s)).collect();
        assert_eq!(median(seconds(&[9, 1, 5])), Some(Duration::from_secs(5)));
        assert_eq!(median(seconds(&[4, 1, 3, 2])), Some(Duration::from_secs(2)));
        assert_eq!(median(Vec::new()), None);
    }
}
