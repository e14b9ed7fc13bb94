//! Descriptions of systems, recorded and put together, compared with what they
//! were.
//!
//! `UPDATE_GOLDEN=1 cargo test -p lifeboat-layout` writes the files anew.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::fmt::Write;
use std::path::Path;

use common::recording::Recording;
use common::scene::{LINUX, LVM, PREP, RAID, SWAP, Scene, uuid};
use lifeboat_layout::model::Model;
use lifeboat_layout::system::host::Host;
use lifeboat_layout::system::{System, Wanted, cards, maps_host, prep_partition, probe_host};
use lifeboat_stanza::Document;

fn probed(recording: &Recording, wanted: &Wanted) -> System {
    let mut system = probe_host(recording, wanted).unwrap_or_else(|error| {
        panic!("{}", lifeboat_sys::error::chain(&error));
    });
    let maps = maps_host(recording, wanted).unwrap();
    system.name_maps(&maps);
    system
}

/// What is written must be read again, whatever it says; and it must be refused
/// by the plan exactly when somebody was told.
fn holds_together(system: &System) {
    let text = system.model.to_document().to_string();
    let again = Model::from_document(&Document::parse(&text).unwrap());
    let again = again.unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(again, system.model, "{text}");
}

fn golden(name: &str, recording: &Recording, wanted: &Wanted) -> System {
    let system = probed(recording, wanted);
    holds_together(&system);
    let mut text = system.model.to_document().to_string();
    for fs in &system.file_systems {
        let volume = fs
            .volume
            .as_ref()
            .map(|v| format!(" on {}/{}", v.group, v.name));
        let (mount, device) = (fs.mount.display(), fs.device.display());
        let volume = volume.unwrap_or_default();
        let _ = writeln!(text, "\nsaved: {mount} ({}, {device}{volume})", fs.kind);
    }
    let told = system.unmounted.iter().map(ToString::to_string);
    for told in told.chain(system.concerns.iter().map(ToString::to_string)) {
        let _ = writeln!(text, "\n{told}");
    }
    for map in maps_host(recording, wanted).unwrap() {
        let (first, last) = (map.lines.first().unwrap(), map.lines.last().unwrap());
        let count = map.lines.len();
        let _ = writeln!(text, "\n{}: {count} lines, {first} to {last}", map.file);
    }
    common::golden(name, &text);
    system
}

/// A system on which everything else stands: PReP, `/boot` and a volume group.
fn boot_disk(scene: &mut Scene, disk: &str, mb: u64) {
    scene.disk(disk, mb);
    scene.gpt(
        disk,
        &[(PREP, 8, "prep"), (LINUX, 512, "boot"), (LVM, mb - 530, "")],
    );
    scene.ext4(
        &format!("{disk}2"),
        &format!("/dev/{disk}2"),
        "/boot",
        512,
        2,
    );
    scene.fstab(&format!("UUID={} /boot ext4 defaults 0 2", uuid(2)));
}

fn recorded(name: &str) -> Recording {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    Recording::parse(&std::fs::read_to_string(path.join(name)).unwrap())
}

#[test]
fn a_group_with_volumes_of_every_kind() {
    let wanted = Wanted::Group("datavg".to_owned());
    let system = golden("system-datavg.txt", &recorded("system-datavg.txt"), &wanted);
    let error = system.model.check_group().unwrap_err().to_string();
    assert!(error.starts_with("0590-200"), "{error}");
}

#[test]
fn a_system_on_everything_that_stacks() {
    let system = golden(
        "system-stack.txt",
        &recorded("system-stack.txt"),
        &Wanted::Root,
    );
    system.model.check_system().unwrap();
}

