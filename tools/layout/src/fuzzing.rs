//! What the parser of `image.data` promises, whatever bytes it is given. The
//! function panics when a promise is broken. `tests/fuzz` calls it with what
//! libFuzzer makes up, ordinary tests with what it has found.

use lifeboat_stanza::Document;
use lifeboat_stanza::bosinst::Overwrite;

use crate::disks::Disk;
use crate::model::Model;
use crate::plan::{Settings, plan};
use crate::signature::{Found, Signature};

/// An `image.data` or the data of a volume group: a model that is accepted is read
/// again as it was written, and can be planned for or is refused in words.
pub fn image_data(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let Ok(document) = Document::parse(text) else {
        return;
    };
    if let Ok(model) = Model::from_document(&document) {
        let written = model.to_document().to_string();
        let document = Document::parse(&written).expect("what is written is read");
        assert_eq!(
            Model::from_document(&document).as_ref(),
            Ok(&model),
            "{written}"
        );
        plan_for(&model);
    }
    if let Ok(model) = Model::from_group_document(&document) {
        let written = model.to_document().to_string();
        let document = Document::parse(&written).expect("what is written is read");
        assert_eq!(
            Model::from_group_document(&document).as_ref(),
            Ok(&model),
            "{written}"
        );
    }
}

/// Plans the model onto disks of several sizes, with and without shrinking.
fn plan_for(model: &Model) {
    for (size, sector) in [(1 << 30, 512), (64 << 30, 4096), (1 << 60, 512)] {
        let disk = blank(size, sector);
        for shrink in [false, true] {
            let settings = Settings {
                disks: vec![disk.name.clone()],
                overwrite: Overwrite::Any,
                shrink: Some(shrink),
                ..Settings::default()
            };
            let Ok(plan) = plan(model, std::slice::from_ref(&disk), &settings) else {
                continue;
            };
            let mut end = 0;
            for partition in plan.partitions() {
                assert!(partition.start >= end, "partitions lie side by side");
                end = partition.start + partition.size;
            }
            assert!(end <= disk.size, "partitions lie on the disk");
        }
    }
}

/// An empty disk.
fn blank(size: u64, sector: u32) -> Disk {
    Disk {
        name: "vda".to_owned(),
        hdisk: "hdisk0".to_owned(),
        size,
        sector,
        read_only: false,
        serial: None,
        wwid: None,
        location: String::new(),
        signature: Signature {
            found: Found::Empty,
            uuid: None,
        },
        partitions: Vec::new(),
        physical_volumes: Vec::new(),
        paths: Vec::new(),
        bootable: true,
        in_use: None,
    }
}
