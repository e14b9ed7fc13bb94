//! Just enough of ELF (64 bit, little endian) to know what a program needs,
//! what a module says about itself, and where a kernel's loadable part ends.
//!
//! Source: System V ABI, gABI 4 (headers, dynamic section).

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
/// `e_machine` of 64-bit Power, both byte orders.
const EM_PPC64: u16 = 21;
const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;

/// Why bytes are not an ELF file that can be read here.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ElfError {
    /// No ELF magic, or another word size or byte order.
    #[error("0590-801 Not a 64-bit little-endian ELF file")]
    Kind,
    /// A header points outside the file.
    #[error("0590-802 ELF file is damaged: its {0} lies outside the file")]
    Outside(&'static str),
}

/// A parsed view of one ELF file.
pub struct Elf<'a> {
    bytes: &'a [u8],
    segments: Vec<Segment>,
}

/// One program header; offsets and sizes in bytes.
struct Segment {
    kind: u32,
    offset: usize,
    address: u64,
    file_size: usize,
}

impl<'a> Elf<'a> {
    /// Reads the headers.
    ///
    /// # Errors
    /// [`ElfError`] when the bytes are something else or damaged.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ElfError> {
        // Class 2 is 64 bit, data 1 is little endian.
        if bytes.get(..6) != Some(b"\x7fELF\x02\x01") {
            return Err(ElfError::Kind);
        }
        let outside = ElfError::Outside("program header table");
        let table = usize_at(bytes, 32).ok_or(ElfError::Outside("header"))?;
        let entry = usize::from(u16_at(bytes, 54).ok_or(ElfError::Outside("header"))?);
        let count = usize::from(u16_at(bytes, 56).ok_or(ElfError::Outside("header"))?);
        let mut segments = Vec::with_capacity(count);
        for index in 0..count {
            let at = index.checked_mul(entry).and_then(|n| n.checked_add(table));
            let segment = at.and_then(|at| Segment::parse(bytes.get(at..)?));
            segments.push(segment.ok_or_else(|| outside.clone())?);
        }
        Ok(Self { bytes, segments })
    }

    /// Whether it is for 64-bit Power.
    pub fn is_power(&self) -> bool {
        u16_at(self.bytes, 18) == Some(EM_PPC64)
    }

    /// The program interpreter (`/lib64/ld64.so.2`), if the file has one.
    pub fn interpreter(&self) -> Option<String> {
        let segment = self.segments.iter().find(|s| s.kind == PT_INTERP)?;
        string(self.bytes.get(segment.offset..segment.end()?)?)
    }

    /// The libraries that the file names as needed, in its order; empty for a
    /// static program.
    ///
    /// # Errors
    /// [`ElfError::Outside`] when the dynamic section is damaged.
    pub fn needed(&self) -> Result<Vec<String>, ElfError> {
        let Some(dynamic) = self.segments.iter().find(|s| s.kind == PT_DYNAMIC) else {
            return Ok(Vec::new());
        };
        let outside = || ElfError::Outside("dynamic section");
        let end = dynamic.end().ok_or_else(outside)?;
        let table = self.bytes.get(dynamic.offset..end).ok_or_else(outside)?;
        let entries = || {
            table
                .chunks_exact(16)
                .filter_map(|e| Some((u64_at(e, 0)?, u64_at(e, 8)?)))
                .take_while(|(tag, _)| *tag != DT_NULL)
        };
        let Some((_, address)) = entries().find(|(tag, _)| *tag == DT_STRTAB) else {
            return Ok(Vec::new());
        };
        let strings = self.at_address(address).ok_or_else(outside)?;
        let name = |offset: u64| string(strings.get(usize::try_from(offset).ok()?..)?);
        entries()
            .filter(|(tag, _)| *tag == DT_NEEDED)
            .map(|(_, offset)| name(offset).ok_or_else(outside))
            .collect()
    }

    /// The file up to the end of its last loadable segment: all that a boot
    /// loader reads. The section headers, which it ignores, are declared absent.
    ///
    /// # Errors
    /// [`ElfError::Outside`] when a segment lies outside the file.
    pub fn loadable(&self) -> Result<Vec<u8>, ElfError> {
        let outside = || ElfError::Outside("loadable segment");
        let mut end = 0;
        for segment in self.segments.iter().filter(|s| s.kind == PT_LOAD) {
            end = end.max(segment.end().ok_or_else(outside)?);
        }
        let mut kept = self.bytes.get(..end).ok_or_else(outside)?.to_vec();
        // e_shoff; then e_shnum and e_shstrndx.
        kept.get_mut(40..48).ok_or_else(outside)?.fill(0);
        kept.get_mut(60..64).ok_or_else(outside)?.fill(0);
        Ok(kept)
    }

    /// The bytes from a virtual address to the end of its segment's file part.
    fn at_address(&self, address: u64) -> Option<&'a [u8]> {
        self.segments
            .iter()
            .filter(|s| s.kind == PT_LOAD)
            .find_map(|segment| {
                let inside = usize::try_from(address.checked_sub(segment.address)?).ok()?;
                let whole = self.bytes.get(segment.offset..segment.end()?)?;
                whole.get(inside..)
            })
    }
}

