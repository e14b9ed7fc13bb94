//! Stanza files survive reading, changing and writing.

use lifeboat_stanza::{Document, Style};
use proptest::prelude::*;

const IMAGE_DATA: &str = "\
# IMAGE.DATA
#   written by hand

image_data:
\tIMAGE_TYPE= pax
\tDATE_TIME= Thu Nov 20 14:00:00 UTC 2026

logical_volume_policy:
\tSHRINK= no
\tSOMETHING_NEW=

##Command used for vg_data; lsvg rootvg
vg_data:
\tVGNAME= rootvg
\tPPSIZE=4

lv_data:
        LOGICAL_VOLUME= hd4
lv_data:
        LOGICAL_VOLUME= hd6";

#[test]
fn a_file_survives_byte_for_byte() {
    let document = Document::parse(IMAGE_DATA).unwrap();
    assert_eq!(document.to_string(), IMAGE_DATA);
    let windows = IMAGE_DATA.replace('\n', "\r\n");
    let document = Document::parse(&windows).unwrap();
    assert_eq!(document.to_string(), windows);
    assert_eq!(
        document.named("vg_data").next().unwrap().get("VGNAME"),
        Some("rootvg")
    );
}

#[test]
fn repeated_stanzas_are_found_in_order() {
    let document = Document::parse(IMAGE_DATA).unwrap();
    let names: Vec<_> = document
        .named("lv_data")
        .filter_map(|s| s.get("LOGICAL_VOLUME"))
        .collect();
    assert_eq!(names, ["hd4", "hd6"]);
    assert_eq!(document.named("vg_data").next().unwrap().line(), 13);
    assert_eq!(
        document
            .named("logical_volume_policy")
            .next()
            .unwrap()
            .get("SOMETHING_NEW"),
        Some("")
    );
}

#[test]
fn a_changed_field_changes_nothing_else() {
    let mut document = Document::parse(IMAGE_DATA).unwrap();
    document
        .named_mut("vg_data")
        .next()
        .unwrap()
        .set("PPSIZE", "8")
        .set("VARYON", "yes");
    document
        .named_mut("lv_data")
        .nth(1)
        .unwrap()
        .set("LPs", "64");
    let expected = IMAGE_DATA
        .replace("PPSIZE=4\n", "PPSIZE=8\n\tVARYON= yes\n")
        .replace("VOLUME= hd6", "VOLUME= hd6\n\tLPs= 64\n");
    assert_eq!(document.to_string(), expected);
}

#[test]
fn a_new_file_is_written_in_its_style() {
    let mut document = Document::new(Style::Bosinst);
    document.comment("settings");
    document
        .add("control_flow")
        .set("PROMPT", "yes")
        .set("CONSOLE", "");
    document.add("target_disk_data").set("SIZE_MB", "largest");
    assert_eq!(
        document.to_string(),
        "# settings\n\ncontrol_flow:\n    PROMPT = yes\n    CONSOLE =\n\ntarget_disk_data:\n    SIZE_MB = largest\n"
    );
}

#[test]
fn what_is_no_stanza_file_is_refused_with_its_line() {
    for (text, said) in [
        (
            "# x\n\tA= 1\n",
            "0590-100 Line 2: the field A stands before the first stanza",
        ),
        (
            "a:\n\tA= 1\n\tnonsense\n",
            "0590-101 Line 3: \"nonsense\" is neither",
        ),
        ("a:\n\t= 1\n", "0590-101 Line 2: \"= 1\" is neither"),
        ("a:\n\tA B= 1\n", "0590-101 Line 2"),
        (
            "a:\n\tA= \u{0}\n",
            "0590-102 Line 2 holds control characters",
        ),
        (":\n", "0590-101 Line 1"),
    ] {
        let error = Document::parse(text).unwrap_err().to_string();
        assert!(error.starts_with(said), "{text:?}: {error}");
    }
}

/// Files as a program would write them, each line in one of many forms.
fn files() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "# ?[ -~]{0,20}",
        "##[ -~]{0,20}",
        "[ \t]{0,3}",
        "[a-z_]{1,8}:[ \t]{0,2}",
        "[ \t]{0,8}[A-Z_a-z]{1,8}[ \t]{0,2}=[ \t]{0,2}[ -~]{0,16}",
    ];
    let lines = prop::collection::vec((line, prop::sample::select(vec!["\n", "\r\n"])), 0..40);
    lines.prop_map(|lines| lines.into_iter().map(|(text, end)| text + end).collect())
}

proptest! {
    #[test]
    fn what_is_read_is_written_back(text in files()) {
        // A field may come before the first stanza here: that is refused, not lost.
        if let Ok(document) = Document::parse(&text) {
            prop_assert_eq!(&document.to_string(), &text);
        }
        let whole = format!("first:\n{text}");
        prop_assert_eq!(Document::parse(&whole).unwrap().to_string(), whole);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,200}") {
        if let Ok(document) = Document::parse(&text) {
            prop_assert_eq!(document.to_string(), text);
        }
    }

    #[test]
    fn what_is_set_is_got(text in files(), field in "[A-Z]{1,6}", value in "[ -~]{0,20}") {
        let mut document = Document::parse(&format!("first:\n{text}")).unwrap();
        document.named_mut("first").next().unwrap().set(&field, &value);
        let again = Document::parse(&document.to_string()).unwrap();
        prop_assert_eq!(again.named("first").next().unwrap().get(&field), Some(value.trim()));
        let others = |d: &Document| -> Vec<(String, String)> {
            d.stanzas().flat_map(lifeboat_stanza::Stanza::fields).filter(|(n, _)| *n != field)
                .map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
        };
        prop_assert_eq!(others(&document), others(&again));
    }
}
