//! Trees to back up, and what there is to say about a tree.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use lifeboat_archive::{
    Backup, CreateOptions, CreateReport, Everything, ExtractOptions, ExtractReport, FileStat, Info,
    Selection, Source, Summary, Tree, create,
};
use lifeboat_sys::xattr::{self, Subject};
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

/// Small frames: a small tree has many of them.
pub const OPTIONS: CreateOptions = CreateOptions {
    level: 3,
    threads: 2,
    frame_size: 4096,
    memory: 1 << 20,
    pack: true,
    attributes: true,
    multiple_of: 1,
    stop: None,
};

pub fn summary() -> Summary {
    Summary {
        bosinst: b"control_flow:\n    PROMPT = no\n".to_vec(),
        image: b"image_data:\n    IMAGE_TYPE = bff\n".to_vec(),
        maps: Vec::new(),
        info: Info {
            tool: "test 1".into(),
            kernel: "6.12".into(),
            date: 1_700_000_000,
        },
    }
}

/// One tree, and which one.
pub fn whole(root: &Path) -> [Tree; 1] {
    [Tree {
        at: "/".into(),
        from: root.to_owned(),
    }]
}

pub fn source(trees: &[Tree]) -> Source<'_> {
    Source {
        summary: summary(),
        trees,
        selection: &Everything,
        one_file_system: false,
    }
}

/// Leaves out what has one of these paths, and what is below it.
pub struct Without<'a>(pub &'a [&'a str]);

impl Selection for Without<'_> {
    fn leaves_out(&self, path: &[u8], _: &FileStat) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        self.0.iter().any(|without| path.starts_with(without))
    }
}

/// A backup of a tree, in memory.
pub fn pack(root: &Path, options: &CreateOptions) -> (Vec<u8>, CreateReport) {
    let mut bytes = Vec::new();
    let report = create(&mut bytes, &source(&whole(root)), options, &mut |_| {}).unwrap();
    (bytes, report)
}

/// Bytes as a file that can be opened as a backup.
pub fn file_of(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    file
}

pub fn open(bytes: &[u8]) -> Backup {
    Backup::open(file_of(bytes).path()).unwrap()
}

/// Extracts into a directory on one decompressing thread.
pub fn unpack(bytes: &[u8], dest: &Path) -> ExtractReport {
    let options = ExtractOptions {
        threads: 1,
        ..ExtractOptions::default()
    };
    open(bytes).extract(dest, &options, &mut |_| {}).unwrap()
}

/// One file of a tree, with all that a restore must bring back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Type and permission bits.
    pub mode: u32,
    pub owner: (u32, u32),
    pub modified: (i64, i64),
    pub device: u64,
    /// Content, or a link's target.
    pub content: Vec<u8>,
    /// The first name of the same file.
    pub same_as: Option<PathBuf>,
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// All files below a directory, and itself, by relative path.
pub fn snapshot(root: &Path) -> BTreeMap<PathBuf, Node> {
    let mut nodes = BTreeMap::new();
    let mut names: BTreeMap<u64, PathBuf> = BTreeMap::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(relative) = waiting.pop() {
        let path = root.join(&relative);
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = if metadata.is_dir() {
            let mut below: Vec<_> = fs::read_dir(&path).unwrap().map(|e| e.unwrap()).collect();
            // Taken from the end: in order of names.
            below.sort_by_key(|entry| std::cmp::Reverse(entry.file_name()));
            waiting.extend(below.iter().map(|entry| relative.join(entry.file_name())));
            Vec::new()
        } else if metadata.is_symlink() {
            fs::read_link(&path)
                .unwrap()
                .as_os_str()
                .as_bytes()
                .to_vec()
        } else if metadata.is_file() {
            fs::read(&path).unwrap()
        } else {
            Vec::new()
        };
        let mut same_as = None;
        if metadata.nlink() > 1 && !metadata.is_dir() {
            let first = names
                .entry(metadata.ino())
                .or_insert_with(|| relative.clone());
            same_as = Some(first.clone());
        }
        let subject = Subject::Path(&path);
        let attributes = xattr::list(subject).unwrap().into_iter();
        let attributes = attributes
            .filter(|name| name.starts_with(b"user.") || name.starts_with(b"security."))
            .map(|name| (name.clone(), xattr::get(subject, &name).unwrap().unwrap()))
            .collect();
        let node = Node {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            device: metadata.rdev(),
            content,
            same_as,
            attributes,
        };
        nodes.insert(relative, node);
    }
    nodes
}

