//! When init itself fails: say so and leave a shell. The kernel panics when
//! PID 1 ends, and then nobody can look at anything.

use std::ffi::CStr;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::panic::{PanicHookInfo, set_hook};

use heapless::String;
use lifeboat_sys::child::reset_signals;
use nix::unistd::{execv, pause, sync};

/// The shell becomes PID 1, so it starts another one whenever that ends. What
/// halts the machine by asking PID 1 has nobody to ask now.
const LAST_SHELL: [&CStr; 4] = [
    c"busybox",
    c"sh",
    c"-c",
    c"export PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=vt100
echo 'Maintenance shell. End with \"sync; reboot -f\" or \"sync; poweroff -f\".'
while :; do busybox setsid busybox cttyhack busybox sh -l; busybox sleep 1; done",
];

/// From now on a panic, in whichever thread, ends in the last shell.
pub fn install() {
    set_hook(Box::new(|info| last_resort(info)));
}

fn last_resort(info: &PanicHookInfo<'_>) -> ! {
    let text = report(info);
    for path in ["/dev/kmsg", "/dev/console"] {
        // Whatever fails now, there is nobody left to tell.
        let _ = OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut f| f.write_all(text.as_bytes()));
    }
    sync();
    // The shell must get the signals that we took or ignored.
    let _ = reset_signals();
    let _ = execv(c"/bin/busybox", &LAST_SHELL);
    loop {
        pause();
    }
}

/// The report, without taking memory: that may be what failed.
fn report(info: &impl std::fmt::Display) -> String<900> {
    let mut text = String::new();
    // A report that is too long is cut.
    let _ = write!(text, "\r\n0590-631 init failed: {info}");
    if text.push_str("\r\n").is_err() {
        text.truncate(0);
        let _ = text.push_str("\r\n0590-631 init failed\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_whole_or_short() {
        assert_eq!(report(&"why"), "\r\n0590-631 init failed: why\r\n");
        assert_eq!(report(&"x".repeat(1000)), "\r\n0590-631 init failed: \r\n");
    }
}
