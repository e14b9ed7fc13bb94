//! Members to tar headers and back: a ustar block, preceded by a pax extended
//! header where the block is too narrow.
//!
//! Keywords beyond POSIX are those of GNU tar: `SCHILY.xattr.*` for extended
//! attributes, `GNU.sparse.*` (version 1.0) for files with holes; that of
//! libarchive, `SCHILY.fflags`, for inode flags; and `LIFEBOAT.projid`.

use crate::flags;
use crate::member::{Attribute, Device, Kind, Member, Time};
use crate::ustar::{BLOCK, Block, Fields, Malformed};

/// The longest extended header that is written or read, in bytes.
pub(crate) const MAX_RECORDS: u64 = 8 << 20;

/// The name that an extended header has for readers who do not know pax.
const PAX_NAME: &[u8] = b"././@PaxHeader";

const XATTR: &[u8] = b"SCHILY.xattr.";
const FLAGS: &[u8] = b"SCHILY.fflags";
const PROJECT: &[u8] = b"LIFEBOAT.projid";

/// The header blocks of a member.
pub(crate) fn encode(member: &Member) -> Vec<u8> {
    let (letter, target) = match &member.kind {
        Kind::File | Kind::Sparse { .. } => (b'0', &[][..]),
        Kind::HardLink { target } => (b'1', &target[..]),
        Kind::Symlink { target } => (b'2', &target[..]),
        Kind::Char(_) => (b'3', &[][..]),
        Kind::Block(_) => (b'4', &[][..]),
        Kind::Directory => (b'5', &[][..]),
        Kind::Fifo => (b'6', &[][..]),
    };
    let mut block = Block::new(letter);
    let mut records = Records::default();
    let name = name_in_header(member);
    if !block.name(&name) {
        records.push(b"path", &name);
    }
    if !block.link(target) {
        records.push(b"linkpath", target);
    }
    if !block.user(&member.user) {
        records.push(b"uname", &member.user);
    }
    if !block.group(&member.group) {
        records.push(b"gname", &member.group);
    }
    block.mode(member.mode);
    if !block.uid(member.uid) {
        records.number(b"uid", u64::from(member.uid));
    }
    if !block.gid(member.gid) {
        records.number(b"gid", u64::from(member.gid));
    }
    if !block.size(member.stored) {
        records.number(b"size", member.stored);
    }
    let fits = block.mtime(u64::try_from(member.modified.seconds).unwrap_or(0));
    if !fits || member.modified.seconds < 0 || member.modified.nanoseconds != 0 {
        records.push(b"mtime", time_to_text(member.modified).as_bytes());
    }
    match &member.kind {
        Kind::Char(Device { major, minor }) | Kind::Block(Device { major, minor }) => {
            block.device(*major, *minor);
        }
        Kind::Sparse { length } => {
            records.number(b"GNU.sparse.major", 1);
            records.number(b"GNU.sparse.minor", 0);
            records.push(b"GNU.sparse.name", &member.path);
            records.number(b"GNU.sparse.realsize", *length);
        }
        _ => {}
    }
    if member.flags != 0 {
        records.push(FLAGS, flags::to_text(member.flags).as_bytes());
    }
    if member.project != 0 {
        records.number(PROJECT, u64::from(member.project));
    }
    for (name, value) in &member.attributes {
        records.push(&attribute_keyword(name), value);
    }
    let mut header = records.finish();
    header.extend_from_slice(&block.finish());
    header
}

/// A directory's name ends in a slash. A sparse file's goes where a reader that
/// takes it for a plain file does not overwrite anything.
fn name_in_header(member: &Member) -> Vec<u8> {
    let mut name = member.path.clone();
    match member.kind {
        Kind::Directory => name.push(b'/'),
        Kind::Sparse { .. } => {
            let base = name
                .iter()
                .rposition(|&byte| byte == b'/')
                .map_or(0, |slash| slash + 1);
            name.splice(base..base, *b"GNUSparseFile.0/");
        }
        _ => {}
    }
    name
}