#[test]
fn a_system_of_red_hat_and_a_second_group() {
    let mut scene = Scene::new();
    scene.disk("sda", 20480);
    scene.gpt("sda", &[(PREP, 4, ""), (LINUX, 1024, ""), (LVM, 19000, "")]);
    scene.xfs("sda2", "/dev/sda2", "/boot", 1024, 2, true);
    scene.group("rhel", &["/dev/sda3"]);
    let root = scene.volume("rhel/root", "linear", 4000, "/dev/sda3:512-4511", &["sda3"]);
    scene.volume("rhel/swap", "linear", 512, "/dev/sda3:0-511", &["sda3"]);
    scene.xfs(&root, "/dev/mapper/rhel-root", "/", 16000, 1, true);
    scene.swap("/dev/mapper/rhel-swap", 65536, 3);
    for line in [
        "/dev/mapper/rhel-root / xfs defaults 0 0",
        &format!("UUID={} /boot xfs defaults 0 0", uuid(2)),
        "/dev/mapper/rhel-swap swap swap defaults 0 0",
    ] {
        scene.fstab(line);
    }
    scene.disk("sdb", 4096);
    scene.group("datavg", &["/dev/sdb"]);
    let data = scene.volume("datavg/data", "linear", 900, "/dev/sdb:0-899", &["sdb"]);
    scene.ext4(&data, "/dev/mapper/datavg-data", "/data", 3600, 4);
    scene.fstab("/dev/datavg/data /data ext4 defaults 1 2");
    let link = ("/dev/datavg/data".to_owned(), format!("/dev/{data}"));
    scene.recording.links.extend([link]);
    let recording = scene.done();
    let system = golden("system-rhel.txt", &recording, &Wanted::Root);
    system.model.check_system().unwrap();
    assert!(system.concerns.is_empty() && system.unmounted.is_empty());
    let group = golden(
        "system-rhel-datavg.txt",
        &recording,
        &Wanted::Group("datavg".to_owned()),
    );
    group.model.check_group().unwrap();
}

#[test]
fn mirrored_over_two_disks_with_two_boot_records() {
    let mut scene = Scene::new();
    boot_disk(&mut scene, "vda", 4096);
    scene.disk("vdb", 4096);
    scene.gpt(
        "vdb",
        &[
            (PREP, 8, "prep"),
            (LINUX, 512, "spare boot"),
            (LVM, 3566, ""),
        ],
    );
    scene.group("rootvg", &["/dev/vda3", "/dev/vdb3"]);
    let images: Vec<String> = (0..2)
        .map(|n| {
            let (name, disk) = (format!("rootvg/[hd4_rimage_{n}]"), ["vda3", "vdb3"][n]);
            let range = format!("/dev/{disk}:1-320");
            scene.volume(&name, "linear", 320, &range, &[disk])
        })
        .collect();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let ranges = "hd4_rimage_0:0-319 hd4_rimage_1:0-319";
    let root = scene.volume("rootvg/hd4", "raid1", 320, ranges, &images);
    scene.ext4(&root, "/dev/mapper/rootvg-hd4", "/", 1280, 1);
    scene.fstab("/dev/mapper/rootvg-hd4 / ext4 errors=remount-ro 0 1");
    let ranges = "/dev/vda3:321-350 /dev/vdb3:321-350";
    scene.volume("rootvg/hd1", "striped", 60, ranges, &["vda3", "vdb3"]);
    golden("system-mirrored.txt", &scene.done(), &Wanted::Root);
}

#[test]
fn thin_volumes() {
    let mut scene = Scene::new();
    boot_disk(&mut scene, "vda", 4096);
    scene.group("rootvg", &["/dev/vda3"]);
    let data = scene.volume(
        "rootvg/[pool_tdata]",
        "linear",
        500,
        "/dev/vda3:0-499",
        &["vda3"],
    );
    let pool = scene.volume(
        "rootvg/pool",
        "thin-pool",
        500,
        "pool_tdata:0-499",
        &[&data],
    );
    let root = scene.volume("rootvg/root", "thin", 1000, "pool", &[&pool]);
    scene.ext4(&root, "/dev/mapper/rootvg-root", "/", 4000, 1);
    let system = golden("system-thin.txt", &scene.done(), &Wanted::Root);
    let root = system.file_systems[0].volume.clone().unwrap();
    assert_eq!(root.thin.as_deref(), Some("pool"));
}

#[test]
fn lvm_on_arrays() {
    let mut scene = Scene::new();
    for disk in ["vda", "vdb"] {
        scene.disk(disk, 4096);
        scene.gpt(
            disk,
            &[(PREP, 8, "prep"), (RAID, 512, ""), (RAID, 3566, "")],
        );
    }
    scene.mirror("md127", "boot", 511, &["vda2", "vdb2"]);
    scene.mirror("md126", "system", 3565, &["vda3"]);
    scene.ext4("md127", "/dev/md127", "/boot", 511, 2);
    scene.group("rootvg", &["/dev/md126"]);
    let root = scene.volume("rootvg/hd4", "linear", 500, "/dev/md126:0-499", &["md126"]);
    scene.ext4(&root, "/dev/mapper/rootvg-hd4", "/", 2000, 1);
    scene.fstab("/dev/mapper/rootvg-hd4 / ext4 defaults 0 1");
    scene.fstab("/dev/md/boot /boot ext4 defaults 0 2");
    golden("system-md.txt", &scene.done(), &Wanted::Root);
}

