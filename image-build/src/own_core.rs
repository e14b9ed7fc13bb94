//! GRUB's core for systems whose own GRUB is missing or fails: with all that finding
//! and reading `/boot` may take built in, because there may be no modules to load.

use std::path::Path;

use lifeboat_boot::own;
use lifeboat_sys::fs::{self, PathContext as _};

use crate::grub::{self, Core, MENU_MODULES};

/// Where the script is: in the archive that the core carries.
const PREFIX: &str = "(memdisk)/boot/grub";
/// What is built in besides the modules of a menu: the archive with the script, what
/// disks are divided by and joined with, file systems, and what configurations of
/// distributions use.
const MODULES: [&str; 29] = [
    "memdisk",
    "tar",
    "part_gpt",
    "part_msdos",
    "diskfilter",
    "lvm",
    "mdraid09",
    "mdraid1x",
    "raid5rec",
    "raid6rec",
    "ext2",
    "xfs",
    "btrfs",
    "fat",
    "search",
    "search_fs_file",
    "search_fs_uuid",
    "search_label",
    "ls",
    "cat",
    "help",
    "minicmd",
    "loadenv",
    "gettext",
    "regexp",
    "sleep",
    "terminal",
    "true",
    "xzio",
];
/// Where the configuration is looked for if it is not where it was: the file system may
/// have been copied to another one.
const SEARCH: &str = r#"search --no-floppy --fs-uuid --set=root $lifeboat_uuid
set prefix="($root)$lifeboat_directory"
if [ -f "$prefix/$lifeboat_file" ]; then
	configfile "$prefix/$lifeboat_file"
fi
for directory in /boot/grub /grub /boot/grub2 /grub2; do
	search --no-floppy --file --set=root $directory/grub.cfg
	set prefix="($root)$directory"
	if [ -f "$prefix/grub.cfg" ]; then
		configfile "$prefix/grub.cfg"
	fi
done
echo "Lifeboat: no disk has a configuration of GRUB that can be read."
"#;

/// Makes the core, which `bosboot` fills in and writes.
///
/// # Errors
/// When a program fails, or the core cannot be filled in.
pub fn build(packages: &Path) -> anyhow::Result<Vec<u8>> {
    let work = tempfile::tempdir().at("create", "a temporary directory")?;
    let directory = work.path().join("boot/grub");
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("grub.cfg"), own::blank() + SEARCH)?;
    let memdisk = grub::memdisk(work.path())?;
    let modules: Vec<&str> = MENU_MODULES.into_iter().chain(MODULES).collect();
    let core = work.path().join("core.elf");
    Core {
        modules: &modules,
        prefix: PREFIX,
        early: None,
        memdisk: Some(memdisk),
    }
    .write(packages, &core)?;
    let core = fs::read(core)?;
    own::check(&core)?;
    Ok(core)
}

/// Its path in the rescue image and in the packages.
pub fn path() -> &'static str {
    own::PLACES[0].trim_start_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_uses_what_is_filled_in() {
        for name in ["uuid", "directory", "file"] {
            assert!(SEARCH.contains(&format!("$lifeboat_{name}")), "{name}");
        }
        assert!(own::blank().ends_with(".\n"));
        let mut modules = MENU_MODULES.to_vec();
        modules.extend(MODULES);
        modules.sort_unstable();
        assert!(modules.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
