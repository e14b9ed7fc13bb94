//! Members pulled out of the stream, each checked against the manifest.

use crate::ledger::{Expected, Ledger, Notes};
use crate::manifest::{self, Entry};
use crate::member::{Kind, Member};
use crate::pax::{self, Extended, MAX_RECORDS, padding};
use crate::report::{Finding, Meter};
use crate::sparse::{MapReader, Segment};
use crate::stream::{Broken, Stream};
use crate::ustar::{self, BLOCK, Malformed};

/// Who takes the members.
pub(crate) trait Sink {
    /// What makes going on pointless.
    type Error;
    /// A member begins; its data are these segments of the file.
    fn begin(&mut self, member: &Member, segments: &[Segment]) -> Result<(), Self::Error>;
    /// The next piece of its data.
    fn data(&mut self, member: &Member, bytes: &[u8]) -> Result<(), Self::Error>;
    /// The member is complete and as the manifest says.
    fn end(&mut self, member: &Member) -> Result<(), Self::Error>;
    /// The member that began is not to be used: its data are damaged.
    fn abandon(&mut self, member: &Member);
    /// A file is lost, whether it began or not.
    fn lost(&mut self, finding: Finding);
}

/// Reads the next header with what belongs to it; `None` at tar's end blocks.
pub(crate) fn next_member(stream: &mut Stream<'_>) -> Result<Option<Member>, Broken> {
    let mut block = stream.block()?;
    if block == [0; BLOCK] {
        return Ok(None);
    }
    let mut fields = ustar::parse(&block)?;
    let mut extended = Extended::default();
    if fields.letter == b'x' {
        if fields.size > MAX_RECORDS {
            return Err(Malformed::TooLong(fields.size).into());
        }
        extended = pax::parse(&read_data(stream, fields.size)?)?;
        block = stream.block()?;
        fields = ustar::parse(&block)?;
    }
    Ok(Some(pax::member(fields, extended)?))
}

/// Takes data with its padding.
pub(crate) fn read_data(stream: &mut Stream<'_>, length: u64) -> Result<Vec<u8>, Broken> {
    let mut data = Vec::new();
    let mut left = length;
    while left > 0 {
        let bytes = stream.take(left)?;
        data.extend_from_slice(bytes);
        left -= bytes.len() as u64;
    }
    stream.skip(padding(length) as u64)?;
    Ok(data)
}

/// A member's path and its content.
pub(crate) type Content = (Vec<u8>, Vec<u8>);

/// All members with their content, for streams that fit into memory.
pub(crate) fn read_all(stream: &mut Stream<'_>) -> Result<Vec<Content>, Broken> {
    let mut members = Vec::new();
    while !stream.at_end()
        && let Some(member) = next_member(stream)?
    {
        let content = read_data(stream, member.stored)?;
        members.push((member.path, content));
    }
    Ok(members)
}

/// Why a member did not go through.
pub(crate) enum Failure<E> {
    /// The stream is broken here.
    Stream(Broken),
    /// The sink cannot go on.
    Sink(E),
}

impl<E> From<Broken> for Failure<E> {
    fn from(broken: Broken) -> Self {
        Self::Stream(broken)
    }
}

/// Gives every member of the stream to the sink and names those that are lost,
/// as well as the manifest knows them. After damage it goes on with the next
/// member that is known to begin in a sound frame.
pub(crate) fn read_members<S: Sink>(
    stream: &mut Stream<'_>,
    ledger: &mut Ledger<'_>,
    sink: &mut S,
    meter: &mut Meter<'_>,
) -> Result<(), S::Error> {
    while !stream.at_end() {
        let offset = stream.offset();
        meter.reach(offset);
        let mut begun = None;
        match one_member(stream, ledger, sink, &mut begun) {
            Ok(true) => {}
            Ok(false) => break,
            Err(Failure::Sink(error)) => return Err(error),
            Err(Failure::Stream(broken)) => {
                stream.resync();
                let range = (offset, stream.offset());
                ledger.broken(range, begun, &broken, &mut |finding| sink.lost(finding));
            }
        }
    }
    Ok(())
}

