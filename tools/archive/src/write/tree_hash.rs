//! BLAKE3 of a file whose parts are hashed by several threads: its tree of hashes,
//! put together from the hashes of equal parts.

use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};

/// The hash of one of several parts, which begins here; a power of two bytes, at
/// least 1024, but for the last.
pub(crate) fn part(bytes: &[u8], offset: u64) -> ChainingValue {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset);
    hasher.update(bytes);
    hasher.finalize_non_root()
}

/// The hash of the whole, `length` bytes in two or more parts of `size` bytes.
pub(crate) fn whole(parts: &[ChainingValue], size: u64, length: u64) -> blake3::Hash {
    let (left, right) = halves(parts, size, length);
    merge_subtrees_root(&left, &right, Mode::Hash)
}

fn subtree(parts: &[ChainingValue], size: u64, length: u64) -> ChainingValue {
    if let [part] = parts {
        return *part;
    }
    let (left, right) = halves(parts, size, length);
    merge_subtrees_non_root(&left, &right, Mode::Hash)
}

fn halves(parts: &[ChainingValue], size: u64, length: u64) -> (ChainingValue, ChainingValue) {
    let left = left_subtree_len(length);
    // No more than there are parts, and a power of two of them.
    let count = usize::try_from(left / size).unwrap_or(usize::MAX);
    let (first, second) = parts.split_at(count);
    (
        subtree(first, size, left),
        subtree(second, size, length - left),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_same_hash_as_the_whole() {
        let bytes: Vec<u8> = (0..40_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for size in [1024, 4096] {
            for length in [
                size + 1,
                2 * size,
                3 * size - 5,
                5 * size,
                8 * size,
                9 * size + 1,
            ] {
                let bytes = &bytes[..length];
                let offsets = (0..).step_by(size);
                let parts: Vec<_> = bytes
                    .chunks(size)
                    .zip(offsets)
                    .map(|(bytes, offset)| part(bytes, offset))
                    .collect();
                let whole = whole(&parts, size as u64, length as u64);
                assert_eq!(whole, blake3::hash(bytes), "{length} in {size}");
            }
        }
    }
}
