//! What the parsers promise, whatever bytes they are given: one function for each.
//! It panics when a promise is broken. `tests/fuzz` calls them with what libFuzzer
//! makes up, ordinary tests with what it has found.

use crate::Document;
use crate::bosinst::Bosinst;

/// A stanza file: it comes back byte for byte, and a field that is set is there.
pub fn document(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let Ok(mut document) = Document::parse(text) else {
        return;
    };
    assert_eq!(document.to_string(), text, "a document is lossless");
    let Some(first) = document.stanzas().next() else {
        return;
    };
    let name = first.name().to_owned();
    // Two fields: one that is there perhaps, and one of ours.
    let fields: Vec<String> = first
        .fields()
        .map(|(field, _)| field.to_owned())
        .take(1)
        .collect();
    for field in fields.iter().map(String::as_str).chain(["LX_FUZZ"]) {
        let stanza = document.named_mut(&name).next().expect("it was there");
        stanza.set(field, "set");
    }
    document.add("added").set("LX_FUZZ", "set");
    let written = document.to_string();
    let again = Document::parse(&written).expect("what is written is read");
    assert_eq!(again.to_string(), written);
    let stanza = again.named(&name).next().expect("it was there");
    for field in fields.iter().map(String::as_str).chain(["LX_FUZZ"]) {
        assert_eq!(stanza.get(field), Some("set"), "{field}");
    }
    let added = again.named("added").last().expect("it was added");
    assert_eq!(added.get("LX_FUZZ"), Some("set"));
}

/// A `bosinst.data`: what is a target says which.
pub fn bosinst(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let Ok(document) = Document::parse(text) else {
        return;
    };
    if let Ok(bosinst) = Bosinst::from_document(&document) {
        let says = |target: &crate::bosinst::TargetDisk| target.criteria().count() > 0;
        assert!(bosinst.targets.iter().all(says));
    }
}