impl Segment {
    fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            kind: u32_at(bytes, 0)?,
            offset: usize_at(bytes, 8)?,
            address: u64_at(bytes, 16)?,
            file_size: usize_at(bytes, 32)?,
        })
    }

    fn end(&self) -> Option<usize> {
        self.offset.checked_add(self.file_size)
    }
}

/// The contents of the section of this name; `None` when there is none.
///
/// # Errors
/// [`ElfError`] when the bytes are not such an ELF file.
pub fn section<'a>(bytes: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, ElfError> {
    if bytes.get(..6) != Some(b"\x7fELF\x02\x01") {
        return Err(ElfError::Kind);
    }
    let all = sections(bytes).ok_or(ElfError::Outside("section table"))?;
    let found = all.iter().find(|(n, _)| n == name);
    Ok(found.map(|(_, body)| *body))
}

/// Every section that has bytes in the file, with its name.
fn sections(bytes: &[u8]) -> Option<Vec<(String, &[u8])>> {
    const NOBITS: u32 = 8;
    let table = usize_at(bytes, 40)?;
    let entry = usize::from(u16_at(bytes, 58)?);
    let count = usize::from(u16_at(bytes, 60)?);
    let names = usize::from(u16_at(bytes, 62)?);
    let header = |index: usize| bytes.get(table.checked_add(index.checked_mul(entry)?)?..);
    let body = |header: &[u8]| {
        let offset = usize_at(header, 24)?;
        bytes.get(offset..offset.checked_add(usize_at(header, 32)?)?)
    };
    let names = body(header(names)?)?;
    let mut all = Vec::new();
    for index in 0..count {
        let header = header(index)?;
        if u32_at(header, 4)? != NOBITS {
            let name = names.get(usize::try_from(u32_at(header, 0)?).ok()?..)?;
            all.push((string(name)?, body(header)?));
        }
    }
    Some(all)
}

