//! How long things may take, in CPU seconds of QEMU: a multiple of what they
//! take, so that only a machine that hangs is given up. No test asserts a time.

use lifeboat_qemu::Patience;

/// Power-on to the first menu.
#[must_use]
pub fn to_menu() -> Patience {
    Patience::cpu_seconds(150)
}

/// From one screen to the next: disks may be looked at, a summary read.
#[must_use]
pub fn screen() -> Patience {
    Patience::cpu_seconds(120)
}

/// Reading a whole backup to prove it complete, before anything is written.
#[must_use]
pub fn proof() -> Patience {
    Patience::cpu_seconds(300)
}

/// From the operator's consent to the verdict.
#[must_use]
pub fn install() -> Patience {
    Patience::cpu_seconds(1500)
}

/// Unmounting and switching off.
#[must_use]
pub fn power_off() -> Patience {
    Patience::cpu_seconds(120)
}

/// Firmware to the first line about a boot device.
#[must_use]
pub fn firmware() -> Patience {
    Patience::cpu_seconds(60)
}

/// Power-on to the login prompt of the restored system, the first boot's work
/// included.
#[must_use]
pub fn to_login() -> Patience {
    Patience::cpu_seconds(400)
}

/// A quick command in the guest.
#[must_use]
pub fn command() -> Patience {
    Patience::cpu_seconds(120)
}

/// A command that reads every file of the guest.
#[must_use]
pub fn whole_system() -> Patience {
    Patience::cpu_seconds(900)
}

/// Writing, checking or packing a backup of the whole guest, in the guest.
#[must_use]
pub fn backup() -> Patience {
    Patience::cpu_seconds(1500)
}
