//! What is in use of disks, from `/proc/self/mountinfo` and `/proc/swaps`.

/// The mount points in the order in which they were mounted.
pub fn mount_points(mountinfo: &str) -> Vec<String> {
    mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(unescape)
        .collect()
}

/// Those to unmount, last mounted first: all but the ones `kept`. A mount point
/// that carries several mounts stands there as often.
pub fn to_unmount(mountinfo: &str, kept: &[&str]) -> Vec<String> {
    let mut points = mount_points(mountinfo);
    points.retain(|point| !kept.contains(&&**point));
    points.reverse();
    points
}

/// The files and devices that are swap space, from the lines after the heading.
pub fn swaps(text: &str) -> Vec<String> {
    let first = |line: &str| line.split_ascii_whitespace().next().map(unescape);
    text.lines().skip(1).filter_map(first).collect()
}

/// Blank, tab, newline and backslash are written as three octal digits.
fn unescape(text: &str) -> String {
    let mut pieces = text.split('\\');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let code = piece
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) if code.is_ascii() => {
                plain.push(char::from(code));
                plain.push_str(&piece[3..]);
            }
            _ => {
                plain.push('\\');
                plain.push_str(piece);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &str = "\
1 1 0:2 / / rw - rootfs rootfs rw,size=200000k
21 1 0:5 / /dev rw,nosuid - devtmpfs devtmpfs rw
22 1 0:20 / /proc rw - proc proc rw
30 1 253:0 / /mnt/target rw - ext4 /dev/mapper/rootvg-hd4 rw
31 30 253:1 / /mnt/target/var rw - xfs /dev/mapper/rootvg-hd9var rw
32 30 0:5 / /mnt/target/dev rw,nosuid - devtmpfs devtmpfs rw
33 1 11:0 / /mnt/a\\040CD\\134 ro - iso9660 /dev/sr0 ro
";

    #[test]
    fn what_was_mounted_last_goes_first() {
        assert_eq!(
            to_unmount(MOUNTINFO, &["/", "/dev", "/proc"]),
            [
                "/mnt/a CD\\",
                "/mnt/target/dev",
                "/mnt/target/var",
                "/mnt/target"
            ]
        );
    }

    #[test]
    fn swap_space_is_named_after_the_heading() {
        let text = "\
Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority
/dev/dm-2                               partition\t8384508\t0\t-2
/mnt/a\\040b\t                        file\t8180\t0\t-3
";
        assert_eq!(swaps(text), ["/dev/dm-2", "/mnt/a b"]);
        assert!(swaps("Filename\tType\n").is_empty() && swaps("").is_empty());
    }

    #[test]
    fn escapes_that_are_none_stay() {
        assert_eq!(unescape("a\\04"), "a\\04");
        assert_eq!(unescape("\\377x\\011"), "\\377x\t");
        assert_eq!(unescape("\\"), "\\");
    }
}
