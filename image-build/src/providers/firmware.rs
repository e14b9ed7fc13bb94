//! Debian's packages of firmware with their files, from the archive's own list of
//! contents: the packages themselves are not fetched.

use std::path::Path;

use anyhow::Context as _;
use lifeboat_sys::fs;

use super::word;
use crate::debian;

/// Where Debian keeps firmware that comes without its source, which is nearly all.
const COMPONENT: &str = "non-free-firmware";
/// Where files of firmware are, on systems with and without a merged `/usr`.
const DIRECTORIES: [&str; 2] = ["usr/lib/firmware/", "lib/firmware/"];

/// Writes a line for each file of firmware into `into/table`.
///
/// # Errors
/// When the list cannot be fetched, or holds no firmware.
pub fn table(into: &Path) -> anyhow::Result<()> {
    let work = into.join("apt");
    let contents = debian::contents(COMPONENT, &work)?;
    let mut lines: Vec<String> = contents.lines().filter_map(line).collect();
    lines.sort_unstable();
    lines.dedup();
    (!lines.is_empty())
        .then_some(())
        .context("0590-820 the list of Debian's firmware packages is empty")?;
    fs::write(into.join("table"), lines.concat())?;
    crate::cache::remove(&work)?;
    Ok(())
}

/// The table's line for one of a list of contents: `PATH  SECTION/PACKAGE[,…]`.
fn line(contents: &str) -> Option<String> {
    let (path, packages) = contents.trim_end().rsplit_once([' ', '\t'])?;
    let path = path.trim_end();
    let file = DIRECTORIES
        .iter()
        .find_map(|directory| path.strip_prefix(directory))?;
    // Old names of packages stand beside the new ones.
    let names = || {
        packages
            .split(',')
            .filter_map(|package| package.rsplit('/').next())
    };
    let package = names()
        .find(|name| name.starts_with("firmware-"))
        .or_else(|| names().next())?;
    Some(format!("firmware:{} {package}\n", word(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_firmware_have_their_package() {
        for (contents, expected) in [
            (
                "usr/lib/firmware/bnx2x/bnx2x-e2-7.13.21.0.fw    non-free-firmware/kernel/firmware-bnx2x",
                Some("firmware:bnx2x/bnx2x-e2-7.13.21.0.fw firmware-bnx2x\n"),
            ),
            (
                "lib/firmware/a b.bin\tnon-free-firmware/oldlibs/old,non-free-firmware/kernel/firmware-new",
                Some("firmware:a?b.bin firmware-new\n"),
            ),
            (
                "usr/share/doc/firmware-bnx2x/copyright non-free-firmware/kernel/firmware-bnx2x",
                None,
            ),
            ("", None),
        ] {
            assert_eq!(line(contents).as_deref(), expected, "{contents}");
        }
    }
}
