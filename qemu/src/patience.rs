//! How long to wait for a machine.
//!
//! Emulation is slow and hosts are shared, so wall time says little about a
//! guest's progress. A wait is therefore given in *CPU seconds of QEMU*: a guest
//! that computes without arriving is given up after that much work, however
//! busy the host. A guest that idles uses no CPU, so wall time is capped too, at
//! four times the same figure. `LIFEBOAT_TIME_FACTOR` stretches both.

use std::sync::OnceLock;
use std::time::Duration;

/// The environment variable that stretches every wait; 1 unless set.
pub const FACTOR_VARIABLE: &str = "LIFEBOAT_TIME_FACTOR";

/// Wall seconds granted for each CPU second.
const WALL_PER_CPU: u32 = 4;

/// A limit on waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Work: user and system time of the whole QEMU process.
    pub cpu: Duration,
    /// Time on the clock.
    pub wall: Duration,
}

impl Patience {
    /// Waits for this much work of QEMU, and four times as long on the clock.
    #[must_use]
    pub fn cpu_seconds(seconds: u64) -> Self {
        Self::scaled(seconds, factor())
    }

    fn scaled(seconds: u64, factor: f64) -> Self {
        let cpu = Duration::from_secs(seconds).mul_f64(factor);
        Self {
            cpu,
            wall: cpu * WALL_PER_CPU,
        }
    }
}

/// The factor from the environment, read once.
fn factor() -> f64 {
    static FACTOR: OnceLock<f64> = OnceLock::new();
    *FACTOR.get_or_init(|| {
        let Ok(text) = std::env::var(FACTOR_VARIABLE) else {
            return 1.0;
        };
        parse_factor(&text).unwrap_or_else(|| {
            log::warn!("{FACTOR_VARIABLE}={text} is not a number from 0.1 to 100; using 1");
            1.0
        })
    })
}

fn parse_factor(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|f| (0.1..=100.0).contains(f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_stretches_work_and_clock() {
        let patience = Patience::scaled(10, 2.5);
        assert_eq!(patience.cpu, Duration::from_secs(25));
        assert_eq!(patience.wall, Duration::from_secs(100));
    }

    #[test]
    fn only_sensible_factors_count() {
        assert_eq!(parse_factor(" 2.5\n"), Some(2.5));
        for bad in ["", "fast", "0", "-1", "NaN", "inf", "1000"] {
            assert_eq!(parse_factor(bad), None, "{bad}");
        }
    }
}