/// Asserts that two trees are the same, and names the first file that differs.
pub fn assert_same(left: &Path, right: &Path) {
    let (left, right) = (snapshot(left), snapshot(right));
    let paths = |nodes: &BTreeMap<PathBuf, Node>| nodes.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&left), paths(&right));
    for (path, node) in &left {
        assert_eq!(node, &right[path], "{}", path.display());
    }
}

/// Sets a file's time, a link's own.
pub fn set_time(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = TimeSpec::new(seconds, nanoseconds);
    let how = UtimensatFlags::NoFollowSymlink;
    utimensat(AT_FDCWD, path, &TimeSpec::UTIME_OMIT, &time, how).unwrap();
}

/// Sets an attribute if the file system has any.
pub fn set_attribute(path: &Path, name: &[u8], value: &[u8]) {
    if let Err(error) = xattr::set(Subject::Path(path), name, value) {
        eprintln!("without attributes on {}: {error}", path.display());
    }
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// A file of bytes that do not compress.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(next).collect()
}

/// A tree with one of everything.
pub fn rich_tree(root: &Path) {
    fs::create_dir_all(root.join("etc/empty")).unwrap();
    fs::write(
        root.join("etc/passwd"),
        "root:x:0:0::/root:/bin/sh\nd\u{e9}:x:77:77::/:\n",
    )
    .unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\nstaff:x:50:\n").unwrap();
    fs::write(root.join("zero"), "").unwrap();
    fs::write(root.join("noise"), noise(20_000)).unwrap();
    fs::hard_link(root.join("noise"), root.join("etc/noise too")).unwrap();
    symlink("no/where\n", root.join("link")).unwrap();
    fs::hard_link(root.join("link"), root.join("link2")).unwrap();
    let odd = OsStr::from_bytes(b"odd \\ \n\xff\xfe \xc3\xa9");
    fs::write(root.join(odd), "odd").unwrap();
    let long = "long/".repeat(40);
    fs::create_dir_all(root.join(&long)).unwrap();
    fs::write(root.join(&long).join("n".repeat(255)), "deep").unwrap();
    symlink("t".repeat(300), root.join("long/link")).unwrap();
    let sparse = File::create(root.join("sparse")).unwrap();
    sparse.write_all_at(b"middle", 1 << 20).unwrap();
    sparse.set_len(3 << 20).unwrap();
    File::create(root.join("hole"))
        .unwrap()
        .set_len(1 << 16)
        .unwrap();
    nix::unistd::mkfifo(&root.join("fifo"), Mode::S_IRUSR).unwrap();
    fs::set_permissions(root.join("zero"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::set_permissions(root.join("etc/empty"), fs::Permissions::from_mode(0o1777)).unwrap();
    set_attribute(&root.join("noise"), b"user.a=b%3D", b"\0binary\n\xff");
    set_attribute(&root.join("etc"), b"user.long", &noise(900));
    if is_root() {
        let owner = |path: &str, uid, gid| {
            std::os::unix::fs::lchown(root.join(path), Some(uid), Some(gid)).unwrap();
        };
        owner("etc/empty", 77, 50);
        owner("link", 3_000_000_000, 4_000_000);
        owner("fifo", 77, 50);
    }
    for (path, seconds, nanoseconds) in [
        ("link", 1, 999_999_999),
        ("noise", -5, 500_000_000),
        ("sparse", 10_000_000_000, 0),
        ("fifo", 1_600_000_000, 1),
        ("long", 1_600_000_000, 123_456_789),
        ("etc", 1_500_000_000, 120_000_000),
        ("", 1_400_000_000, 7),
    ] {
        set_time(&root.join(path), seconds, nanoseconds);
    }
}
