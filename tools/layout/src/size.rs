//! Sizes are bytes everywhere; people read MB, which as on AIX are 2^20 bytes.

/// One MB.
pub const MB: u64 = 1 << 20;

/// The next multiple of `step` at or above `bytes`.
#[must_use]
pub fn align_up(bytes: u64, step: u64) -> u64 {
    bytes.div_ceil(step) * step
}

/// The next multiple of `step` at or below `bytes`.
#[must_use]
pub fn align_down(bytes: u64, step: u64) -> u64 {
    bytes / step * step
}

/// MB, rounded up: for what is needed.
#[must_use]
pub fn mb_needed(bytes: u64) -> u64 {
    bytes.div_ceil(MB)
}

/// MB, rounded down: for what is there.
#[must_use]
pub fn mb(bytes: u64) -> u64 {
    bytes / MB
}
