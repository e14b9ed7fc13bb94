//! File systems made on plain files, compared with what was recorded.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use common::{blank, demo, have};
use lifeboat_layout::model::{Btrfs, Ext, FileSystem, Format, Model, Place, Swap, Vfat, Xfs};
use lifeboat_layout::plan::{Settings, plan};
use lifeboat_layout::signature::{HEAD, identify};
use lifeboat_layout::size::MB;
use lifeboat_layout::{mkfs, signature};
use lifeboat_sys::run::Tool;

/// The first mkfs.xfs that knows every feature of which the plan speaks.
const XFSPROGS: (u32, u32) = (6, 13);

fn on(model: &Model, mount: Option<&str>) -> FileSystem {
    model
        .file_systems
        .iter()
        .find(|fs| fs.mount.as_deref() == mount)
        .unwrap()
        .clone()
}

/// Makes the file system in a file of its size and says what is in it then.
fn make(fs: &FileSystem, path: &Path) -> signature::Signature {
    let mut file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .unwrap();
    file.set_len(fs.size).unwrap();
    let argv = mkfs::command(fs, path.to_str().unwrap(), 512);
    Tool::new(&argv[0]).args(&argv[1..]).run().unwrap();
    let mut head = vec![0; HEAD];
    file.read_exact(&mut head).unwrap();
    identify(&head, &[])
}

/// The value of a line of `dumpe2fs -h`.
fn dumped(path: &Path, key: &str) -> String {
    let text = Tool::new("dumpe2fs")
        .arg("-h")
        .arg(path)
        .run()
        .unwrap()
        .text();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {key} in {text}"))
        .trim()
        .to_owned()
}

fn judge_ext(fs: &FileSystem) {
    if !have("mke2fs") || !have("dumpe2fs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fs");
    let found = make(fs, &path);
    assert_eq!(found.uuid.as_deref(), Some(fs.uuid.as_str()));
    let Format::Ext(ext) = &fs.format else {
        panic!("not ext")
    };
    let wanted: BTreeSet<&str> = ext.features.iter().map(String::as_str).collect();
    let features = dumped(&path, "Filesystem features");
    assert_eq!(features.split_whitespace().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(dumped(&path, "Filesystem UUID"), fs.uuid);
    assert_eq!(dumped(&path, "Block size"), ext.block.to_string());
    assert_eq!(dumped(&path, "Inode size"), ext.inode.to_string());
    assert_eq!(
        dumped(&path, "Filesystem volume name"),
        fs.label.as_deref().unwrap_or("<none>")
    );
    let inodes: u64 = dumped(&path, "Inode count").parse().unwrap();
    let ratio = fs.size / inodes;
    let wanted = u64::from(ext.inode_ratio);
    assert!(
        ratio.abs_diff(wanted) < wanted / 10,
        "one inode for {ratio} bytes"
    );
}

#[test]
fn ext4_has_the_recorded_features() {
    let model = demo();
    judge_ext(&on(&model, Some("/")));
    judge_ext(&on(&model, Some("/boot")));
}

#[test]
fn an_old_ext2_stays_one() {
    let format = Format::Ext(Ext {
        version: 2,
        features: ["ext_attr", "dir_index", "filetype", "sparse_super"]
            .map(str::to_owned)
            .to_vec(),
        block: 1024,
        inode: 128,
        inode_ratio: 8192,
        reserved: 5,
    });
    let boot = on(&demo(), Some("/boot"));
    judge_ext(&FileSystem {
        format,
        size: 64 * MB,
        label: None,
        ..boot
    });
}

#[test]
fn xfs_has_the_recorded_features() {
    if !have("mkfs.xfs") || !have("xfs_db") {
        return;
    }
    let said = Tool::new("mkfs.xfs").arg("-V").run().unwrap().text();
    let mut numbers = said
        .rsplit(' ')
        .next()
        .unwrap_or("")
        .split('.')
        .map_while(|n| n.parse().ok());
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < XFSPROGS {
        println!("not judged: mkfs.xfs {version:?} is older than {XFSPROGS:?}");
        return;
    }
    let mut fs = on(&demo(), Some("/var"));
    judge_xfs(&fs);
    // As recorded by tools that knew less: nothing newer may appear.
    let old = "crc=1 finobt=1 sparse=1 rmapbt=0 reflink=0 ftype=1";
    let features = old.split(' ').map(|word| word.split_once('=').unwrap());
    let features = features
        .map(|(key, value)| (key.to_owned(), value.parse().unwrap()))
        .collect();
    fs.format = Format::Xfs(Xfs {
        features,
        block: 4096,
        inode: 512,
    });
    let info = judge_xfs(&fs);
    for off in [
        "bigtime=0",
        "inobtcount=0",
        "nrext64=0",
        "exchange=0",
        "parent=0",
    ] {
        assert!(info.contains(off), "{off} is not in {info}");
    }
}

fn judge_xfs(fs: &FileSystem) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fs");
    assert_eq!(make(fs, &path).uuid.as_deref(), Some(fs.uuid.as_str()));
    let info = Tool::new("xfs_db")
        .args(["-r", "-f", "-c", "info"])
        .arg(&path)
        .run()
        .unwrap()
        .text();
    let Format::Xfs(xfs) = &fs.format else {
        panic!("not XFS")
    };
    let words = xfs.features.iter().filter(|(key, _)| key != "dirbsize");
    for word in words.map(|(key, value)| format!("{key}={value}")) {
        let there = info.split([' ', ',', '\n']).any(|said| said == word);
        assert!(there, "{word} is not in {info}");
    }
    info
}

