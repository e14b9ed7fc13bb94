//! A system that answers as it once did: read from a file, or put together.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use lifeboat_layout::disks::{Disk, DiskError};
use lifeboat_layout::signature::{Found, Signature};
use lifeboat_layout::system::host::{Host, Usage};
use lifeboat_sys::run::RunError;

/// Everything that a system was asked, with its answers.
#[derive(Default)]
pub struct Recording {
    pub files: BTreeMap<String, Vec<u8>>,
    /// Names in a directory, beside those of files in it.
    pub lists: BTreeMap<String, BTreeSet<String>>,
    pub links: BTreeMap<String, String>,
    /// By node and place on it; zeros elsewhere.
    pub bytes: BTreeMap<String, BTreeMap<u64, Vec<u8>>>,
    /// By command line; what is not here is not installed.
    pub runs: BTreeMap<String, String>,
    pub usages: BTreeMap<String, Usage>,
    pub disks: Vec<Disk>,
}

impl Recording {
    /// Reads a recording: a line `@kind key`, then the answer.
    pub fn parse(text: &str) -> Self {
        let mut recording = Self::default();
        let mut answers: Vec<(&str, &str, String)> = Vec::new();
        for line in text.split_inclusive('\n') {
            match line.strip_prefix('@') {
                Some(head) => {
                    let (kind, key) = head.trim_end().split_once(' ').unwrap();
                    answers.push((kind, key, String::new()));
                }
                None => answers.last_mut().unwrap().2.push_str(line),
            }
        }
        for (kind, key, answer) in answers {
            recording.put(kind, key, &answer);
        }
        recording.disks.sort_by(|a, b| a.hdisk.cmp(&b.hdisk));
        recording
    }

    fn put(&mut self, kind: &str, key: &str, answer: &str) {
        let lines: Vec<&str> = answer.lines().collect();
        let key = key.to_owned();
        match kind {
            "file" => drop(self.files.insert(key, answer.as_bytes().to_vec())),
            "hex" => drop(self.files.insert(key, hex(answer))),
            "list" => {
                let names = lines.iter().map(|name| (*name).to_owned());
                self.lists.insert(key, names.collect());
            }
            "link" => drop(self.links.insert(key, answer.trim().to_owned())),
            "run" => drop(self.runs.insert(key, answer.to_owned())),
            "fail" => {}
            "usage" => {
                let numbers: Vec<u64> = answer
                    .split_whitespace()
                    .map(|n| n.parse().unwrap())
                    .collect();
                let [size, used, files] = numbers[..] else {
                    panic!("usage of {key}");
                };
                self.usages.insert(key, Usage { size, used, files });
            }
            "bytes" => {
                let (node, _) = key.split_once(' ').unwrap();
                for line in lines {
                    let (at, bytes) = line.split_once(':').unwrap();
                    let at = u64::from_str_radix(at, 16).unwrap();
                    self.write(node, at, &hex(bytes));
                }
            }
            "disk" => {
                let number = |index: usize| lines[index].parse().unwrap();
                let text = |index: usize| Some(lines[index].to_owned()).filter(|t| !t.is_empty());
                self.disk(&key, lines[0], number(1));
                let disk = self.disks.last_mut().unwrap();
                disk.sector = u32::try_from(number(2)).unwrap();
                disk.serial = text(3);
                disk.wwid = text(4);
                lines[5].clone_into(&mut disk.location);
            }
            other => panic!("a recording with @{other}"),
        }
    }

    pub fn file(&mut self, path: &str, text: impl AsRef<[u8]>) {
        self.files.insert(path.to_owned(), text.as_ref().to_vec());
    }

    pub fn write(&mut self, node: &str, at: u64, bytes: &[u8]) {
        let node = self.bytes.entry(node.to_owned()).or_default();
        node.insert(at, bytes.to_vec());
    }

    pub fn disk(&mut self, name: &str, hdisk: &str, size: u64) {
        self.disks.push(Disk {
            name: name.to_owned(),
            hdisk: hdisk.to_owned(),
            size,
            sector: 512,
            read_only: false,
            serial: None,
            wwid: None,
            location: String::new(),
            signature: Signature {
                found: Found::Unknown,
                uuid: None,
            },
            partitions: Vec::new(),
            physical_volumes: Vec::new(),
            paths: Vec::new(),
            bootable: true,
            in_use: None,
        });
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

impl Host for Recording {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.files.get(path).cloned()
    }

    fn list(&self, directory: &str) -> Vec<String> {
        let mut names = self.lists.get(directory).cloned().unwrap_or_default();
        let inside = format!("{directory}/");
        let all = self
            .files
            .keys()
            .chain(self.links.keys())
            .chain(self.lists.keys());
        let below = all.filter_map(|path| path.strip_prefix(&inside));
        names.extend(below.filter_map(|rest| rest.split('/').next().map(str::to_owned)));
        names.into_iter().collect()
    }

    fn resolve(&self, path: &str) -> Option<String> {
        self.links
            .get(path)
            .cloned()
            .or_else(|| Some(path.to_owned()))
    }

    fn bytes(&self, device: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut read = vec![0; length];
        let end = offset + length as u64;
        for (at, bytes) in self.bytes.get(device).into_iter().flatten() {
            for (byte, at) in bytes.iter().zip(*at..) {
                if (offset..end).contains(&at) {
                    read[usize::try_from(at - offset).unwrap()] = *byte;
                }
            }
        }
        Ok(read)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, RunError> {
        let argv = [&[program], arguments].concat().join(" ");
        self.runs
            .get(&argv)
            .cloned()
            .ok_or_else(|| RunError::Start {
                argv,
                source: io::ErrorKind::NotFound.into(),
            })
    }

    fn usage(&self, mount: &str) -> Option<Usage> {
        self.usages.get(mount).copied()
    }

    fn disks(&self) -> Result<Vec<Disk>, DiskError> {
        Ok(self.disks.clone())
    }
}
