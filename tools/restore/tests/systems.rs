//! The systems of the scenarios: restored onto disks of their own sizes they keep their
//! files; a clone has no UUID of its source in them.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::fs;

use common::{read, target};
use lifeboat_layout::disks::Disk;
use lifeboat_layout::model::Model;
use lifeboat_layout::plan::{Plan, Seed, Settings, plan};
use lifeboat_restore::references::{Rewritten, rewrite};
use lifeboat_stanza::Document;

struct System {
    name: &'static str,
    image: &'static str,
    files: &'static [(&'static str, &'static str)],
}

macro_rules! system {
    ($name:literal $(, $path:literal = $file:literal)*) => {
        System {
            name: $name,
            image: include_str!(concat!("../../../tests/systems/", $name, "/image.data")),
            files: &[
                ("etc/fstab", include_str!(concat!("../../../tests/systems/", $name, "/fstab"))),
                $(($path, include_str!(concat!("../../../tests/systems/", $name, "/", $file))),)*
            ],
        }
    };
}

const SYSTEMS: [System; 7] = [
    system!("beside"),
    system!("btrfs"),
    system!("luks", "etc/crypttab" = "crypttab"),
    system!("lvm"),
    system!("md", "etc/mdadm/mdadm.conf" = "mdadm.conf"),
    system!("mirror"),
    system!("nolvm"),
];

impl System {
    fn model(&self) -> Model {
        Model::from_document(&Document::parse(self.image).unwrap()).unwrap()
    }

    /// The plan onto blank disks like the source's.
    fn plan(&self, settings: &Settings) -> Plan {
        let model = self.model();
        let disks: Vec<Disk> = (b'a'..)
            .zip(&model.disks)
            .enumerate()
            .map(|(number, (letter, source))| Disk {
                name: format!("vd{}", char::from(letter)),
                hdisk: format!("hdisk{number}"),
                size: source.size,
                location: format!("pci0000:00/0000:00:{number:02x}.0"),
                ..target()
            })
            .collect();
        plan(&model, &disks, settings).unwrap()
    }

    fn restored(&self, settings: &Settings) -> (tempfile::TempDir, Rewritten) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in self.files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let plan = self.plan(settings);
        let rewritten = rewrite(root.path(), &plan, &self.model(), &|_| true).unwrap();
        (root, rewritten)
    }
}

#[test]
fn who_keeps_the_layout_keeps_the_files() {
    for system in &SYSTEMS {
        let (root, rewritten) = system.restored(&Settings::default());
        for (path, text) in system.files {
            assert_eq!(
                read(root.path(), path),
                *text,
                "{} of {}",
                path,
                system.name
            );
        }
        assert_eq!(rewritten.edits, [], "{}", system.name);
    }
}

#[test]
fn a_clone_has_no_uuid_of_its_source() {
    let settings = Settings {
        new_identity: Some(Seed([7; 16])),
        ..Settings::default()
    };
    for system in &SYSTEMS {
        let (root, _) = system.restored(&settings);
        for (path, old) in system.files {
            let new = read(root.path(), path);
            let where_ = format!("{path} of {}:\n{new}", system.name);
            assert_eq!(new.lines().count(), old.lines().count(), "{where_}");
            let uuids = old
                .split_whitespace()
                .filter(|word| word.starts_with("UUID="));
            for uuid in uuids {
                assert!(!new.contains(uuid), "{uuid} is still in {where_}");
            }
        }
    }
}