#[test]
fn swap_and_vfat_have_the_recorded_ids() {
    let swap = on(&demo(), None);
    let dir = tempfile::tempdir().unwrap();
    if have("mkswap") {
        assert_eq!(
            make(&swap, &dir.path().join("swap")).uuid.as_deref(),
            Some(swap.uuid.as_str())
        );
        let format = Format::Swap(Swap { page: 65536 });
        let large = FileSystem {
            format,
            ..swap.clone()
        };
        let found = make(&large, &dir.path().join("large"));
        assert_eq!(found.uuid.as_deref(), Some(large.uuid.as_str()));
    }
    if have("mkfs.vfat") {
        let format = Format::Vfat(Vfat { bits: 32 });
        let place = Place::volume("rootvg", "x");
        let uuid = "1A2B-3C4D".to_owned();
        let fs = FileSystem {
            format,
            place,
            uuid,
            label: Some("EFI".to_owned()),
            size: 64 * MB,
            ..swap
        };
        assert_eq!(
            make(&fs, &dir.path().join("fat")).uuid.as_deref(),
            Some("1A2B-3C4D")
        );
    }
}

#[test]
fn the_commands_of_the_demo() {
    let plan = plan(&demo(), &[blank(0, 4096)], &Settings::default()).unwrap();
    let commands: Vec<String> = plan
        .file_systems
        .iter()
        .map(|fs| fs.mkfs.join(" "))
        .collect();
    assert_eq!(
        commands,
        [
            "mke2fs -F -q -t ext4 -b 4096 -I 256 -i 16384 -m 5 -O none,has_journal,ext_attr,resize_inode,\
             dir_index,orphan_file,filetype,extent,64bit,flex_bg,metadata_csum_seed,sparse_super,large_file,\
             huge_file,dir_nlink,extra_isize,metadata_csum -U 0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a04 -L root \
             /dev/mapper/rootvg-hd4",
            "mke2fs -F -q -t ext4 -b 4096 -I 256 -i 16384 -m 0 -O none,has_journal,ext_attr,resize_inode,\
             dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,\
             metadata_csum -U 0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a02 -L boot /dev/vda2",
            "mkfs.xfs -f -q -b size=4096 -m uuid=0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a09,crc=1,finobt=1,rmapbt=1,\
             reflink=1,bigtime=1,inobtcount=1,metadir=0 -i size=512,sparse=1,nrext64=1,exchange=0,attr=2,\
             projid32bit=1,maxpct=25 -n ftype=1,parent=0,size=4096 -s size=512 -l lazy-count=1 -L var \
             /dev/mapper/rootvg-hd9var",
            "mkswap -f -p 4096 -U 0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a06 -L swap /dev/mapper/rootvg-hd6",
        ]
    );
}

#[test]
fn a_btrfs_has_the_recorded_features_and_no_others() {
    let format = Format::Btrfs(Btrfs {
        features: ["extref", "skinny-metadata", "no-holes"]
            .map(str::to_owned)
            .to_vec(),
        sector: 4096,
        node: 16384,
        checksum: "crc32c".to_owned(),
        data: "raid1".to_owned(),
        metadata: "raid1".to_owned(),
        more: Vec::new(),
        subvolumes: Vec::new(),
    });
    let root = FileSystem {
        format,
        ..on(&demo(), Some("/"))
    };
    assert_eq!(
        mkfs::command(&root, "/dev/vda3", 512).join(" "),
        "mkfs.btrfs -f -q -U 0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a04 --csum crc32c -n 16384 -s 4096 -d raid1 \
         -m raid1 -O extref,skinny-metadata,no-holes,^free-space-tree,^block-group-tree -L root /dev/vda3"
    );
}
