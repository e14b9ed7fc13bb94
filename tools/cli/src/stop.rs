//! Signals that end a long command: it cleans up and says so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use anyhow::{Context, Result};
use lifeboat_sys::fs::attribute;
use nix::sys::signal::{SigSet, Signal};

/// What a second signal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Nothing: the command is about to end.
    IsPatient,
    /// The process ends, for what it waits for may never come.
    EndsAtOnce,
}

/// A flag that SIGINT, SIGTERM and SIGHUP set from now on, unless whoever started us
/// had them ignored (`nohup`). To be called before other threads are started; later
/// calls hand out the first one's flag.
///
/// A file that becomes longer than `ulimit -f` allows is an error from now on, not a
/// signal.
pub fn on_signals(again: Again) -> Result<Arc<AtomicBool>> {
    static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(stop) = STOP.get() {
        return Ok(Arc::clone(stop));
    }
    let ignored = ignored();
    let ends = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
    let ends: SigSet = ends
        .into_iter()
        .filter(|signal| ignored & (1 << (*signal as u32 - 1)) == 0)
        .collect();
    let mut blocked = ends;
    blocked.add(Signal::SIGXFSZ);
    blocked.thread_block().context("blocking signals")?;
    let stop = Arc::clone(STOP.get_or_init(Arc::default));
    let flag = Arc::clone(&stop);
    // Ends with the process.
    thread::spawn(move || {
        while ends.wait().is_ok() {
            let was_set = flag.swap(true, Ordering::Relaxed);
            if was_set && again == Again::EndsAtOnce {
                std::process::exit(1);
            }
        }
    });
    Ok(stop)
}

/// The signals that this process was told to ignore, a bit for each.
fn ignored() -> u64 {
    mask(&attribute("/proc/self/status").unwrap_or_default())
}

fn mask(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_what_is_ignored() {
        assert_eq!(mask("Name:\tx\nSigIgn:\t0000000000001001\n"), 0x1001);
        assert_eq!(mask(""), 0);
    }
}
