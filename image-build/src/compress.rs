//! gzip for the kernel, zstd for the initramfs, and a memory of what was
//! compressed before: compressing well takes half a minute, and from one build
//! to the next most parts are the same.

use std::path::{Path, PathBuf};

use lifeboat_sys::fs::{self, FsError, PathContext as _};

/// The level at which zstd spends build time to save boot time and bytes.
/// Decompression is as fast as at any other level.
const ZSTD_LEVEL: i32 = 19;
/// The highest level that `gzip -9` knows as well.
const DEFLATE_LEVEL: u8 = 9;

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// RFC 1952; GRUB's gzio reads it.
    Gzip,
    /// RFC 8878; the kernel reads it (`CONFIG_RD_ZSTD`).
    Zstd,
}

/// Compressing failed.
#[derive(Debug, thiserror::Error)]
pub enum CompressError {
    /// zstd refused.
    #[error("0590-804 zstd cannot compress {name}")]
    Zstd {
        /// Which part of the image.
        name: String,
        /// What zstd said.
        #[source]
        source: std::io::Error,
    },
    /// The remembered part could not be kept.
    #[error(transparent)]
    File(#[from] FsError),
}

/// The compressed form of a part, taken from `memory` if the same bytes were
/// compressed by the same method there before.
///
/// # Errors
/// [`CompressError`] when the compressor or the memory directory fails.
pub fn remembered(
    memory: &Path,
    name: &str,
    method: Method,
    bytes: &[u8],
) -> Result<Vec<u8>, CompressError> {
    let key = format!(
        "{method:?} {ZSTD_LEVEL} {DEFLATE_LEVEL} {}\n",
        blake3::hash(bytes)
    );
    let (key_file, body_file) = (part(memory, name, "key"), part(memory, name, "packed"));
    // A missing or older memory is no error: the part is compressed again.
    if fs::read_to_string(&key_file).is_ok_and(|known| known == key)
        && let Ok(packed) = fs::read(&body_file)
    {
        return Ok(packed);
    }
    let packed = match method {
        Method::Gzip => gzip(bytes),
        Method::Zstd => zstd(name, bytes)?,
    };
    fs::create_dir_all(memory)?;
    // Without its key a body counts for nothing, so an interruption between
    // these lines only costs time.
    std::fs::remove_file(&key_file)
        .or_else(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(e),
        })
        .at("remove", &key_file)?;
    fs::write(&body_file, &packed)?;
    fs::write(&key_file, key)?;
    Ok(packed)
}

fn part(memory: &Path, name: &str, extension: &str) -> PathBuf {
    memory.join(format!("{}.{extension}", name.replace(' ', "-")))
}

/// One gzip member without a name and with time 0, so that the same bytes
/// always give the same file.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    // Magic, method deflate, no flags, no time, slowest compression, Unix.
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3];
    out.extend(miniz_oxide::deflate::compress_to_vec(bytes, DEFLATE_LEVEL));
    out.extend(crc32fast::hash(bytes).to_le_bytes());
    // The format keeps the length modulo 2^32.
    let length = bytes.len() as u64 & u64::from(u32::MAX);
    out.extend(&length.to_le_bytes()[..4]);
    out
}

fn zstd(name: &str, bytes: &[u8]) -> Result<Vec<u8>, CompressError> {
    let failed = |source| CompressError::Zstd {
        name: name.to_owned(),
        source,
    };
    zstd::bulk::compress(bytes, ZSTD_LEVEL).map_err(failed)
}

#[cfg(test)]
mod tests {
    use lifeboat_sys::run::Tool;

    use super::*;

    #[test]
    fn gzip_reads_ours() {
        let text = b"lifeboat ".repeat(1000);
        let back = Tool::new("gzip")
            .arg("-dc")
            .stdin(gzip(&text))
            .run()
            .unwrap();
        assert_eq!(back.stdout, text);
    }

    #[test]
    fn zstd_reads_ours_in_one_frame_after_another() {
        let mut both = zstd("a", b"first ").unwrap();
        both.extend(zstd("b", b"second").unwrap());
        let back = Tool::new("zstd").arg("-dc").stdin(both).run().unwrap();
        assert_eq!(back.text(), "first second");
    }

    #[test]
    fn a_part_is_compressed_again_only_when_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        let pack = |bytes: &[u8]| remembered(dir.path(), "tools", Method::Zstd, bytes).unwrap();
        let first = pack(b"one");
        // A mark in the remembered body shows whether it was used.
        fs::write(dir.path().join("tools.packed"), "from memory").unwrap();
        assert_eq!(pack(b"one"), b"from memory");
        assert_ne!(pack(b"two"), b"from memory");
        assert_eq!(pack(b"one"), first);
    }
}