/// Zeros that fill data of this length up to a whole block.
pub(crate) fn padding(length: u64) -> usize {
    // What is below 512 fits.
    usize::try_from(length.wrapping_neg() % BLOCK as u64).unwrap_or(0)
}

/// The records of an extended header: `length keyword=value\n`.
#[derive(Debug, Default)]
struct Records {
    bytes: Vec<u8>,
    binary: bool,
}

impl Records {
    fn push(&mut self, keyword: &[u8], value: &[u8]) {
        // Only POSIX's own keywords promise UTF-8.
        if !keyword.starts_with(XATTR) && std::str::from_utf8(value).is_err() {
            self.binary = true;
        }
        push_record(&mut self.bytes, keyword, value);
    }

    fn number(&mut self, keyword: &[u8], value: u64) {
        self.push(keyword, value.to_string().as_bytes());
    }

    /// The extended header with its data, or nothing if there are no records.
    fn finish(self) -> Vec<u8> {
        if self.bytes.is_empty() {
            return Vec::new();
        }
        let mut data = Vec::new();
        if self.binary {
            push_record(&mut data, b"hdrcharset", b"BINARY");
        }
        data.extend_from_slice(&self.bytes);
        let mut block = Block::new(b'x');
        block.name(PAX_NAME);
        block.mode(0o644);
        block.uid(0);
        block.gid(0);
        block.size(data.len() as u64);
        block.mtime(0);
        let mut header = block.finish().to_vec();
        header.extend_from_slice(&data);
        header.resize(header.len() + padding(data.len() as u64), 0);
        header
    }
}

/// The length that begins a record counts itself.
fn push_record(to: &mut Vec<u8>, keyword: &[u8], value: &[u8]) {
    let rest = keyword.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    to.extend_from_slice(format!("{length} ").as_bytes());
    to.extend_from_slice(keyword);
    to.push(b'=');
    to.extend_from_slice(value);
    to.push(b'\n');
}

/// A keyword ends at the first `=`; GNU tar writes one inside a name as `%3D`.
fn attribute_keyword(name: &[u8]) -> Vec<u8> {
    let mut keyword = XATTR.to_vec();
    for &byte in name {
        match byte {
            b'%' => keyword.extend_from_slice(b"%25"),
            b'=' => keyword.extend_from_slice(b"%3D"),
            _ => keyword.push(byte),
        }
    }
    keyword
}

fn attribute_name(keyword: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    let mut rest = keyword;
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, skip) = match rest.get(..3) {
            Some(b"%25") => (b'%', 3),
            Some(b"%3D") => (b'=', 3),
            _ => (byte, rest.len() - after.len()),
        };
        name.push(byte);
        rest = &rest[skip..];
    }
    name
}

/// Decimal seconds: what precedes 1970 counts from the next full second.
fn time_to_text(time: Time) -> String {
    let (seconds, nanoseconds) = (time.seconds, time.nanoseconds);
    let text = if seconds < 0 && nanoseconds > 0 {
        format!("-{}.{:09}", -(seconds + 1), 1_000_000_000 - nanoseconds)
    } else {
        format!("{seconds}.{nanoseconds:09}")
    };
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

fn time_from_text(text: &[u8]) -> Result<Time, Malformed> {
    let text = std::str::from_utf8(text).map_err(|_| Malformed::Number("mtime"))?;
    let (negative, digits) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number = |text: &str| -> Result<u64, Malformed> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse().ok() } else { None }.ok_or(Malformed::Number("mtime"))
    };
    let seconds = i64::try_from(number(whole)?).map_err(|_| Malformed::Number("mtime"))?;
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    number(&fraction[..fraction.len().min(18)])?;
    let nine: String = fraction.chars().chain("00000000".chars()).take(9).collect();
    // Nine digits.
    let nanoseconds = u32::try_from(number(&nine)?).map_err(|_| Malformed::Number("mtime"))?;
    Ok(match (negative, nanoseconds) {
        (false, _) => Time {
            seconds,
            nanoseconds,
        },
        (true, 0) => Time {
            seconds: -seconds,
            nanoseconds,
        },
        (true, _) => Time {
            seconds: -seconds - 1,
            nanoseconds: 1_000_000_000 - nanoseconds,
        },
    })
}

