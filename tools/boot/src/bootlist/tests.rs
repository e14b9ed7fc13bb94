//! Boot lists in an NVRAM, on recorded machines.

use super::*;
use crate::recorded::tree;

/// What SLOF 20220719 made of an empty 64 KiB NVRAM in QEMU 7.2.
const SLOF: &[u8] = include_bytes!("../../tests/slof-nvram.bin");

const NPIV: &str = include_str!("../../tests/trees/powervm-npiv.tree");
const NV: &str = include_str!("../../tests/trees/powernv.tree");
const QEMU: &str = include_str!("../../tests/trees/qemu-pseries.tree");

fn strings(paths: &[&str]) -> Vec<String> {
    paths.iter().map(ToString::to_string).collect()
}

/// A directory with an NVRAM in it.
fn nvram() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let device = directory.path().join("nvram");
    std::fs::write(&device, SLOF).unwrap();
    (directory, device)
}

#[test]
fn the_first_path_moves_to_the_front_and_the_rest_is_untouched() {
    let (_directory, device) = nvram();
    let sys = tree("firmware/devicetree/base/ibm,max-boot-devices : 00 00 00 03");
    let first = |paths: &[&str]| put_first(&device, sys.path(), &strings(paths)).unwrap();
    assert_eq!(first(&["a"]).list, ["a"]);
    assert_eq!(first(&["b"]).list, ["b", "a"]);
    assert_eq!(first(&["c", "a"]).list, ["c", "a", "b"]);
    let last = first(&["d", "b"]);
    assert_eq!(
        (last.list, last.dropped),
        (strings(&["d", "b", "c"]), strings(&["a"]))
    );
    let after = std::fs::read(&device).unwrap();
    assert_eq!(after.len(), SLOF.len());
    let changed: Vec<usize> = (0..SLOF.len()).filter(|i| SLOF[*i] != after[*i]).collect();
    let common = crate::nvram::partitions(SLOF).unwrap();
    let common = common.iter().find(|p| p.name == "common").unwrap();
    let inside = common.offset + 16..common.offset + common.length;
    assert!(changed.iter().all(|i| inside.contains(i)), "{changed:?}");
}

#[test]
fn what_names_nothing_any_more_goes_and_what_is_not_known_stays() {
    let (_directory, device) = nvram();
    let sys = tree(QEMU);
    let disk = "/pci@800000020000000/scsi@1";
    let gone = [
        "/pci@800000020000000/scsi@7",
        "/vdevice/v-scsi@71000003/disk@8300000000000000:2",
        "/vdevice/v-scsi@71000009/disk@8100000000000000",
    ];
    let kept = ["cdrom", "/vdevice/l-lan@71000002:9.3.1.2,,9.3.1.7,0.0.0.0"];
    let old = strings(&[
        gone[0],
        kept[0],
        gone[1],
        gone[2],
        kept[1],
        &format!("{disk}:1"),
    ]);
    set(&device, List::Normal, &old).unwrap();
    let merged = put_first(&device, sys.path(), &strings(&[disk])).unwrap();
    assert_eq!(merged.list, [disk, kept[0], kept[1]]);
    assert_eq!(merged.stale, gone);
    assert!(merged.dropped.is_empty());
}

#[test]
fn the_service_list_is_another_one() {
    let (_directory, device) = nvram();
    set(&device, List::Normal, &strings(&["/a", "/b"])).unwrap();
    set(&device, List::Service, &strings(&["/c"])).unwrap();
    assert_eq!(get(&device, List::Normal).unwrap(), ["/a", "/b"]);
    assert_eq!(get(&device, List::Service).unwrap(), ["/c"]);
    assert!(set(&device, List::Normal, &[]).unwrap().is_empty());
    assert_eq!(get(&device, List::Service).unwrap(), ["/c"]);
}

#[test]
fn a_list_that_does_not_fit_is_refused_and_nothing_is_written() {
    let (_directory, device) = nvram();
    let long = vec!["/x".to_owned(); 2000];
    let error = set(&device, List::Normal, &long).unwrap_err();
    let BootListError::Content(NvramError::Full { needed, present }) = error else {
        panic!("{error}")
    };
    assert!(needed > present && present == 4080, "{needed} {present}");
    assert_eq!(std::fs::read(&device).unwrap(), SLOF);
}

#[test]
fn a_missing_device_is_said() {
    let sys = tree(QEMU);
    let error = put_first(Path::new("/no/nvram"), sys.path(), &strings(&["/a"])).unwrap_err();
    assert!(error.to_string().starts_with("0590-421"));
}

#[test]
fn a_machine_without_a_list_is_said() {
    let (_directory, device) = nvram();
    let sys = tree(NV);
    let error = put_first(&device, sys.path(), &strings(&["/a"])).unwrap_err();
    assert!(matches!(error, BootListError::NoList));
    assert_eq!(std::fs::read(&device).unwrap(), SLOF);
}

#[test]
fn what_the_firmware_says() {
    assert_eq!(most(tree(NPIV).path()), Some(5));
    let qemu = tree(QEMU);
    assert_eq!(most(qemu.path()), None);
    let booted = booted_from(qemu.path()).unwrap();
    assert_eq!(booted, "/pci@800000020000000/scsi@1:1");
    assert_eq!(
        Present::probe(qemu.path()).find(&booted),
        Entry::Block("vda".to_owned())
    );
}
