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
    let seconds = elapsed.as_secs_f64();
    let mut text = format!("{share:5.1} %  {mib:.0} of {of:.0} MiB");
    if seconds >= 1.0 && done > 0 {
        let left = seconds * (total.saturating_sub(done)) as f64 / done as f64;
        text.push_str(&format!(
            "  {:.1} MiB/s  {} left",
            mib / seconds,
            clock(Duration::from_secs_f64(left))
        ));
    }
    text
}

/// What can be said of `done` bytes when nobody knows how many there are.
#[must_use]
pub fn amount(done: u64) -> String {
    format!("{} MiB", done >> 20)
}

/// A time as minutes and seconds, `3:07`.
#[must_use]
pub fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_share_amount_rate_and_time_left() {
        let mib = 1024 * 1024;
        let text = line(100 * mib, 400 * mib, Duration::from_secs(10));
        assert_eq!(text, " 25.0 %  100 of 400 MiB  10.0 MiB/s  0:30 left");
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        assert_eq!(line(0, 0, Duration::ZERO), "100.0 %  0 of 0 MiB");
        assert_eq!(line(0, 10, Duration::from_secs(5)), "  0.0 %  0 of 0 MiB");
    }
}
