//! The systems that scenarios restore on emulated machines can be planned onto blank
//! disks like their own, and nothing becomes smaller.

mod common;

use std::fs;
use std::path::Path;

use lifeboat_layout::model::Model;
use lifeboat_layout::plan::{Settings, plan};
use lifeboat_layout::size::MB;
use lifeboat_stanza::Document;

#[test]
fn every_system_of_the_scenarios_can_be_planned() {
    let systems = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/systems");
    let mut planned = 0;
    for entry in fs::read_dir(systems).unwrap() {
        let path = entry.unwrap().path().join("image.data");
        let text = fs::read_to_string(&path).unwrap();
        let mut model = Model::from_document(&Document::parse(&text).unwrap()).unwrap();
        model.bring_maps(|map| fs::read(path.with_file_name(Path::new(map).file_name()?)).ok());
        let disks: Vec<_> = (0..)
            .zip(&model.disks)
            .map(|(number, disk)| common::blank(number, disk.size / MB))
            .collect();
        let plan = plan(&model, &disks, &Settings::default()).unwrap();
        assert_eq!(plan.targets.len(), disks.len(), "{}", path.display());
        assert_eq!(plan.file_systems.len(), model.file_systems.len());
        for (new, old) in plan.file_systems.iter().zip(&model.file_systems) {
            assert_eq!(new.uuid, old.uuid);
            assert!(new.size >= old.size, "{}: {new:?}", path.display());
        }
        planned += 1;
    }
    assert!(planned >= 8, "only {planned} systems");
}