#[test]
fn lvm_in_luks() {
    let mut scene = Scene::new();
    scene.disk("vda", 8192);
    scene.gpt(
        "vda",
        &[(PREP, 8, "prep"), (LINUX, 512, "boot"), (LINUX, 7600, "")],
    );
    scene.ext4("vda2", "/dev/vda2", "/boot", 512, 2);
    let mut header = vec![0; 16384];
    header[..8].copy_from_slice(b"LUKS\xba\xbe\0\x02");
    header[8..16].copy_from_slice(&16384u64.to_be_bytes());
    header[168..204].copy_from_slice(uuid(9).as_bytes());
    let json = include_bytes!("recorded/luks2.json");
    header[4096..4096 + json.len()].copy_from_slice(json);
    scene.recording.write("/dev/vda3", 0, &header);
    let mapped = format!("CRYPT-LUKS2-{}-vda3_crypt", uuid(9).replace('-', ""));
    let open = scene.mapper("vda3_crypt", &mapped, 7584, &["vda3"]);
    scene.recording.file(
        "/etc/crypttab",
        "vda3_crypt UUID=x none luks,discard,initramfs\n",
    );
    scene.group("rootvg", &["/dev/mapper/vda3_crypt"]);
    let root = scene.volume(
        "rootvg/root",
        "linear",
        1000,
        "/dev/mapper/vda3_crypt:0-999",
        &[&open],
    );
    let swap = scene.volume(
        "rootvg/swap_1",
        "linear",
        100,
        "/dev/mapper/vda3_crypt:1000-1099",
        &[&open],
    );
    scene.ext4(&root, "/dev/mapper/rootvg-root", "/", 4000, 1);
    scene.swap("/dev/mapper/rootvg-swap_1", 4096, 3);
    assert_eq!(swap, "dm-2");
    golden("system-luks.txt", &scene.done(), &Wanted::Root);
}

#[test]
fn btrfs_with_subvolumes() {
    let mut scene = Scene::new();
    scene.disk("vda", 20480);
    scene.gpt(
        "vda",
        &[(PREP, 8, ""), (LINUX, 18000, ""), (SWAP, 2000, "")],
    );
    let base = format!("/sys/fs/btrfs/{}", uuid(1));
    for (file, value) in [
        ("label", "\n"),
        ("nodesize", "16384\n"),
        ("sectorsize", "65536\n"),
        ("checksum", "crc32c (crc32c-generic)\n"),
        ("features/extended_iref", "1\n"),
        ("features/skinny_metadata", "1\n"),
        ("features/no_holes", "1\n"),
        ("features/compress_zstd", "1\n"),
        ("features/default_subvol", "1\n"),
        ("allocation/data/single/total_bytes", "1000\n"),
        ("allocation/metadata/dup/total_bytes", "1000\n"),
    ] {
        scene.recording.file(&format!("{base}/{file}"), value);
    }
    let devices = ["vda2".to_owned()].into();
    scene
        .recording
        .lists
        .insert(format!("{base}/devices"), devices);
    let snapshot = "ID 259 gen 9 top level 258 path @/.snapshots/1/snapshot\n";
    for (command, said) in [
        (
            "list /",
            format!(
                "ID 256 gen 9 top level 5 path @\nID 257 gen 9 top level 256 path @/home\n{snapshot}"
            ),
        ),
        ("list -r /", String::new()),
        ("get-default /", snapshot.to_owned()),
    ] {
        let command = format!("btrfs subvolume {command}");
        scene.recording.runs.insert(command, said);
    }
    for (root, at) in [
        ("/@/.snapshots/1/snapshot", "/"),
        ("/@/home", "/home"),
        ("/@/home/bind", "/mnt"),
    ] {
        scene.mount_as("0:40", root, "/dev/vda2", at, "btrfs", 3000);
    }
    scene.fstab(&format!("UUID={} / btrfs defaults 0 0", uuid(1)));
    scene.fstab(&format!("UUID={} /home btrfs subvol=/@/home 0 0", uuid(1)));
    scene.swap("/dev/vda3", 65536, 3);
    scene.fstab(&format!("UUID={} swap swap defaults 0 0", uuid(3)));
    golden("system-btrfs.txt", &scene.done(), &Wanted::Root);
}

