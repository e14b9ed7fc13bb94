//! What a system must bring with it so that its own tools can make it boot. Asked
//! of a list of paths, so that a backup can be looked through before a disk is
//! written. GRUB is not among it: Lifeboat has a core of its own.

/// What is needed, and the beginnings of paths of which one must be there.
const NEEDS: [(&str, &[&str]); 2] = [
    (
        "a kernel (/boot/vmlinu?-*)",
        &["boot/vmlinux-", "boot/vmlinuz-"],
    ),
    (
        "update-initramfs or dracut",
        &[
            "usr/sbin/update-initramfs",
            "usr/bin/dracut",
            "usr/sbin/dracut",
            "sbin/dracut",
        ],
    ),
];

/// The things that none of the paths is. Paths are relative to the root,
/// without a leading `./`.
pub fn missing<'a>(paths: impl Iterator<Item = &'a [u8]>) -> Vec<&'static str> {
    let mut missing = NEEDS.to_vec();
    for path in paths {
        missing
            .retain(|(_, beginnings)| !beginnings.iter().any(|b| path.starts_with(b.as_bytes())));
    }
    missing.into_iter().map(|(what, _)| what).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: [&str; 2] = ["boot/vmlinux-6.12", "usr/sbin/update-initramfs"];

    #[test]
    fn each_thing_is_missed() {
        assert!(missing(WHOLE.iter().map(|path| path.as_bytes())).is_empty());
        for left_out in WHOLE {
            let rest = WHOLE.iter().filter(|path| **path != left_out);
            assert_eq!(
                missing(rest.map(|path| path.as_bytes())).len(),
                1,
                "{left_out}"
            );
        }
    }
}
