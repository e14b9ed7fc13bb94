//! How large the partitions of a target become.

use super::Grow;
use super::need::Needs;
use super::table::{ALIGN, Row};
use crate::model::{Format, Role};
use crate::size::{align_down, align_up};

/// The size of each row, in whole sectors; `end` is where the last one must end. That
/// all fit was proved before.
pub(super) fn sizes(
    rows: &[Row<'_>],
    needs: &Needs<'_>,
    (end, sector): (u64, u64),
    grow: Grow,
) -> Vec<u64> {
    let fixed = |row: &Row<'_>| {
        let least = needs.least(&row.slot.place);
        if row.extended {
            0
        } else if least == row.partition.size {
            // It may have been made of smaller sectors.
            align_up(least, sector)
        } else {
            align_up(least, ALIGN)
        }
    };
    let mut sizes: Vec<u64> = rows.iter().map(fixed).collect();
    let elastic: Vec<usize> = (0..rows.len())
        .filter(|at| needs.elastic(&rows[*at].slot.place))
        .collect();
    for at in &elastic {
        sizes[*at] = align_up(sizes[*at], ALIGN);
    }
    trim(rows, &mut sizes, end);
    let used = used(rows, &sizes);
    let rest = align_down(end, ALIGN).saturating_sub(used);
    if elastic.is_empty() {
        let growing: Vec<usize> = (0..rows.len())
            .filter(|at| grows(&rows[*at], needs))
            .collect();
        hand_out(&mut sizes, &growing, rest, grow);
    } else {
        stretch(rows, &mut sizes, &elastic, rest);
    }
    sizes
}

/// Where the next partition could begin.
fn used(rows: &[Row<'_>], sizes: &[u64]) -> u64 {
    let sizes = rows.iter().zip(sizes);
    sizes.fold(ALIGN, |start, (row, size)| {
        align_up(start + row.head + size, ALIGN)
    })
}

/// Old tables have borders anywhere; at whole MB their partitions take a little more.
/// The largest gives that up.
fn trim(rows: &[Row<'_>], sizes: &mut [u64], end: u64) {
    let last = sizes.last().copied().unwrap_or(0);
    let real = used(rows, sizes) - (align_up(last, ALIGN) - last);
    let over = real.saturating_sub(end);
    let largest = (0..sizes.len()).max_by_key(|at| sizes[*at]);
    if over == 0 {
        return;
    }
    if let Some(size) = largest.and_then(|at| sizes.get_mut(at)) {
        *size = align_down(size.saturating_sub(over), ALIGN);
    }
}

/// What carries a volume group has its old size, if there is room for all of them,
/// and the last one takes what is left.
fn stretch(rows: &[Row<'_>], sizes: &mut [u64], elastic: &[usize], rest: u64) {
    let missing = |at: usize| {
        let old = align_down(rows[at].partition.size, ALIGN);
        old.saturating_sub(sizes[at])
    };
    let wanted: Vec<u64> = elastic.iter().map(|at| missing(*at)).collect();
    let all: u64 = wanted.iter().sum();
    let mut left = rest;
    for (at, wanted) in elastic.iter().zip(wanted) {
        let more = if all <= rest {
            wanted
        } else {
            align_down(share_of(rest, wanted, all), ALIGN)
        };
        sizes[*at] += more;
        left -= more;
    }
    if let Some(last) = elastic.last() {
        sizes[*last] += left;
    }
}

/// Lets file systems grow that lie in no volume group.
fn hand_out(sizes: &mut [u64], growing: &[usize], rest: u64, grow: Grow) {
    match grow {
        Grow::No => {}
        Grow::Last => {
            if let Some(last) = growing.last() {
                sizes[*last] += rest;
            }
        }
        Grow::Proportional => {
            let all: u64 = growing.iter().map(|at| sizes[*at]).sum();
            for at in growing {
                sizes[*at] += align_down(share_of(rest, sizes[*at], all), ALIGN);
            }
        }
    }
}

/// The part of `all` that `part` is, of `rest`.
pub(super) fn share_of(rest: u64, part: u64, all: u64) -> u64 {
    let share = u128::from(rest) * u128::from(part) / u128::from(all.max(1));
    u64::try_from(share).unwrap_or(rest)
}

/// `/boot`, PReP and swap stay as they are.
fn grows(row: &Row<'_>, needs: &Needs<'_>) -> bool {
    let fs = needs.carries(&row.slot.place);
    row.partition.role != Role::Prep
        && fs.is_some_and(|fs| {
            !matches!(fs.format, Format::Swap(_)) && fs.mount.as_deref() != Some("/boot")
        })
}
