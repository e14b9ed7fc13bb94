//! The table of packages: which package of the distribution has the driver of a device,
//! or a file of firmware.
//!
//! Each line is `PATTERN PACKAGE [MODULE]`. The pattern is one of `modules.alias`, or
//! `firmware:` and the name of a file below `/lib/firmware`; a blank in it is written
//! `?`. `%r` in the package's name stands for the kernel's release. What follows `#`
//! at the start of a line is a comment.

use std::path::Path;

use lifeboat_sys::fs::{self, FsError, PathContext};
use miniz_oxide::inflate::decompress_to_vec_with_limit;

use crate::alias::AliasIndex;
use crate::coldplug::{children, file_name};
use crate::distribution::Distribution;

/// The table that Lifeboat brings along, made from Debian's packages.
pub const SHIPPED: &str = "usr/lib/lifeboat/packages.table.gz";
/// Where a restore leaves it for the first boot of a system without Lifeboat.
pub const FIRST_BOOT: &str = "usr/lib/lifeboat-firstboot/packages.table.gz";
/// Where an administrator adds tables; what they say counts first.
pub const OWN: &str = "etc/lifeboat/packages.d";
/// More than any table has, so that a damaged one cannot fill the memory.
const LIMIT: usize = 64 << 20;

/// The table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FsError),
    /// It is not compressed as gzip does, or damaged.
    #[error("0590-505 {0} is damaged; install Lifeboat's package again")]
    Damaged(String),
}

/// What provides a driver or a file of firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// The package's name.
    pub package: String,
    /// The module in it, if the table says which.
    pub module: Option<String>,
}

/// The table.
#[derive(Debug, Default)]
pub struct Table {
    /// What administrators have added.
    own: AliasIndex,
    /// What Lifeboat brings along.
    shipped: AliasIndex,
}

impl Table {
    /// Reads all tables of the system below `root`. Any may be missing.
    ///
    /// # Errors
    /// [`TableError`] for one that is there and cannot be read.
    pub fn read(root: &Path) -> Result<Self, TableError> {
        let places = [SHIPPED, FIRST_BOOT].map(|path| root.join(path));
        let shipped = match places.iter().find(|path| path.exists()) {
            Some(path) => unpacked(&fs::read(path)?)?,
            None => String::new(),
        };
        let files = children(&root.join(OWN)).unwrap_or_default();
        let tables = files.iter().filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "table")
        });
        let mut own = Vec::new();
        for path in tables {
            own.push((
                file_name(path),
                std::fs::read_to_string(path).at("read", path)?,
            ));
        }
        let own: Vec<(&str, &str)> = own.iter().map(|(name, text)| (&**name, &**text)).collect();
        Ok(Self::parse(&own, &shipped))
    }

    /// The table of these texts: files that were added, with their names, and the one
    /// that Lifeboat brings along. A line of another shape is left out, with a warning.
    #[must_use]
    pub fn parse(own: &[(&str, &str)], shipped: &str) -> Self {
        let own = own.iter().flat_map(|&(name, text)| lines(name, text));
        Self {
            own: AliasIndex::of_answers(own),
            shipped: AliasIndex::of_answers(lines(SHIPPED, shipped)),
        }
    }

    /// What has a driver for a device that calls itself so.
    #[must_use]
    pub fn of_device(&self, modalias: &str, on: &Distribution) -> Option<Provider> {
        let own = self.own.matching(modalias).into_iter().next();
        let own = own.map(|answer| provider(answer, on));
        own.or_else(|| {
            let answer = self.shipped.matching(modalias).into_iter().next()?;
            let debian = provider(answer, on);
            let package = on.modules().unwrap_or(debian.package);
            Some(Provider { package, ..debian })
        })
    }

    /// What has a file of firmware, given as the kernel asks for it.
    #[must_use]
    pub fn of_firmware(&self, file: &str, on: &Distribution) -> Option<Provider> {
        let name = format!("firmware:{file}");
        let own = self.own.matching(&name).into_iter().next();
        let own = own.map(|answer| provider(answer, on));
        own.or_else(|| {
            let answer = self.shipped.matching(&name).into_iter().next()?;
            let debian = provider(answer, on);
            let package = on.firmware().map(str::to_owned);
            let package = package.unwrap_or(debian.package);
            Some(Provider { package, ..debian })
        })
    }
}

