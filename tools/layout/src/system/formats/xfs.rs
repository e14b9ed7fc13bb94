//! XFS: `xfs_info`, and the label from the superblock.

use super::Made;
use crate::model::{Format, Xfs};
use crate::signature::identify;

/// What is a size, a place or a count and no feature.
const SIZES: &[&str] = &[
    "isize",
    "agcount",
    "agsize",
    "blocks",
    "sunit",
    "swidth",
    "extsz",
    "rtextents",
    "rgcount",
    "rgsize",
    "start",
    "reserved",
];

/// Reads what `xfs_info` prints, UUID and label from the first bytes.
pub(in crate::system) fn xfs(text: &str, head: &[u8]) -> Option<Made> {
    let mut section = String::new();
    let mut features: Vec<(String, u32)> = Vec::new();
    let (mut block, mut blocks, mut inode) = (None, None, None);
    for line in text.lines() {
        let (head, fields) = line.split_once('=')?;
        if !head.trim().is_empty() {
            head.trim().clone_into(&mut section);
            // "data" has nothing of its own there, the others a name or a kind.
            if outside(&section, fields) {
                features.push((format!("{section}-device"), 1));
            }
        }
        // "sunit=0      swidth=0 blks" and "attr=2, projid32bit=1" alike.
        for word in fields.split([' ', ',']).filter(|word| !word.is_empty()) {
            let Some((key, value)) = word.split_once('=') else {
                continue;
            };
            let Ok(value) = value.parse::<u64>() else {
                continue;
            };
            let feature = match (section.as_str(), key) {
                ("meta-data", "isize") => {
                    inode = u32::try_from(value).ok();
                    continue;
                }
                ("data", "bsize") => {
                    block = u32::try_from(value).ok();
                    continue;
                }
                ("data", "blocks") => {
                    blocks = Some(value);
                    continue;
                }
                ("naming", "bsize") => "dirbsize",
                ("log", "lazy-count") => key,
                ("log", "version") if value != 2 => "log-version",
                ("realtime", "zoned" | "rtgroups") if value > 0 => key,
                ("log" | "realtime", _) | ("naming", "version") => continue,
                _ if SIZES.contains(&key) => continue,
                // What xfs_info 4 called it.
                (_, "spinodes") => "sparse",
                _ => key,
            };
            features.push((feature.to_owned(), u32::try_from(value).ok()?));
        }
    }
    let block = block?;
    Some(Made {
        size: u64::from(block).checked_mul(blocks?)?,
        uuid: identify(head, &[]).uuid?,
        label: label(head),
        used: None,
        files: None,
        format: Format::Xfs(Xfs {
            features,
            block,
            inode: inode?,
        }),
    })
}

/// Whether a part of the file system lies on a device of its own.
fn outside(section: &str, fields: &str) -> bool {
    match section {
        "log" => !fields.starts_with("internal"),
        "realtime" => !fields.starts_with("none"),
        _ => false,
    }
}

/// The label in a superblock.
fn label(head: &[u8]) -> Option<String> {
    let field = head.get(108..120)?;
    let end = field
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(field.len());
    let label = String::from_utf8_lossy(&field[..end]).into_owned();
    (!label.is_empty()).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As printed by xfs_info 6.13.
    const DEMO: &str = include_str!("../../../tests/recorded/xfs_info-6.13.txt");

    /// As printed by xfs_info 4.5 of RHEL 7.
    const OLD: &str = include_str!("../../../tests/recorded/xfs_info-4.5.txt");

    fn read(text: &str) -> (Xfs, u64) {
        let mut head = vec![0; 512];
        head[..4].copy_from_slice(b"XFSB");
        let made = xfs(text, &head).unwrap();
        match made.format {
            Format::Xfs(xfs) => (xfs, made.size),
            _ => panic!("no xfs"),
        }
    }

    #[test]
    fn every_feature_of_the_demo_is_there() {
        let (xfs, size) = read(DEMO);
        assert_eq!((xfs.block, xfs.inode, size), (4096, 512, 512 << 20));
        let words: Vec<String> = xfs
            .features
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        assert_eq!(
            words.join(" "),
            "sectsz=512 attr=2 projid32bit=1 crc=1 finobt=1 sparse=1 rmapbt=1 reflink=1 bigtime=1 \
             inobtcount=1 nrext64=1 exchange=0 metadir=0 imaxpct=25 dirbsize=4096 ascii-ci=0 \
             ftype=1 parent=0 lazy-count=1"
        );
    }

    #[test]
    fn older_tools_print_less() {
        let (xfs, size) = read(OLD);
        assert_eq!((xfs.inode, size), (512, 13_107_200 * 4096));
        assert!(xfs.features.contains(&("ftype".to_owned(), 1)));
        assert!(xfs.features.contains(&("sparse".to_owned(), 0)));
        assert!(!xfs.features.iter().any(|(key, _)| key == "reflink"));
    }

    #[test]
    fn a_log_elsewhere_is_a_feature_that_nobody_restores() {
        let text = DEMO.replace("internal log ", "/dev/sdb1    ");
        assert!(
            read(&text)
                .0
                .features
                .contains(&("log-device".to_owned(), 1))
        );
        let text = DEMO.replace("realtime =none ", "realtime =external");
        assert!(
            read(&text)
                .0
                .features
                .contains(&("realtime-device".to_owned(), 1))
        );
    }

    #[test]
    fn labels_end_at_a_nul() {
        let mut head = vec![0; 512];
        assert_eq!(label(&head), None);
        head[108..111].copy_from_slice(b"var");
        assert_eq!(label(&head).as_deref(), Some("var"));
    }
}
