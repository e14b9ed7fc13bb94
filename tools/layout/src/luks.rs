//! LUKS headers, from their bytes (LUKS1 On-Disk Format Specification 1.2.3,
//! LUKS2 On-Disk Format Specification 1.1.1). Numbers in them are big-endian.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What both versions begin with.
const MAGIC: &[u8] = b"LUKS\xba\xbe";

/// How much of a device has a header of any size: LUKS2 allows 4 MB.
pub(crate) const HEAD: usize = 4 << 20;

/// Where LUKS2 keeps its JSON.
const JSON: usize = 4096;

/// LUKS1 marks a key slot in use so.
const KEY_ENABLED: u32 = 0x00ac_71f3;

/// What a header says of how it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: u8,
    pub(crate) uuid: String,
    pub(crate) label: Option<String>,
    pub(crate) subsystem: Option<String>,
    pub(crate) cipher: String,
    pub(crate) key_bits: u32,
    pub(crate) hash: Option<String>,
    pub(crate) sector: u32,
    pub(crate) offset: u64,
    pub(crate) pbkdf: Option<String>,
    pub(crate) cost: Option<String>,
    pub(crate) flags: Vec<String>,
    pub(crate) key_slots: u32,
    pub(crate) tokens: Vec<String>,
    pub(crate) integrity: Option<String>,
}

/// Reads the header at the start of a device; `None` where there is none.
pub(crate) fn parse(head: &[u8]) -> Option<Header> {
    if !head.starts_with(MAGIC) {
        return None;
    }
    match head.get(6..8)? {
        [0, 1] => luks1(head),
        [0, 2] => luks2(head),
        _ => None,
    }
}

fn word(head: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?))
}

/// Text that ends at a NUL or fills its field.
fn text(head: &[u8], at: usize, length: usize) -> Option<String> {
    let field = head.get(at..at + length)?;
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(length);
    let text = String::from_utf8_lossy(&field[..end]).into_owned();
    (!text.is_empty()).then_some(text)
}

fn luks1(head: &[u8]) -> Option<Header> {
    let slots: Vec<usize> = (0..8)
        .map(|slot| 208 + slot * 48)
        .filter(|at| word(head, *at) == Some(KEY_ENABLED))
        .collect();
    let iterations = slots.first().and_then(|at| word(head, at + 4));
    Some(Header {
        version: 1,
        uuid: text(head, 168, 40)?,
        cipher: format!("{}-{}", text(head, 8, 32)?, text(head, 40, 32)?),
        hash: text(head, 72, 32),
        key_bits: word(head, 108)?.checked_mul(8)?,
        sector: 512,
        offset: u64::from(word(head, 104)?) * 512,
        pbkdf: Some("pbkdf2".to_owned()),
        cost: iterations.map(|n| format!("iterations={n}")),
        key_slots: u32::try_from(slots.len()).ok()?,
        ..Header::default()
    })
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    keyslots: BTreeMap<String, KeySlot>,
    #[serde(default)]
    tokens: BTreeMap<String, Token>,
    segments: BTreeMap<String, Segment>,
    #[serde(default)]
    config: Config,
}

#[derive(Deserialize)]
struct KeySlot {
    key_size: u32,
    #[serde(default)]
    kdf: Option<Kdf>,
    #[serde(default)]
    af: Option<Split>,
}

#[derive(Deserialize)]
struct Kdf {
    #[serde(rename = "type")]
    kind: String,
    hash: Option<String>,
    iterations: Option<u64>,
    time: Option<u64>,
    memory: Option<u64>,
    cpus: Option<u64>,
}

#[derive(Deserialize)]
struct Split {
    hash: Option<String>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Segment {
    offset: String,
    encryption: Option<String>,
    sector_size: Option<u32>,
    integrity: Option<Integrity>,
}

#[derive(Deserialize)]
struct Integrity {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Default)]
struct Config {
    #[serde(default)]
    flags: Vec<String>,
}

