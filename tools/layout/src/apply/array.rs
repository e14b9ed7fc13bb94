//! md arrays, made by mdadm.

use std::path::Path;
use std::time::Instant;

use lifeboat_sys::run::Tool;

use super::ApplyError;
use super::disk::{LIMIT, at_least, blank_node, is_block_device, wait_for};
use crate::lvm::UDEV;
use crate::plan::PlannedArray;

/// Levels whose members hold nothing twice: they have no bitmap, nothing is
/// brought into step.
const PLAIN: [&str; 2] = ["raid0", "linear"];

/// What mdadm 3.1 left before the data: superblock and bitmap fit into it.
const SMALL_HEAD: &str = "1M";

/// Makes an array; its node exists afterwards, and nothing shines through it.
///
/// Where the level has copies or parity the kernel brings the members into step
/// in the background. That is never left out (`--assume-clean`): parity of a
/// disk's old contents would be wrong, and copies that differ where nothing was
/// written yet would be reported as damage by the system's own checks. What is
/// written meanwhile is written to all members.
pub(super) fn make(array: &PlannedArray) -> Result<(), ApplyError> {
    create(array, None)?;
    // mdadm keeps more free before the data than older ones did; then it is told.
    if at_least(&array.device, array.size).is_err() && has_head(array) {
        stop(&array.device)?;
        create(array, Some(SMALL_HEAD))?;
    }
    read_back(array)?;
    at_least(&array.device, array.size)?;
    blank_node(&array.device)
}

fn create(array: &PlannedArray, head: Option<&str>) -> Result<(), ApplyError> {
    let mdadm = tool().args(arguments(array, head));
    run(&mdadm, || format!("make md array {}", array.name))?;
    let node = Path::new(&array.device);
    if wait_for(|| is_block_device(node), Instant::now() + LIMIT) {
        return Ok(());
    }
    Err(ApplyError::NoNode(array.device.clone()))
}

/// Whether the superblock stands before the data, and how far is said.
fn has_head(array: &PlannedArray) -> bool {
    ["1.1", "1.2"].contains(&array.metadata.as_str())
}

/// The arguments of `mdadm` that make the array as it was recorded; `head` is what
/// lies before the data, if mdadm is not to choose.
fn arguments(array: &PlannedArray, head: Option<&str>) -> Vec<String> {
    let mut argv = ["--create", &array.device, "--run"]
        .map(str::to_owned)
        .to_vec();
    let mut option = |name: &str, value: &str| argv.push(format!("--{name}={value}"));
    option("level", &array.level);
    option("metadata", &array.metadata);
    option("raid-devices", &array.members.len().to_string());
    if !array.spares.is_empty() {
        option("spare-devices", &array.spares.len().to_string());
    }
    if array.chunk > 0 {
        option("chunk", &format!("{}K", array.chunk >> 10));
    }
    if let Some(layout) = &array.layout {
        option("layout", layout);
    }
    if let Some(uuid) = &array.uuid {
        option("uuid", uuid);
    }
    if let Some(head) = head {
        option("data-offset", head);
    }
    // Superblocks of format 0.90 have no name.
    if let Some(label) = array.label.as_ref().filter(|_| array.metadata != "0.90") {
        let (host, name) = label.split_once(':').unwrap_or(("<none>", label));
        option("homehost", host);
        option("name", name);
    }
    if !PLAIN.contains(&array.level.as_str()) {
        option("bitmap", array.bitmap.as_deref().unwrap_or("none"));
    }
    // Without it the last member of a raid5 would be filled as a replacement is, and
    // until that is done the array has no member to lose. A mirror of which one copy
    // is left is unusual, but wanted.
    if ["raid4", "raid5"].contains(&array.level.as_str()) || array.members.len() == 1 {
        argv.push("--force".to_owned());
    }
    argv.extend(array.members.iter().chain(&array.spares).cloned());
    argv
}

fn read_back(array: &PlannedArray) -> Result<(), ApplyError> {
    let detail = tool().args(["--detail", "--export", &array.device]);
    let said = run(&detail, || format!("read back md array {}", array.name))?;
    match differs(array, &said) {
        None => Ok(()),
        Some((wanted, read)) => Err(ApplyError::NotAsPlanned {
            what: format!("md array {}", array.name),
            wanted,
            read,
        }),
    }
}