/// What an extended header said.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    user: Option<Vec<u8>>,
    group: Option<Vec<u8>>,
    uid: Option<u32>,
    gid: Option<u32>,
    size: Option<u64>,
    modified: Option<Time>,
    sparse_name: Option<Vec<u8>>,
    sparse_length: Option<u64>,
    attributes: Vec<Attribute>,
    flags: u32,
    project: u32,
}

/// Reads the records of an extended header. Keywords that say nothing about what
/// is stored here are passed over, as pax demands.
pub(crate) fn parse(mut data: &[u8]) -> Result<Extended, Malformed> {
    let mut extended = Extended::default();
    while !data.is_empty() {
        let (keyword, value, rest) = split_record(data).ok_or(Malformed::Record)?;
        data = rest;
        let own = || Some(value.to_vec());
        match keyword {
            b"path" => extended.path = own(),
            b"linkpath" => extended.link = own(),
            b"uname" => extended.user = own(),
            b"gname" => extended.group = own(),
            b"uid" => extended.uid = Some(decimal(value, "uid")?),
            b"gid" => extended.gid = Some(decimal(value, "gid")?),
            b"size" => extended.size = Some(decimal(value, "size")?),
            b"mtime" => extended.modified = Some(time_from_text(value)?),
            FLAGS => extended.flags = flags::from_text(value),
            PROJECT => extended.project = decimal(value, "LIFEBOAT.projid")?,
            b"GNU.sparse.name" => extended.sparse_name = own(),
            b"GNU.sparse.realsize" => {
                extended.sparse_length = Some(decimal(value, "GNU.sparse.realsize")?);
            }
            _ => {
                if let Some(name) = keyword.strip_prefix(XATTR) {
                    extended
                        .attributes
                        .push((attribute_name(name), value.to_vec()));
                }
            }
        }
    }
    Ok(extended)
}

/// Keyword, value and what follows the first record.
fn split_record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = data.iter().take(20).position(|&byte| byte == b' ')?;
    let length: usize = decimal(&data[..blank], "length").ok()?;
    let (record, rest) = data.split_at_checked(length)?;
    let body = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|&byte| byte == b'=')?;
    Some((&body[..equals], &body[equals + 1..], rest))
}

fn decimal<T: std::str::FromStr>(text: &[u8], name: &'static str) -> Result<T, Malformed> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits);
    text.and_then(|text| text.parse().ok())
        .ok_or(Malformed::Number(name))
}