fn luks2(head: &[u8]) -> Option<Header> {
    let size = u64::from_be_bytes(head.get(8..16)?.try_into().ok()?);
    let json = head.get(JSON..usize::try_from(size).ok()?)?;
    let end = json
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(json.len());
    let metadata: Metadata = serde_json::from_slice(&json[..end]).ok()?;
    let segment = metadata.segments.values().next()?;
    let slot = metadata.keyslots.values().find(|slot| slot.kdf.is_some());
    let kdf = slot.and_then(|slot| slot.kdf.as_ref());
    let split = slot.and_then(|slot| slot.af.as_ref());
    Some(Header {
        version: 2,
        uuid: text(head, 168, 40)?,
        label: text(head, 24, 48),
        subsystem: text(head, 208, 48),
        cipher: segment.encryption.clone()?,
        key_bits: slot.map_or(0, |slot| slot.key_size.saturating_mul(8)),
        hash: kdf
            .and_then(|kdf| kdf.hash.clone())
            .or_else(|| split.and_then(|split| split.hash.clone())),
        sector: segment.sector_size.unwrap_or(512),
        offset: segment.offset.parse().ok()?,
        pbkdf: kdf.map(|kdf| kdf.kind.clone()),
        cost: kdf.map(cost),
        flags: metadata.config.flags,
        key_slots: u32::try_from(metadata.keyslots.len()).ok()?,
        tokens: metadata
            .tokens
            .into_values()
            .map(|token| token.kind)
            .collect(),
        integrity: segment.integrity.as_ref().map(|i| i.kind.clone()),
    })
}

fn cost(kdf: &Kdf) -> String {
    let parts = [
        ("time", kdf.time),
        ("memory", kdf.memory),
        ("cpus", kdf.cpus),
        ("iterations", kdf.iterations),
    ];
    let given = parts
        .iter()
        .filter_map(|(name, n)| n.map(|n| format!("{name}={n}")));
    given.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(head: &mut [u8], at: usize, bytes: &[u8]) {
        head[at..at + bytes.len()].copy_from_slice(bytes);
    }

    #[test]
    fn version_1_is_read() {
        let mut head = vec![0; 1024];
        put(&mut head, 0, b"LUKS\xba\xbe\0\x01");
        put(&mut head, 8, b"aes");
        put(&mut head, 40, b"xts-plain64");
        put(&mut head, 72, b"sha256");
        put(&mut head, 104, &4096u32.to_be_bytes());
        put(&mut head, 108, &64u32.to_be_bytes());
        put(&mut head, 168, b"684889d6-834c-4884-be29-3b3a0c836357");
        put(&mut head, 208 + 48, &KEY_ENABLED.to_be_bytes());
        put(&mut head, 208 + 52, &1000u32.to_be_bytes());
        let header = parse(&head).unwrap();
        assert_eq!(
            (header.version, header.key_bits, header.key_slots),
            (1, 512, 1)
        );
        assert_eq!(
            (header.cipher.as_str(), header.offset),
            ("aes-xts-plain64", 4096 * 512)
        );
        assert_eq!(header.cost.as_deref(), Some("iterations=1000"));
        assert_eq!(header.uuid, "684889d6-834c-4884-be29-3b3a0c836357");
    }

    #[test]
    fn version_2_is_read() {
        let json = include_bytes!("../tests/recorded/luks2.json");
        let mut head = vec![0; 16384];
        put(&mut head, 0, b"LUKS\xba\xbe\0\x02");
        put(&mut head, 8, &16384u64.to_be_bytes());
        put(&mut head, 24, b"label");
        put(&mut head, 168, b"8213569a-156e-47e8-8a3a-cde2cad1f1cf");
        put(&mut head, JSON, json);
        let header = parse(&head).unwrap();
        assert_eq!(
            (header.version, header.key_bits, header.key_slots),
            (2, 512, 2)
        );
        assert_eq!(header.label.as_deref(), Some("label"));
        assert_eq!(header.cost.as_deref(), Some("time=4 memory=1048576 cpus=4"));
        assert_eq!(
            (header.tokens, header.flags),
            (vec!["clevis".to_owned()], vec!["allow-discards".to_owned()])
        );
        // A header that was cut off, or whose JSON is none.
        assert_eq!(parse(&head[..8000]), None);
        head[JSON] = b'x';
        assert_eq!(parse(&head), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(mut head in prop::collection::vec(any::<u8>(), 8..6000), version in 0..4u8) {
            put(&mut head, 0, b"LUKS\xba\xbe\0");
            head[7] = version;
            let _ = parse(&head);
        }
    }
}
