//! Volumes, file systems and swap are as the backup's image.data records them,
//! by the guest's own `lvs`, `findmnt`, `blkid`, `dumpe2fs` and `xfs_info`.

use anyhow::{Context, Result, ensure};
use lifeboat_qemu::Running;

use super::guest::ask;
use crate::image_data::Stanza;

/// AIX counts physical partitions in MB of 2^20 bytes.
const MB: u64 = 1 << 20;

/// States that come and go while an ext file system is mounted; `dumpe2fs`
/// lists them among the features.
const EXT_STATES: [&str; 2] = ["needs_recovery", "orphan_present"];

/// The words of `xfs_info` that tell one XFS from another for a boot loader and
/// an older kernel.
const XFS_WORDS: [&str; 9] = [
    "crc",
    "finobt",
    "sparse",
    "rmapbt",
    "reflink",
    "bigtime",
    "inobtcount",
    "nrext64",
    "ftype",
];

/// Looks at volumes, file systems and swap.
///
/// # Errors
/// The first difference.
pub fn as_recorded(machine: &mut Running, recorded: &[Stanza]) -> Result<()> {
    volumes(machine, recorded)?;
    for stanza in recorded.iter().filter(|stanza| stanza.name == "fs_data") {
        let mount = stanza.get("FS_NAME");
        file_system(machine, stanza).with_context(|| format!("file system {mount}"))?;
    }
    swap(machine, recorded)?;
    // fstab against what is there: devices, types, mount points.
    ask(machine, "findmnt --verify").context("/etc/fstab")?;
    Ok(())
}

fn volumes(machine: &mut Running, recorded: &[Stanza]) -> Result<()> {
    let mut wanted = recorded
        .iter()
        .filter(|stanza| stanza.name == "lv_data")
        .map(|lv| {
            let bytes = lv.number("LPs")? * lv.number("PP_SIZE")? * MB;
            Ok(format!(
                "{} {} {bytes}",
                lv.get("VOLUME_GROUP"),
                lv.get("LOGICAL_VOLUME")
            ))
        })
        .collect::<Result<Vec<_>>>()?;
    // Groups that lay beside the system's, and were not backed up with it.
    let header = recorded.iter().find(|stanza| stanza.name == "image_data");
    let others = header.map_or("", |header| header.get("USERVG_LIST"));
    let fields = "vg_name,lv_name,lv_size";
    let output = ask(
        machine,
        &format!("lvs --noheadings --units b --nosuffix -o {fields}"),
    )?;
    let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let group = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let own = |line: &String| !others.split(' ').any(|other| other == group(line));
    let mut found: Vec<String> = output.lines().map(squeezed).filter(own).collect();
    wanted.sort();
    found.sort();
    ensure!(
        found == wanted,
        "lvs shows {found:?}, recorded are {wanted:?}"
    );
    Ok(())
}

fn file_system(machine: &mut Running, recorded: &Stanza) -> Result<()> {
    let mount = recorded.get("FS_NAME");
    let (kind, uuid) = (recorded.get("LX_FS_TYPE"), recorded.get("LX_FS_UUID"));
    let found = ask(
        machine,
        &format!("findmnt -n -r -o FSTYPE,UUID,SOURCE --mountpoint {mount}"),
    )?;
    let words: Vec<&str> = found.split(' ').collect();
    let &[found_kind, found_uuid, source] = words.as_slice() else {
        anyhow::bail!("findmnt says {found:?}");
    };
    ensure!(
        (found_kind, found_uuid) == (kind, uuid),
        "findmnt shows {found_kind} {found_uuid}, recorded is {kind} {uuid}"
    );
    // Of a btrfs the subvolume follows: `/dev/vda3[/@]`.
    let source = source.split('[').next().unwrap_or(source);
    // findmnt asks udev's memory; blkid reads the disk.
    let read = ask(machine, &format!("blkid -p -o value -s UUID {source}"))?;
    ensure!(
        read == uuid,
        "on the disk is UUID {read}, recorded is {uuid}"
    );
    let label = ask(
        machine,
        &format!("blkid -p -o value -s LABEL {source} || true"),
    )?;
    let wanted = recorded.get("LX_FS_LABEL");
    ensure!(
        label == wanted,
        "the label is {label:?}, recorded is {wanted:?}"
    );
    features(machine, recorded, source)
}

/// A recreated file system has the recorded features, not the rescue tools'
/// newer defaults.
fn features(machine: &mut Running, recorded: &Stanza, source: &str) -> Result<()> {
    let words = recorded.get("LX_FS_FEATURES").split_whitespace();
    let mut wanted: Vec<String> = words.map(str::to_owned).collect();
    let mut found = match recorded.get("LX_FS_TYPE") {
        "ext2" | "ext3" | "ext4" => ext_features(&ask(machine, &format!("dumpe2fs -h {source}"))?)?,
        "xfs" => {
            wanted.retain(|word| is_xfs_word(word));
            xfs_words(&ask(
                machine,
                &format!("xfs_info {}", recorded.get("FS_NAME")),
            )?)
        }
        _ => return Ok(()),
    };
    wanted.sort();
    found.sort();
    ensure!(!wanted.is_empty(), "image.data records no features");
    ensure!(
        found == wanted,
        "the features are {found:?}, recorded are {wanted:?}"
    );
    Ok(())
}

fn ext_features(dumpe2fs: &str) -> Result<Vec<String>> {
    let list = dumpe2fs
        .lines()
        .find_map(|line| line.strip_prefix("Filesystem features:"));
    let words = list
        .context("dumpe2fs shows no features")?
        .split_whitespace();
    Ok(words
        .filter(|word| !EXT_STATES.contains(word))
        .map(str::to_owned)
        .collect())
}

fn xfs_words(xfs_info: &str) -> Vec<String> {
    let words = xfs_info.split([' ', ',', '\n']);
    words
        .filter(|word| is_xfs_word(word))
        .map(str::to_owned)
        .collect()
}

fn is_xfs_word(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(key, _)| XFS_WORDS.contains(&key))
}

fn swap(machine: &mut Running, recorded: &[Stanza]) -> Result<()> {
    let swaps = recorded
        .iter()
        .filter(|stanza| stanza.name == "lx_swap_data");
    let mut wanted: Vec<&str> = swaps.map(|stanza| stanza.get("LX_FS_UUID")).collect();
    let output = ask(machine, "swapon --show=UUID --noheadings --raw")?;
    let mut found: Vec<&str> = output.split_whitespace().collect();
    wanted.sort_unstable();
    found.sort_unstable();
    ensure!(
        found == wanted,
        "swap in use is {found:?}, recorded is {wanted:?}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_as_the_tools_print_them() {
        let dump = "Filesystem magic number:  0xEF53\n\
            Filesystem features:      has_journal ext_attr needs_recovery extent\n";
        assert_eq!(
            ext_features(dump).unwrap(),
            ["has_journal", "ext_attr", "extent"]
        );
        assert!(ext_features("nothing").is_err());
        let info = "meta-data=/dev/x isize=512    agcount=4, agsize=65536 blks\n\
            \x20        =          sectsz=512   attr=2, projid32bit=1\n\
            \x20        =          crc=1        finobt=1, sparse=1, rmapbt=0\n";
        assert_eq!(
            xfs_words(info),
            ["crc=1", "finobt=1", "sparse=1", "rmapbt=0"]
        );
    }
}
