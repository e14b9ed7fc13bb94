//! Members pulled out of the stream, each checked against the manifest.

use crate::job::Head;
use crate::ledger::{Expected, Ledger, Notes};
use crate::manifest;
use crate::member::{Kind, Member};
use crate::pax::{self, Extended, MAX_RECORDS, padding};
use crate::report::{Finding, Meter};
use crate::sparse::{MapReader, Segment};
use crate::stock::Slice;
use crate::stream::{Broken, Stream};
use crate::ustar::{self, BLOCK, Malformed};

/// Who takes the members.
pub(crate) trait Sink {
    /// What makes going on pointless.
    type Error;
    /// A member begins.
    fn begin(&mut self, head: Head) -> Result<(), Self::Error>;
    /// The next piece of its data.
    fn data(&mut self, slice: Slice) -> Result<(), Self::Error>;
    /// Its data are complete; whether they are as they should be the sink finds out.
    fn end(&mut self) -> Result<(), Self::Error>;
    /// The member that began is not to be used: its data are damaged.
    fn abandon(&mut self);
    /// A file is lost, whether it began or not.
    fn lost(&mut self, finding: Finding);
    /// All members that ended are checked when this returns.
    fn settle(&mut self);
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
pub(crate) type OwnMember = (Vec<u8>, Vec<u8>);

/// All members with their content, for streams that fit into memory.
pub(crate) fn read_all(stream: &mut Stream<'_>) -> Result<Vec<OwnMember>, Broken> {
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

/// Gives those members of the stream to the sink that the ledger expects, and names
/// those that are lost. What lies between is passed over, if it is there at all.
pub(crate) fn read_expected<S: Sink>(
    stream: &mut Stream<'_>,
    expected: Expected<'_>,
    sink: &mut S,
    meter: &mut Meter<'_>,
) -> Result<(), S::Error> {
    let mut ledger = Ledger::Known(expected);
    while let Ledger::Known(expected) = &mut ledger
        && let Some(offset) = expected.next_offset()
    {
        stream.seek(offset);
        meter.reach(offset);
        match one_member(stream, &mut ledger, sink, &mut None) {
            Ok(_) => {}
            Err(Failure::Sink(error)) => return Err(error),
            Err(Failure::Stream(broken)) => {
                let range = (offset, offset + 1);
                ledger.broken(range, None, &broken, &mut |finding| sink.lost(finding));
            }
        }
        // A header that is another's, or none, is no reason to stay.
        ledger.broken((offset, offset + 1), None, &Broken::Short, &mut |finding| {
            sink.lost(finding);
        });
    }
    Ok(())
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
        sink.settle();
        notes.compare(stream, offset, member.stored)?;
        return Ok(false);
    }
    *begun = Some(member.path.clone());
    let stored = member.stored;
    let check = match ledger.announce(&member, offset, &mut |finding| sink.lost(finding)) {
        Ok(check) => check,
        Err(trouble) => {
            sink.lost(Finding::new(&member.path, trouble));
            stream.skip(stored)?;
            stream.skip(padding(stored) as u64)?;
            return Ok(true);
        }
    };
    let mut length = stored;
    let (segments, map) = match member.kind {
        Kind::Sparse { length: file } => read_map(stream, file, &mut length)?,
        _ => (vec![Segment { offset: 0, length }], Vec::new()),
    };
    let whole = stream.is_whole(length);
    let head = Head {
        member,
        segments,
        map,
        check,
        length,
        whole,
    };
    sink.begin(head).map_err(Failure::Sink)?;
    let copied = copy(stream, length, sink).and_then(|()| Ok(stream.skip(padding(stored) as u64)?));
    if let Err(failure) = copied {
        sink.abandon();
        return Err(failure);
    }
    ledger.complete();
    sink.end().map_err(Failure::Sink)?;
    Ok(true)
}

fn copy<S: Sink>(
    stream: &mut Stream<'_>,
    mut left: u64,
    sink: &mut S,
) -> Result<(), Failure<S::Error>> {
    while left > 0 {
        let slice = stream.share(left)?;
        left -= slice.len() as u64;
        sink.data(slice).map_err(Failure::Sink)?;
    }
    Ok(())
}

/// Reads a sparse file's map, whose segments must be what is left of its data, and
/// keeps its bytes.
fn read_map(
    stream: &mut Stream<'_>,
    file: u64,
    left: &mut u64,
) -> Result<(Vec<Segment>, Vec<u8>), Broken> {
    let mut reader = MapReader::default();
    let mut map = Vec::new();
    loop {
        let block = stream.block()?;
        map.extend_from_slice(&block);
        *left = left.checked_sub(BLOCK as u64).ok_or(Malformed::Map)?;
        if let Some(segments) = reader.block(&block, file)? {
            // Ascending within the file: the sum cannot overflow.
            let stored: u64 = segments.iter().map(|segment| segment.length).sum();
            return if stored == *left {
                Ok((segments, map))
            } else {
                Err(Malformed::Map.into())
            };
        }
    }
}
