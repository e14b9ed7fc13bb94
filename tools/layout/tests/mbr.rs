//! DOS partition tables, compared with what sfdisk writes.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::io::Cursor;

use lifeboat_layout::mbr::{MbrEntry, MbrError, tables, verify, write};

/// Makes the partitions wrong.
type Change = fn(&mut Vec<MbrEntry>);

fn entry(number: u32, kind: u8, start: u64, size: u64) -> MbrEntry {
    MbrEntry {
        number,
        kind,
        active: number == 1,
        start: start * 512,
        size: size * 512,
    }
}

/// PReP, a file system, and three logical partitions with a gap between.
fn disk() -> Vec<MbrEntry> {
    vec![
        entry(1, 0x41, 2048, 16384),
        entry(2, 0x83, 18432, 1_048_576),
        entry(3, 0x0f, 1_067_008, 6_291_456),
        entry(5, 0x82, 1_069_056, 409_600),
        entry(6, 0x83, 1_480_704, 409_600),
        entry(7, 0x8e, 5_000_192, 1000),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bytes_are_those_of_sfdisk() {
    // What sfdisk 2.38.1 writes for the same partitions.
    let wanted = [
        (
            0,
            [
                "80202100412524010008000000400000",
                "00252501836a28420048000000001000",
                "006a29420f0b41ca0048100000006000",
                "00000000000000000000000000000000",
            ],
        ),
        (
            1_067_008,
            [
                "008b0a42820a2e5c0008000000400600",
                "000a2f5c05a934750048060000480600",
                "00000000000000000000000000000000",
                "00000000000000000000000000000000",
            ],
        ),
        (
            1_478_656,
            [
                "002b105c83a934750008000000400600",
                "001e6837054e7f3700fc3b00e80b0000",
                "00000000000000000000000000000000",
                "00000000000000000000000000000000",
            ],
        ),
        (
            4_998_144,
            [
                "003f49378e4e7f3700080000e8030000",
                "00000000000000000000000000000000",
                "00000000000000000000000000000000",
                "00000000000000000000000000000000",
            ],
        ),
    ];
    let tables = tables(0x1bad_cafe, &disk(), 512).unwrap();
    let places: Vec<u64> = tables.iter().map(|(at, _)| *at).collect();
    assert_eq!(places, [0, 1_067_008, 1_478_656, 4_998_144]);
    for (at, entries) in wanted {
        let (_, table) = tables.iter().find(|(place, _)| *place == at).unwrap();
        let written: Vec<String> = table[446..510].chunks(16).map(hex).collect();
        assert_eq!(written, entries, "sector {at}");
    }
    assert_eq!(hex(&tables[0].1[440..446]), "fecaad1b0000");
}

#[test]
fn what_cannot_stand_there_is_refused() {
    let reason = |change: Change| {
        let mut entries = disk();
        change(&mut entries);
        tables(1, &entries, 512).unwrap_err().to_string()
    };
    let cases: [(Change, &str); 7] = [
        (|e| e[1].kind = 5, "second extended"),
        (|e| e.retain(|e| e.number != 3), "none is extended"),
        (
            |e| e.retain(|e| e.number != 5),
            "the number before it is missing",
        ),
        (|e| e[5].size *= 100_000, "does not lie inside"),
        (|e| e[4].start = e[3].start, "does not lie inside"),
        (|e| e[1].start += 1, "no whole sectors"),
        (|e| e[0].size = 1 << 42, "beyond what 32 bits"),
    ];
    for (change, wanted) in cases {
        let said = reason(change);
        assert!(said.contains("0590-295") && said.contains(wanted), "{said}");
    }
}

#[test]
fn an_empty_extended_partition_has_an_empty_table() {
    let tables = tables(1, &disk()[..3], 512).unwrap();
    assert_eq!(tables.len(), 2);
    assert_eq!(hex(&tables[1].1[440..]), format!("{}55aa", "00".repeat(70)));
}

#[test]
fn another_table_is_noticed() {
    let mut device = Cursor::new(vec![0; 4 << 20]);
    let entries = [entry(1, 0x41, 2048, 2048)];
    write(7, &entries, 512, &mut device).unwrap();
    verify(7, &entries, 512, &mut device).unwrap();
    let error = verify(8, &entries, 512, &mut device).unwrap_err();
    assert!(matches!(error, MbrError::Differs(0)));
}