/// What was wanted and what `mdadm --detail --export` says instead.
fn differs(array: &PlannedArray, said: &str) -> Option<(String, String)> {
    let value = |key: &str| {
        let found = said
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        found.unwrap_or("nothing").to_owned()
    };
    let level = (array.level.clone(), value("MD_LEVEL"));
    let devices = (array.members.len().to_string(), value("MD_DEVICES"));
    let uuid = array
        .uuid
        .iter()
        .map(|uuid| (uuid.clone(), value("MD_UUID")));
    let mut all = [level, devices].into_iter().chain(uuid);
    all.find(|(wanted, read)| wanted != read)
}

/// Lets the members go. What is not yet in step goes on when the array is
/// started again.
pub(super) fn stop(device: &str) -> Result<(), ApplyError> {
    let mdadm = tool().args(["--stop", device]);
    run(&mdadm, || format!("stop md array {device}")).map(drop)
}

/// `mdadm`; where no udev runs it makes the links below `/dev/md` itself.
fn tool() -> Tool {
    let tool = Tool::new("mdadm");
    if Path::new(UDEV).exists() {
        tool
    } else {
        tool.env("MDADM_NO_UDEV", "1")
    }
}

fn run(tool: &Tool, what: impl FnOnce() -> String) -> Result<String, ApplyError> {
    match tool.run() {
        Ok(output) => Ok(output.text()),
        Err(source) => Err(ApplyError::Array {
            what: what(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(level: &str) -> PlannedArray {
        PlannedArray {
            name: "boot".into(),
            device: "/dev/md/boot".into(),
            level: level.into(),
            metadata: "1.2".into(),
            uuid: Some("3a1b2c3d:00000000:11111111:22222222".into()),
            old_uuid: None,
            label: Some("power9:boot".into()),
            members: vec!["/dev/vda2".into(), "/dev/vdb2".into()],
            spares: Vec::new(),
            chunk: 0,
            layout: None,
            bitmap: Some("internal".into()),
            size: 1 << 30,
            old_size: 1 << 30,
        }
    }

    #[test]
    fn a_mirror_is_made_as_it_was() {
        assert_eq!(
            arguments(&array("raid1"), None).join(" "),
            "--create /dev/md/boot --run --level=raid1 --metadata=1.2 --raid-devices=2 \
             --uuid=3a1b2c3d:00000000:11111111:22222222 --homehost=power9 --name=boot \
             --bitmap=internal /dev/vda2 /dev/vdb2"
        );
    }

    #[test]
    fn parity_has_chunk_layout_and_spares() {
        let mut raid5 = array("raid5");
        raid5.members.push("/dev/vdc2".into());
        raid5.spares.push("/dev/vdd2".into());
        raid5.chunk = 512 << 10;
        raid5.layout = Some("left-symmetric".into());
        raid5.bitmap = None;
        raid5.label = Some("data".into());
        raid5.uuid = None;
        assert_eq!(
            arguments(&raid5, None).join(" "),
            "--create /dev/md/boot --run --level=raid5 --metadata=1.2 --raid-devices=3 \
             --spare-devices=1 --chunk=512K --layout=left-symmetric --homehost=<none> --name=data \
             --bitmap=none --force /dev/vda2 /dev/vdb2 /dev/vdc2 /dev/vdd2"
        );
    }

    #[test]
    fn what_lies_before_the_data_can_be_said() {
        let argv = arguments(&array("raid1"), Some(SMALL_HEAD)).join(" ");
        assert!(argv.contains(" --data-offset=1M "), "{argv}");
        assert!(has_head(&array("raid1")));
    }

    #[test]
    fn stripes_have_no_bitmap_and_old_superblocks_no_name() {
        let mut raid0 = array("raid0");
        raid0.metadata = "0.90".into();
        let argv = arguments(&raid0, None).join(" ");
        assert!(!argv.contains("bitmap") && !argv.contains("name"), "{argv}");
    }

    #[test]
    fn what_mdadm_made_instead_is_noticed() {
        let said = "MD_LEVEL=raid1\nMD_DEVICES=2\nMD_METADATA=1.2\n\
                    MD_UUID=3a1b2c3d:00000000:11111111:22222222\nMD_NAME=power9:boot\n";
        assert_eq!(differs(&array("raid1"), said), None);
        let other = said.replace("raid1", "raid0");
        let found = differs(&array("raid1"), &other);
        assert_eq!(found, Some(("raid1".to_owned(), "raid0".to_owned())));
        assert!(differs(&array("raid1"), "").is_some());
    }
}
