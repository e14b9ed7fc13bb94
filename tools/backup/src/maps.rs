//! The physical maps that a description names: they travel in the first frame, for
//! whoever plans a restore has read nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use lifeboat_archive::MapFile;
use lifeboat_stanza::Document;
use lifeboat_sys::fs::read;

use crate::job::Notes;
use crate::report::Note;

/// The map files of `image`, an `image.data`, below `root`. One that cannot be read is
/// told, and left out.
pub(crate) fn named(root: &Path, image: &[u8], notes: &mut Notes<'_>) -> Vec<MapFile> {
    // One that is no description is refused elsewhere, if at all.
    let Ok(document) = Document::parse(&String::from_utf8_lossy(image)) else {
        return Vec::new();
    };
    let volumes = document.named("lv_data");
    let paths: BTreeSet<&str> = volumes
        .filter_map(|volume| volume.get("MAPFILE"))
        .filter(|path| path.starts_with('/'))
        .collect();
    let mut maps = Vec::new();
    for path in paths {
        match read(root.join(path.trim_start_matches('/'))) {
            Ok(text) => maps.push(MapFile {
                path: path.to_owned(),
                text,
            }),
            Err(error) => notes.add(Note::NoMap(error)),
        }
    }
    maps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Silent;

    #[test]
    fn maps_are_read_and_missing_ones_are_told() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("a.map"), "hdisk0:1\n").unwrap();
        let image = b"lv_data:\n\tMAPFILE= /a.map\n\nlv_data:\n\tMAPFILE= /b.map\n\n\
            lv_data:\n\tMAPFILE=\n\nlv_data:\n\tMAPFILE= /a.map\n";
        let mut notes = Notes::new(&Silent);
        let maps = named(root.path(), image, &mut notes);
        assert_eq!(maps.len(), 1);
        assert_eq!(
            (maps[0].path.as_str(), maps[0].text.as_slice()),
            ("/a.map", &b"hdisk0:1\n"[..])
        );
        assert!(matches!(notes.all.as_slice(), [Note::NoMap(_)]));
        assert!(named(root.path(), b"\xff nonsense", &mut notes).is_empty());
    }
}