/// The patterns and answers of a table's text.
fn lines<'a>(name: &str, text: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let lines = text.lines().enumerate();
    let lines = lines.map(|(at, line)| (at, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(move |(at, line)| {
        let words = line.split_ascii_whitespace().count();
        let pair = line.split_once([' ', '\t']);
        let pair = pair.filter(|_| matches!(words, 2 | 3));
        if pair.is_none() {
            log::warn!(
                "0590-506 {name}, line {}: not understood and left out",
                at + 1
            );
        }
        pair
    })
}

/// `PACKAGE [MODULE]`.
fn provider(answer: &str, on: &Distribution) -> Provider {
    let mut words = answer.split_ascii_whitespace();
    let package = words.next().unwrap_or_default();
    Provider {
        package: on.with_release(package),
        module: words.next().map(crate::normalised),
    }
}

/// The text of a gzip file with one member and a plain header, as image-build writes it.
fn unpacked(bytes: &[u8]) -> Result<String, TableError> {
    let damaged = || TableError::Damaged(SHIPPED.to_owned());
    let rest = bytes
        .strip_prefix(&[0x1f, 0x8b, 8, 0])
        .ok_or_else(damaged)?;
    let (body, check) = rest
        .get(6..)
        .and_then(|rest| rest.split_at_checked(rest.len().checked_sub(8)?))
        .ok_or_else(damaged)?;
    let text = decompress_to_vec_with_limit(body, LIMIT).map_err(|_| damaged())?;
    // The length; the checksum before it would only find what inflating does not.
    let length = u32::try_from(text.len()).map_err(|_| damaged())?;
    if check[4..] != length.to_le_bytes() {
        return Err(damaged());
    }
    String::from_utf8(text).map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED_TEXT: &str = "\
# Debian trixie
virtio:d00000001v* linux-image-%r virtio_net
pci:v000010ECd00008139sv*sd*bc*sc*i* linux-image-%r 8139cp
firmware:bnx2x/bnx2x-e2-7.13.21.0.fw firmware-bnx2x
";

    fn debian() -> Distribution {
        Distribution::parse("ID=debian\n", "6.12-powerpc64le")
    }

    #[test]
    fn devices_and_firmware_have_their_packages() {
        let table = Table::parse(&[], SHIPPED_TEXT);
        let of_device = |alias| table.of_device(alias, &debian());
        let found = of_device("virtio:d00000001v00001AF4").unwrap();
        assert_eq!(found.package, "linux-image-6.12-powerpc64le");
        assert_eq!(found.module.as_deref(), Some("virtio_net"));
        assert_eq!(of_device("virtio:d00000063v00001AF4"), None);
        let file = "bnx2x/bnx2x-e2-7.13.21.0.fw";
        let found = table.of_firmware(file, &debian()).unwrap();
        assert_eq!(found.package, "firmware-bnx2x");
        assert_eq!(table.of_firmware("x.fw", &debian()), None);
    }

    #[test]
    fn another_distribution_has_other_packages() {
        let table = Table::parse(&[], SHIPPED_TEXT);
        let rocky = Distribution::parse("ID=rocky\nID_LIKE=\"rhel centos fedora\"\n", "5.14");
        let found = table
            .of_device("virtio:d00000001v00001AF4", &rocky)
            .unwrap();
        assert_eq!(found.package, "kernel-modules-extra-5.14");
        assert_eq!(found.module.as_deref(), Some("virtio_net"));
        let file = "bnx2x/bnx2x-e2-7.13.21.0.fw";
        let found = table.of_firmware(file, &rocky).unwrap();
        assert_eq!(found.package, "linux-firmware");
    }

    #[test]
    fn what_an_administrator_adds_counts_first_and_damage_costs_a_line() {
        let own = "one\nvirtio:d*\tour-modules-%r\na b c d\n  # virtio:* other\n";
        let table = Table::parse(&[("a.table", own)], SHIPPED_TEXT);
        let found = table.of_device("virtio:d00000001v00001AF4", &debian());
        let expected = Provider {
            package: "our-modules-6.12-powerpc64le".into(),
            module: None,
        };
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn files_are_read_and_a_damaged_one_is_refused() {
        let root = tempfile::tempdir().unwrap();
        assert!(Table::read(root.path()).is_ok());
        for directory in ["usr/lib/lifeboat", OWN] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        let own = root.path().join(OWN);
        fs::write(own.join("a.table"), "a:* p\n").unwrap();
        fs::write(own.join("a.table~"), "b:* q\n").unwrap();
        // Magic, method, flags, time, system; body; checksum and length.
        let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3];
        packed.extend(miniz_oxide::deflate::compress_to_vec(
            SHIPPED_TEXT.as_bytes(),
            9,
        ));
        packed.extend([0; 4]);
        packed.extend(u32::try_from(SHIPPED_TEXT.len()).unwrap().to_le_bytes());
        fs::write(root.path().join(SHIPPED), &packed).unwrap();
        let table = Table::read(root.path()).unwrap();
        let package = |alias| Some(table.of_device(alias, &debian())?.package);
        assert_eq!(package("a:1").as_deref(), Some("p"));
        assert_eq!(package("b:1"), None);
        assert!(package("virtio:d00000001v0").is_some());
        for cut in [0, 3, 12, packed.len() - 1] {
            fs::write(root.path().join(SHIPPED), &packed[..cut]).unwrap();
            assert!(Table::read(root.path()).is_err(), "{cut}");
        }
    }
}