/// The same for a stream whose manifest comes last: up to that, which is compared with
/// what came by.
pub(crate) fn read_stream<S: Sink>(
    stream: &mut Stream<'_>,
    notes: &mut Notes,
    sink: &mut S,
    meter: &mut Meter<'_>,
) -> Result<(), S::Error> {
    let mut ledger = Ledger::Later(std::mem::take(notes));
    let result = read_members(stream, &mut ledger, sink, meter);
    if let Ledger::Later(came) = ledger {
        *notes = came;
    }
    result
}

/// Gives the member that begins here to the sink, if it is the one of this entry.
pub(crate) fn read_one<S: Sink>(
    stream: &mut Stream<'_>,
    entry: Entry,
    sink: &mut S,
) -> Result<(), Failure<S::Error>> {
    let mut ledger = Ledger::Known(Expected::these(std::iter::once(entry)));
    if one_member(stream, &mut ledger, sink, &mut None)? {
        Ok(())
    } else {
        Err(Broken::Short.into())
    }
}

/// Reads one member, and says which one began; false at tar's end blocks, and at the
/// manifest.
fn one_member<S: Sink>(
    stream: &mut Stream<'_>,
    ledger: &mut Ledger<'_>,
    sink: &mut S,
    begun: &mut Option<Vec<u8>>,
) -> Result<bool, Failure<S::Error>> {
    let offset = stream.offset();
    let Some(member) = next_member(stream)? else {
        return Ok(false);
    };
    if let Ledger::Later(notes) = ledger
        && member.path == manifest::PATH
    {
        notes.compare(stream, offset, member.stored)?;
        return Ok(false);
    }
    *begun = Some(member.path.clone());
    let mut hasher = blake3::Hasher::new();
    let mut left = member.stored;
    let segments = match member.kind {
        Kind::Sparse { length } => read_map(stream, length, &mut left, &mut hasher)?,
        _ => vec![Segment {
            offset: 0,
            length: left,
        }],
    };
    sink.begin(&member, &segments).map_err(Failure::Sink)?;
    let copied = copy(stream, &member, left, &mut hasher, sink)
        .and_then(|()| Ok(stream.skip(padding(member.stored) as u64)?));
    if let Err(failure) = copied {
        sink.abandon(&member);
        return Err(failure);
    }
    let wrong = ledger.check(&member, offset, hasher.finalize(), &mut |finding| {
        sink.lost(finding);
    });
    match wrong {
        None => sink.end(&member).map_err(Failure::Sink)?,
        Some(trouble) => {
            sink.abandon(&member);
            sink.lost(Finding::new(&member.path, trouble));
        }
    }
    Ok(true)
}

fn copy<S: Sink>(
    stream: &mut Stream<'_>,
    member: &Member,
    mut left: u64,
    hasher: &mut blake3::Hasher,
    sink: &mut S,
) -> Result<(), Failure<S::Error>> {
    while left > 0 {
        let bytes = stream.take(left)?;
        hasher.update(bytes);
        sink.data(member, bytes).map_err(Failure::Sink)?;
        left -= bytes.len() as u64;
    }
    Ok(())
}

/// Reads a sparse file's map, whose segments must be what is left of its data.
fn read_map(
    stream: &mut Stream<'_>,
    length: u64,
    left: &mut u64,
    hasher: &mut blake3::Hasher,
) -> Result<Vec<Segment>, Broken> {
    let mut reader = MapReader::default();
    loop {
        let block = stream.block()?;
        hasher.update(&block);
        *left = left.checked_sub(BLOCK as u64).ok_or(Malformed::Map)?;
        if let Some(segments) = reader.block(&block, length)? {
            // Ascending within the file: the sum cannot overflow.
            let stored: u64 = segments.iter().map(|segment| segment.length).sum();
            return if stored == *left {
                Ok(segments)
            } else {
                Err(Malformed::Map.into())
            };
        }
    }
}
