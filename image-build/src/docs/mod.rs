//! Manual pages and shell completions, made from the command line itself: they can
//! not say what the program does not do.

mod page;

use std::path::Path;

use anyhow::Context as _;
use clap_complete::{Shell, generate};
use lifeboat_cli::manual::WITHOUT_LINK;
use lifeboat_sys::fs::{self, FsError};

/// Shells with the directory and the file names that they look for.
const SHELLS: [(Shell, &str, &str, &str); 3] = [
    (Shell::Bash, "bash", "", ""),
    (Shell::Zsh, "zsh", "_", ""),
    (Shell::Fish, "fish", "", ".fish"),
];

/// Writes `man1/NAME.1`, `bash/NAME`, `zsh/_NAME` and `fish/NAME.fish` below `out`, for
/// `lifeboat` and for every command by its own name. A command that has no name of its
/// own gets the page `lifeboat-NAME.1`.
///
/// # Errors
/// When a file cannot be written.
pub fn build(out: &Path) -> anyhow::Result<()> {
    let pages = out.join("man1");
    fs::create_dir_all(&pages)?;
    for command in commands() {
        let name = page::file_name(command.get_name());
        let page = page::render(&command).with_context(|| format!("the page of {name}"))?;
        fs::write(pages.join(format!("{name}.1")), page)?;
        if !WITHOUT_LINK.contains(&command.get_name()) {
            completions(&command, out)?;
        }
    }
    Ok(())
}

/// `lifeboat`, then each of its commands as a program of its own.
fn commands() -> Vec<clap::Command> {
    let whole = lifeboat_cli::command().disable_help_subcommand(true);
    let mut commands: Vec<_> = whole
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .cloned()
        .collect();
    commands.insert(0, whole);
    commands
}

fn completions(command: &clap::Command, out: &Path) -> Result<(), FsError> {
    for (shell, directory, prefix, suffix) in SHELLS {
        let directory = out.join(directory);
        fs::create_dir_all(&directory)?;
        let name = command.get_name().to_owned();
        let mut script = Vec::new();
        generate(shell, &mut command.clone(), &name, &mut script);
        fs::write(directory.join(format!("{prefix}{name}{suffix}")), script)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_completions() {
        let out = tempfile::tempdir().unwrap();
        build(out.path()).unwrap();
        for command in commands() {
            let name = command.get_name();
            let page = format!("man1/{}.1", page::file_name(name));
            let page = fs::read_to_string(out.path().join(page)).unwrap();
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS"] {
                assert!(page.contains(section), "{name} has no {section}");
            }
            let linked = !WITHOUT_LINK.contains(&name);
            for file in [
                format!("bash/{name}"),
                format!("zsh/_{name}"),
                format!("fish/{name}.fish"),
            ] {
                let script = fs::read_to_string(out.path().join(&file));
                let fits = script.map_or(!linked, |script| linked && script.contains(name));
                assert!(fits, "{file}");
            }
        }
    }

    #[test]
    fn a_page_names_every_flag() {
        for command in commands() {
            let page = page::render(&command).unwrap();
            // What is only refused, with a reason, is no flag to be documented.
            let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
            for short in shown.filter_map(clap::Arg::get_short) {
                let flag = format!("\\-{short}");
                assert!(page.contains(&flag), "{}: {flag}", command.get_name());
            }
        }
    }
}
