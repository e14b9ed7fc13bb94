//! Progress of long work as one line: share, amount, rate, time left.

use std::time::Duration;

const MIB: f64 = 1024.0 * 1024.0;

/// One progress line for `done` of `total` bytes after `elapsed`.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "a display of MiB needs no more than 52 bits"
)]
pub fn line(done: u64, total: u64, elapsed: Duration) -> String {
    let share = if total == 0 {
        100.0
    } else {
        done as f64 * 100.0 / total as f64
    };
    let (mib, of) = (done as f64 / MIB, total as f64 / MIB);
    let mut text = format!("{share:5.1} %  {mib:.0} of {of:.0} MiB");
    if let Some(rate) = rate(done, elapsed) {
        let left = (of - mib).max(0.0) / rate;
        text.push_str(&format!(
            "  {rate:.1} MiB/s  {} left",
            clock(Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX))
        ));
    }
    text
}

/// The same where nobody knows how much there is.
#[must_use]
pub fn line_without_total(done: u64, elapsed: Duration) -> String {
    let mut text = format!("{} MiB", done >> 20);
    if let Some(rate) = rate(done, elapsed) {
        text.push_str(&format!("  {rate:.1} MiB/s  {} so far", clock(elapsed)));
    }
    text
}

/// MiB in a second, once there is something to divide.
#[expect(
    clippy::cast_precision_loss,
    reason = "a display of MiB needs no more than 52 bits"
)]
fn rate(done: u64, elapsed: Duration) -> Option<f64> {
    let seconds = elapsed.as_secs_f64();
    (seconds >= 1.0 && done > 0).then(|| done as f64 / MIB / seconds)
}

/// A time as minutes and seconds, `3:07`, from an hour on with hours, `1:03:07`.
#[must_use]
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 {
        return format!("{minutes}:{seconds:02}");
    }
    format!("{hours}:{minutes:02}:{seconds:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1024 * 1024;

    #[test]
    fn the_line_has_share_amount_rate_and_time_left() {
        let text = line(100 * MB, 400 * MB, Duration::from_secs(10));
        assert_eq!(text, " 25.0 %  100 of 400 MiB  10.0 MiB/s  0:30 left");
        let text = line_without_total(100 * MB, Duration::from_secs(100));
        assert_eq!(text, "100 MiB  1.0 MiB/s  1:40 so far");
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        assert_eq!(line(0, 0, Duration::ZERO), "100.0 %  0 of 0 MiB");
        assert_eq!(line(0, 10, Duration::from_secs(5)), "  0.0 %  0 of 0 MiB");
        assert_eq!(line_without_total(0, Duration::from_secs(5)), "0 MiB");
    }

    #[test]
    fn long_times_have_hours() {
        assert_eq!(clock(Duration::from_secs(3787)), "1:03:07");
        let text = line(1, 1 << 60, Duration::from_secs(1));
        assert!(text.chars().count() < 80, "{text}");
    }
}