#[test]
fn plain_partitions_in_an_mbr() {
    let mut scene = Scene::new();
    scene.disk("sda", 8192);
    let partitions = [
        (1, 0x41, 8),
        (2, 0x83, 3000),
        (3, 0x82, 512),
        (4, 0x05, 4000),
        (5, 0x83, 1000),
        (6, 0x07, 500),
        (7, 0x83, 700),
    ];
    scene.mbr("sda", 0x1bad_b002, &partitions);
    scene.ext4("sda2", "/dev/sda2", "/", 3000, 1);
    scene.swap("/dev/sda3", 4096, 2);
    scene.ext4("sda5", "/dev/sda5", "/home", 1000, 3);
    scene.ext4_unmounted("/dev/sda7", 700, 4);
    scene.fstab("LABEL=nothing /nowhere ext4 defaults 0 0");
    scene.fstab(&format!("UUID={} /srv ext4 noauto 0 0", uuid(4)));
    golden("system-mbr.txt", &scene.done(), &Wanted::Root);
}

#[test]
fn two_paths_to_one_disk() {
    let mut scene = Scene::new();
    for disk in ["sda", "sdb"] {
        scene.disk(disk, 4096);
        scene.gpt("sda", &[(PREP, 8, ""), (LINUX, 4000, "")]);
    }
    let whole = scene.mapper("mpatha", "mpath-3600a", 4096, &["sda", "sdb"]);
    let part = scene.mapper("mpatha-part2", "part2-mpath-3600a", 4000, &[&whole]);
    scene.mapper("mpatha-part1", "part1-mpath-3600a", 8, &[&whole]);
    scene.ext4(&part, "/dev/mapper/mpatha-part2", "/", 4000, 1);
    let recording = scene.done();
    let system = golden("system-multipath.txt", &recording, &Wanted::Root);
    assert_eq!(system.disks.len(), 1);
    // udev has taken the partitions of the paths away.
    assert!(system.disks[0].partitions.is_empty());
    let prep = prep_partition(&recording, &system.disks[0]);
    assert_eq!(prep.as_deref(), Some("mpatha-part1"));
    system.model.check_system().unwrap();
}

/// Which path stands for a disk goes by its place, not by its name: it may be another
/// than the one that is mounted, or the first of multipath.
#[test]
fn any_path_leads_to_the_disk() {
    let scene = || {
        let mut scene = Scene::new();
        for disk in ["sda", "sdb"] {
            scene.disk(disk, 4096);
            scene.gpt(disk, &[(PREP, 8, ""), (LINUX, 4000, "")]);
        }
        let disks = &mut scene.recording.disks;
        disks.remove(0);
        disks[0].hdisk = "hdisk0".to_owned();
        disks[0].paths = vec!["sda".to_owned()];
        scene
    };
    let mut by_multipath = scene();
    let whole = by_multipath.mapper("mpatha", "mpath-3600a", 4096, &["sda", "sdb"]);
    let part = by_multipath.mapper("mpatha-part2", "part2-mpath-3600a", 4000, &[&whole]);
    by_multipath.ext4(&part, "/dev/mapper/mpatha-part2", "/", 4000, 1);
    let mut by_path = scene();
    by_path.ext4("sda2", "/dev/sda2", "/", 4000, 1);
    for (scene, concerns) in [(by_multipath, 1), (by_path, 0)] {
        let system = probe_host(&scene.done(), &Wanted::Root).unwrap();
        let root = &system.model.file_systems[0];
        assert_eq!(root.mount.as_deref(), Some("/"));
        assert_eq!(root.place.to_string(), "hdisk0:2");
        assert_eq!(system.model.file_systems.len(), 1);
        assert_eq!(system.concerns.len(), concerns);
        system.model.check_system().unwrap();
    }
}

#[test]
fn what_has_no_words_is_said() {
    let mut scene = Scene::new();
    boot_disk(&mut scene, "vda", 4096);
    scene.group("rootvg", &["/dev/vda3"]);
    let root = scene.volume("rootvg/hd4", "linear", 500, "/dev/vda3:0-499", &["vda3"]);
    scene.ext4(&root, "/dev/mapper/rootvg-hd4", "/", 2000, 1);
    let home = scene.volume("rootvg/home", "raid5", 100, "/dev/vda3:500-599", &["vda3"]);
    let odd = scene.mapper("odd", "VDO-1234", 400, &[&home]);
    scene.mount(&odd, "/dev/mapper/odd", "/home", "ext4", 100);
    let opt = scene.volume("rootvg/opt", "linear", 100, "/dev/vda3:600-699", &["vda3"]);
    scene.mount(&opt, "/dev/mapper/rootvg-opt", "/opt", "jfs", 100);
    golden("system-strange.txt", &scene.done(), &Wanted::Root);
}

