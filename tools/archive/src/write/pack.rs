//! The content of a job into frames.

use std::io;

use zstd::zstd_safe::{
    CCtx, CParameter, ResetDirective, Strategy, compress_bound, get_error_name, max_c_level,
    min_c_level,
};

use super::content::Content;
use super::job::Packed;
use crate::frames::{MAX_FRAME_SIZE, frame_hash};

/// The level of `CreateOptions::default`: a little smaller than
/// zstd's level 3 for a fifth less work.
///
/// Measured on systems' files in frames of 8 MiB: one hash table over a window as
/// long as the frame finds as much as the two tables of zstd's own level over 2 MiB.
pub(crate) const DEFAULT_LEVEL: i32 = 3;
const WINDOW_LOG: u32 = 23;
const HASH_LOG: u32 = 18;
const MIN_MATCH: u32 = 6;

/// Compresses; the same content becomes the same bytes every time.
pub(crate) struct Packer {
    context: CCtx<'static>,
    level: i32,
    /// What the context is set to.
    current: Option<i32>,
}

impl Packer {
    /// A packer for one of zstd's levels.
    pub fn new(level: i32) -> Self {
        Self {
            context: CCtx::create(),
            level: level.clamp(min_c_level(), max_c_level()),
            current: None,
        }
    }

    /// Packs content, usually into one frame.
    pub fn pack(&mut self, content: &Content, unpacked: bool) -> io::Result<Vec<Packed>> {
        // At its lowest level zstd stores content as it is.
        let level = if unpacked { min_c_level() } else { self.level };
        if self.current != Some(level) {
            self.set(level).map_err(failed)?;
            self.current = Some(level);
        }
        let mut frames = Vec::new();
        let mut start = 0;
        for raw in content.since(0).chunks(MAX_FRAME_SIZE as usize) {
            let end = start + raw.len() as u64;
            let members = content.members();
            let first = members[members.partition_point(|at| *at < start)..].first();
            let mut bytes = Vec::with_capacity(compress_bound(raw.len()));
            self.context.compress2(&mut bytes, raw).map_err(failed)?;
            frames.push(Packed {
                raw: u32::try_from(raw.len()).map_err(io::Error::other)?,
                hash: frame_hash(&bytes),
                bytes,
                first_member: first.filter(|at| **at < end).copied(),
            });
            start = end;
        }
        Ok(frames)
    }

    fn set(&mut self, level: i32) -> Result<(), usize> {
        let context = &mut self.context;
        context.reset(ResetDirective::Parameters)?;
        context.set_parameter(CParameter::CompressionLevel(level))?;
        context.set_parameter(CParameter::ChecksumFlag(true))?;
        if level == DEFAULT_LEVEL {
            context.set_parameter(CParameter::Strategy(Strategy::ZSTD_fast))?;
            context.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
            context.set_parameter(CParameter::HashLog(HASH_LOG))?;
            context.set_parameter(CParameter::MinMatch(MIN_MATCH))?;
        }
        Ok(())
    }
}

fn failed(code: usize) -> io::Error {
    io::Error::other(get_error_name(code))
}