/// The text up to the first NUL.
fn string(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|&b| b == 0)?;
    Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    field(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    field(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    field(bytes, at).map(u64::from_le_bytes)
}

fn usize_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u64_at(bytes, at)?).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A file with one loadable segment at address 0x1000 that holds a dynamic
    /// section naming `needed`, and 64 bytes after it that no segment covers.
    pub(crate) fn program(needed: &[&str]) -> Vec<u8> {
        let mut strings = vec![0];
        let mut dynamic = Vec::new();
        for name in needed {
            dynamic.extend(DT_NEEDED.to_le_bytes());
            dynamic.extend((strings.len() as u64).to_le_bytes());
            strings.extend(name.as_bytes());
            strings.push(0);
        }
        let dynamic_len = dynamic.len() as u64 + 32;
        let body = 64 + 2 * 56;
        dynamic.extend(DT_STRTAB.to_le_bytes());
        dynamic.extend((0x1000 + body + dynamic_len).to_le_bytes());
        dynamic.extend([0; 16]);
        let end = body + dynamic_len + strings.len() as u64;
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(64, 0);
        file[18..20].copy_from_slice(&EM_PPC64.to_le_bytes());
        file[32..40].copy_from_slice(&64u64.to_le_bytes());
        file[40..48].copy_from_slice(&end.to_le_bytes());
        file[54..56].copy_from_slice(&56u16.to_le_bytes());
        file[56..58].copy_from_slice(&2u16.to_le_bytes());
        for (kind, offset, size) in [(PT_LOAD, 0, end), (PT_DYNAMIC, body, dynamic_len)] {
            let mut header = u64::from(kind).to_le_bytes().to_vec();
            for value in [offset, 0x1000 + offset, 0, size, size, 8] {
                header.extend(value.to_le_bytes());
            }
            file.extend(header);
        }
        file.extend(dynamic);
        file.extend(strings);
        file.extend([0xaa; 64]);
        file
    }

    /// A kernel module with nothing but a `.modinfo` section.
    pub(crate) fn module(info: &[u8]) -> Vec<u8> {
        let names = b"\0.modinfo\0.shstrtab\0";
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(64, 0);
        file.extend(info);
        file.extend(names);
        let table = file.len() as u64;
        file[40..48].copy_from_slice(&table.to_le_bytes());
        for (at, value) in [(58, 64u16), (60, 3), (62, 2)] {
            file[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
        file.extend([0; 64]);
        let info_len = info.len() as u64;
        for (name, offset, size) in [
            (1u32, 64, info_len),
            (10, 64 + info_len, names.len() as u64),
        ] {
            let mut header = name.to_le_bytes().to_vec();
            header.resize(24, 0);
            header.extend(offset.to_le_bytes());
            header.extend(size.to_le_bytes());
            header.resize(64, 0);
            file.extend(header);
        }
        file
    }

    #[test]
    fn a_section_is_found_by_its_name() {
        let file = module(b"license=GPL\0");
        assert_eq!(section(&file, ".modinfo"), Ok(Some(&b"license=GPL\0"[..])));
        assert_eq!(section(&file, ".text"), Ok(None));
    }

    #[test]
    fn needed_libraries_come_in_file_order() {
        let file = program(&["libb.so.1", "liba.so.2"]);
        let elf = Elf::parse(&file).unwrap();
        assert_eq!(elf.needed().unwrap(), ["libb.so.1", "liba.so.2"]);
        assert_eq!(elf.interpreter(), None);
        assert!(elf.is_power());
    }

    #[test]
    fn the_loadable_part_ends_with_the_last_segment() {
        let file = program(&["libc.so.6"]);
        let kept = Elf::parse(&file).unwrap().loadable().unwrap();
        assert_eq!(kept.len(), file.len() - 64);
        assert_eq!(kept[40..48], [0; 8], "no section table is left to point at");
        assert_eq!(Elf::parse(&kept).unwrap().needed().unwrap(), ["libc.so.6"]);
    }

    #[test]
    fn other_files_are_refused() {
        assert_eq!(Elf::parse(b"#!/bin/sh\n").err(), Some(ElfError::Kind));
        // Big endian.
        assert_eq!(
            Elf::parse(b"\x7fELF\x02\x02\x01").err(),
            Some(ElfError::Kind)
        );
        assert_eq!(section(b"xz", ".modinfo"), Err(ElfError::Kind));
    }

    proptest::proptest! {
        #[test]
        fn damage_is_an_error_never_a_panic(at in 6usize..400, byte in 0u8.., cut in 0usize..500) {
            let mut file = program(&["libc.so.6", "libm.so.6"]);
            if let Some(place) = file.get_mut(at) { *place = byte; }
            file.truncate(cut.max(8));
            if let Ok(elf) = Elf::parse(&file) {
                let _ = (elf.needed().is_ok(), elf.loadable().is_ok(), elf.interpreter());
            }
            let _ = section(&file, ".modinfo").is_ok();
        }
    }
}