#[test]
fn what_cannot_be_described_is_an_error() {
    let mut scene = Scene::new();
    boot_disk(&mut scene, "vda", 4096);
    let refused = |recording: &Recording, wanted: &Wanted| {
        let error = probe_host(recording, wanted).unwrap_err();
        lifeboat_sys::error::chain(&error)
    };
    let mut recording = scene.done();
    let said = refused(&recording, &Wanted::Root);
    assert!(said.starts_with("0590-270"), "{said}");
    let said = refused(&recording, &Wanted::Group("datavg".to_owned()));
    assert!(
        said.starts_with("0590-271 There is no volume group datavg"),
        "{said}"
    );
    // A root file system, but no tool to look at it.
    let number = recording.text("/sys/block/vda/vda3/dev").unwrap();
    let mount = format!("1 1 {number} / / rw - ext4 /dev/vda3 rw\n");
    recording.file("/proc/self/mountinfo", mount);
    let said = refused(&recording, &Wanted::Root);
    assert!(
        said.starts_with("0590-276 Cannot learn how / on /dev/vda3"),
        "{said}"
    );
    recording.runs.insert(
        "dumpe2fs -h /dev/vda3".to_owned(),
        "Segmentation fault\n".to_owned(),
    );
    let said = refused(&recording, &Wanted::Root);
    assert!(
        said.starts_with("0590-277 What dumpe2fs says of / on"),
        "{said}"
    );
    // A table whose checksum is wrong.
    recording.write("/dev/vda", 1024 + 56, b"x");
    let said = refused(&recording, &Wanted::Root);
    assert!(
        said.starts_with("0590-274 The partition table of hdisk0 (vda)"),
        "{said}"
    );
    // LVM is there, its program is not.
    recording.write("/dev/vda3", 512, b"LABELONE");
    recording.write("/dev/vda3", 536, b"LVM2 001");
    recording
        .runs
        .retain(|command, _| !command.starts_with("lvm"));
    let said = refused(&recording, &Wanted::Root);
    assert!(said.starts_with("0590-272"), "{said}");
}

#[test]
fn network_cards_are_known_by_their_places() {
    let mut host = Recording::default();
    let mut card = |name: &str, place: &str, driver: &str, mac: &str, assigned: &str| {
        let interface = format!("/sys/class/net/{name}");
        host.links.insert(
            format!("{interface}/device"),
            format!("/sys/devices/{place}"),
        );
        host.links.insert(
            format!("{interface}/device/driver"),
            format!("/sys/bus/x/drivers/{driver}"),
        );
        host.file(&format!("{interface}/address"), format!("{mac}\n"));
        host.file(&format!("{interface}/addr_assign_type"), assigned);
    };
    let pci = "pci0000:00/0000:00:02.0";
    card(
        "enp0s2",
        &format!("{pci}/virtio1"),
        "virtio_net",
        "52:54:00:00:00:02",
        "0\n",
    );
    card(
        "env2",
        "vio/30000002",
        "ibmveth",
        "BA:BA:00:00:00:01",
        "0\n",
    );
    card("eth9", pci, "mlx5_core", "02:00:00:00:00:09", "3\n");
    host.file("/sys/class/net/eth9/dev_port", "1\n");
    host.file("/sys/class/net/lo/address", "00:00:00:00:00:00\n");
    let mut model = Model {
        cards: cards(&host),
        ..Model::default()
    };
    let found = model.cards.iter().map(|card| {
        let driver = card.driver.as_deref().unwrap();
        let mac = card.mac.as_deref().unwrap_or("none of its own");
        format!("{} {} {driver} {mac}", card.name, card.location)
    });
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            "enp0s2 pci0000:00/0000:00:02.0 virtio_net 52:54:00:00:00:02",
            "eth9 pci0000:00/0000:00:02.0/p1 mlx5_core none of its own",
            "env2 vio/30000002 ibmveth ba:ba:00:00:00:01",
        ]
    );
    model.source.partition_uuid = Some("u".to_owned());
    let text = model.to_document().to_string();
    assert!(text.contains("LX_PARTITION_UUID= u"), "{text}");
    let card = "lx_net_data:\n\tLX_NET_NAME= env2\n\tLX_NET_MAC= ba:ba:00:00:00:01\n";
    assert!(text.contains(card), "{text}");
    for (field, wrong) in [("LX_NET_NAME", "../../etc/x"), ("LX_NET_MAC", "no address")] {
        let mut document = Document::parse(&text).unwrap();
        let stanza = document.named_mut("lx_net_data").next().unwrap();
        stanza.set(field, wrong);
        let error = Model::from_document(&document).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
}