/// The member that a header block and the extended header before it describe.
pub(crate) fn member(fields: Fields, extended: Extended) -> Result<Member, Malformed> {
    let target = extended.link.unwrap_or(fields.link);
    let device = Device {
        major: fields.major,
        minor: fields.minor,
    };
    let kind = match (fields.letter, extended.sparse_length) {
        (b'0' | 0, Some(length)) => Kind::Sparse { length },
        (b'0' | 0, None) => Kind::File,
        (b'1', _) => Kind::HardLink { target },
        (b'2', _) => Kind::Symlink { target },
        (b'3', _) => Kind::Char(device),
        (b'4', _) => Kind::Block(device),
        (b'5', _) => Kind::Directory,
        (b'6', _) => Kind::Fifo,
        (letter, _) => return Err(Malformed::Type(letter)),
    };
    let mut path = extended
        .sparse_name
        .or(extended.path)
        .unwrap_or(fields.name);
    while path.len() > 1 && path.ends_with(b"/") {
        path.pop();
    }
    let seconds = i64::try_from(fields.mtime).map_err(|_| Malformed::Number("mtime"))?;
    Ok(Member {
        path,
        kind,
        mode: fields.mode & 0o7777,
        uid: extended.uid.unwrap_or(fields.uid),
        gid: extended.gid.unwrap_or(fields.gid),
        user: extended.user.unwrap_or(fields.user),
        group: extended.group.unwrap_or(fields.group),
        modified: extended.modified.unwrap_or(Time {
            seconds,
            nanoseconds: 0,
        }),
        stored: extended.size.unwrap_or(fields.size),
        attributes: extended.attributes,
        flags: extended.flags,
        project: extended.project,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ustar;
    use proptest::prelude::*;

    fn decode(bytes: &[u8]) -> Result<Member, Malformed> {
        let block = |at: usize| <&[u8; BLOCK]>::try_from(&bytes[at..at + BLOCK]).unwrap();
        let first = ustar::parse(block(0))?;
        if first.letter != b'x' {
            return member(first, Extended::default());
        }
        let length = usize::try_from(first.size).unwrap();
        let extended = parse(&bytes[BLOCK..BLOCK + length])?;
        member(ustar::parse(block(bytes.len() - BLOCK))?, extended)
    }

    fn text(length: usize) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(1_u8..=255, 0..length)
    }

    fn path() -> impl Strategy<Value = Vec<u8>> {
        let name = text(200).prop_map(|name| name.into_iter().filter(|&b| b != b'/').collect());
        name.prop_map(|name: Vec<u8>| [b"./d/n", &name[..]].concat())
    }

    fn kind() -> impl Strategy<Value = Kind> {
        let device = (0..1_u32 << 12, 0..1_u32 << 20);
        let device = device.prop_map(|(major, minor)| Device { major, minor });
        prop_oneof![
            Just(Kind::File),
            any::<u64>().prop_map(|length| Kind::Sparse { length }),
            path().prop_map(|target| Kind::HardLink { target }),
            text(300).prop_map(|target| Kind::Symlink { target }),
            device.clone().prop_map(Kind::Char),
            device.prop_map(Kind::Block),
            Just(Kind::Directory),
            Just(Kind::Fifo),
        ]
    }

    prop_compose! {
        fn any_member()(
            path in path(), kind in kind(), mode in 0..0o10000_u32, uid: u32, gid: u32,
            user in text(40), group in text(40), seconds in -(1_i64 << 40)..1 << 40,
            nanoseconds in 0..1_000_000_000_u32, stored: u64, flags: u32, project: u32,
            attributes in proptest::collection::vec((text(30), proptest::collection::vec(any::<u8>(), 0..40)), 0..4),
        ) -> Member {
            let modified = Time { seconds, nanoseconds };
            Member { path, kind, mode, uid, gid, user, group, modified, stored, attributes, flags: flags & flags::STORED, project }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_member_comes_back(member in any_member()) {
            let header = encode(&member);
            prop_assert_eq!(header.len() % BLOCK, 0);
            prop_assert_eq!(decode(&header).unwrap(), member);
        }

        #[test]
        fn broken_records_are_refused_or_read_but_never_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&data);
        }
    }

    #[test]
    fn a_plain_member_needs_one_block() {
        let member = Member {
            path: b"./etc/passwd".to_vec(),
            kind: Kind::File,
            mode: 0o644,
            uid: 0,
            gid: 0,
            user: b"root".to_vec(),
            group: b"root".to_vec(),
            modified: Time {
                seconds: 1_700_000_000,
                nanoseconds: 0,
            },
            stored: 3,
            attributes: Vec::new(),
            flags: 0,
            project: 0,
        };
        assert_eq!(encode(&member).len(), BLOCK);
    }

    #[test]
    fn a_record_counts_its_own_length() {
        for (value, record) in [("v", &b"6 k=v\n"[..]), ("12345", b"11 k=12345\n")] {
            let mut bytes = Vec::new();
            push_record(&mut bytes, b"k", value.as_bytes());
            assert_eq!(bytes, record);
        }
    }

    #[test]
    fn times_before_1970_and_fractions() {
        for (text, seconds, nanoseconds) in [
            ("-0.5", -1, 500_000_000),
            ("-3", -3, 0),
            ("-1.000000001", -2, 999_999_999),
            ("0", 0, 0),
            ("1700000000.000000001", 1_700_000_000, 1),
        ] {
            let time = Time {
                seconds,
                nanoseconds,
            };
            assert_eq!(time_to_text(time), text);
            assert_eq!(time_from_text(text.as_bytes()), Ok(time));
        }
        assert!(time_from_text(b"").is_err() && time_from_text(b"1.x").is_err());
    }
}
