//! What is asked of LVM.

use super::*;
use report::Volume;

fn wish(extents: Option<u64>) -> Wish {
    Wish::Volume {
        group: "rootvg".to_owned(),
        volume: "hd4".to_owned(),
        extents,
    }
}

#[test]
fn a_snapshot_is_asked_for_by_size_and_a_thin_one_without() {
    let line = |extents| arguments("rootvg", "hd4", extents, "lifeboat_snap_0").join(" ");
    assert_eq!(
        line(Some(50)),
        "--snapshot --yes --config backup { backup=0 archive=0 } --addtag lifeboat_snapshot \
         --name lifeboat_snap_0 --extents 50 rootvg/hd4"
    );
    assert!(line(None).ends_with("--name lifeboat_snap_0 --setactivationskip n rootvg/hd4"));
}

#[test]
fn only_our_own_snapshots_are_stale() {
    let volume = |name: &str, origin: Option<&str>, tag: &str| Volume {
        group: "rootvg".to_owned(),
        name: name.to_owned(),
        attributes: String::new(),
        size: 0,
        origin: origin.map(str::to_owned),
        pool: None,
        filled: None,
        metadata_filled: None,
        tags: vec![tag.to_owned()],
    };
    let volumes = [
        volume("hd4", None, TAG),
        volume("lifeboat_snap_0", Some("hd4"), TAG),
        volume("lifeboat_snap_1", None, TAG),
        volume("mine", Some("hd4"), TAG),
        volume("lifeboat_snap_2", Some("hd4"), "other"),
    ];
    assert_eq!(stale(&volumes), ["rootvg/lifeboat_snap_0"]);
}

#[test]
fn asked_for_explicitly_what_is_not_possible_is_an_error() {
    let planned = |way| Planned {
        mount: "/var".into(),
        kind: "xfs".to_owned(),
        way,
    };
    let said = |ways: Vec<Way>| {
        let planned: Vec<_> = ways.into_iter().map(planned).collect();
        insist(&planned).err().map(|error| error.to_string())
    };
    let no_volume = || Way::Live(Why::NoVolume);
    assert_eq!(said(vec![no_volume(), Way::Snapshot(wish(Some(1)))]), None);
    assert!(said(vec![no_volume()]).unwrap().starts_with("0590-368"));
    let pool = Why::Pool {
        pool: "p".to_owned(),
        filled: 95,
    };
    assert_eq!(
        said(vec![Way::Snapshot(wish(None)), Way::Live(pool)]).unwrap(),
        "0590-367 /var cannot be read from a snapshot: its pool p is filled to 95 %"
    );
}
