//! What md arrays hold, by the sizes of their members.

use crate::model::Array;
use crate::size::{MB, align_down};

/// Metadata of 1.1 and 1.2 reserves a share of the member before the data, up to
/// this (mdadm, `super1.c`).
const MOST_HEAD: u64 = 128 * MB;

/// Bytes that an array surely has whose members have `member` bytes at least.
pub(super) fn capacity(array: &Array, member: u64) -> u64 {
    let data = member.saturating_sub(head(array, member));
    let data = align_down(data, array.chunk.max(64 << 10));
    let (width, copies) = shares(array);
    data.saturating_mul(width) / copies
}

/// Bytes that each member must have for an array of `content` bytes.
pub(super) fn member_for(array: &Array, content: u64) -> u64 {
    let (width, copies) = shares(array);
    let data = content.saturating_mul(copies).div_ceil(width);
    let data = data.saturating_add(array.chunk.max(64 << 10));
    // The head of a somewhat larger member is that of this one or larger.
    data.saturating_add(head(array, data.saturating_add(data / 1000)))
        .saturating_add(MB)
}

/// How many members' room the data takes, and how often each byte is kept.
fn shares(array: &Array) -> (u64, u64) {
    let members = (array.members.len() as u64).max(1);
    match array.level.as_str() {
        "raid0" | "linear" => (members, 1),
        "raid4" | "raid5" => (members.saturating_sub(1).max(1), 1),
        "raid6" => (members.saturating_sub(2).max(1), 1),
        // n2, f2, o3: the digit says how many copies there are.
        "raid10" => (members, copies(array)),
        _ => (1, 1),
    }
}

fn copies(array: &Array) -> u64 {
    let digit = array.layout.as_deref().and_then(|l| l.chars().last());
    digit
        .and_then(|d| d.to_digit(10))
        .map_or(2, u64::from)
        .max(1)
}

/// Bytes of a member that are not data.
fn head(array: &Array, member: u64) -> u64 {
    if !["1.1", "1.2"].contains(&array.metadata.as_str()) {
        // Superblock and bitmap at the end.
        return 256 << 10;
    }
    let mut reserve = MOST_HEAD;
    while reserve << 10 > member && reserve > 4 * array.chunk {
        reserve /= 2;
    }
    // Superblock and bitmap, then up to a whole MB.
    crate::size::align_up(reserve + (140 << 10), MB)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(level: &str, members: u32, layout: Option<&str>) -> Array {
        let place = |number| crate::model::Place::Partition {
            disk: "hdisk0".to_owned(),
            number,
        };
        Array {
            name: "x".to_owned(),
            level: level.to_owned(),
            metadata: "1.2".to_owned(),
            uuid: None,
            label: None,
            size: 0,
            width: members,
            members: (1..=members).map(place).collect(),
            spares: Vec::new(),
            chunk: 0,
            layout: layout.map(str::to_owned),
            bitmap: None,
        }
    }

    #[test]
    fn levels_hold_what_they_promise() {
        for (level, members, layout, mb) in [
            ("raid1", 2, None, 1022),
            ("raid0", 2, None, 2044),
            ("raid5", 3, None, 2044),
            ("raid6", 4, None, 2044),
            ("raid10", 4, Some("n2"), 2044),
            ("raid10", 3, Some("f3"), 1022),
        ] {
            let array = array(level, members, layout);
            assert_eq!(capacity(&array, 1024 * MB) / MB, mb, "{level}");
        }
    }

    #[test]
    fn a_member_for_a_content_holds_it() {
        for (level, members) in [("raid1", 2), ("raid5", 3), ("raid10", 4)] {
            let array = array(level, members, Some("n2"));
            for content in [MB, 100 * MB, 7 << 30, 3 << 40] {
                let member = member_for(&array, content);
                assert!(capacity(&array, member) >= content, "{level} {content}");
            }
        }
    }
}
