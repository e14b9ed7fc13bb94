//! One manual page.

use std::io;

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use lifeboat_cli::manual::{self, Line, Manual};

/// The page of this command, in roff.
pub fn render(command: &Command) -> io::Result<String> {
    let name = command.get_name().to_owned();
    let usage = synopsis(command);
    let man = Man::new(command.clone().override_usage(usage))
        .title(file_name(&name))
        .source(concat!("Lifeboat ", env!("CARGO_PKG_VERSION")))
        .manual("Lifeboat");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    further_sections(command, manual::of(&name)).to_writer(&mut page)?;
    // clap and these sources are text, and so is what is made of them.
    String::from_utf8(page).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// What the page of a command is called: `lifeboat-menu` for what is only called as
/// `lifeboat menu`.
pub fn file_name(command: &str) -> String {
    if manual::WITHOUT_LINK.contains(&command) {
        format!("lifeboat-{command}")
    } else {
        command.to_owned()
    }
}

/// All flags on one line, those without a value first: `mksysb [-imv] [-b N] TARGET`.
fn synopsis(command: &Command) -> String {
    let (with_value, flags): (Vec<&Arg>, Vec<&Arg>) = command
        .get_arguments()
        .filter(|arg| !arg.is_positional() && !arg.is_hide_set())
        .partition(|arg| arg.get_action().takes_values());
    let mut text = file_name(command.get_name()).replacen('-', " ", 1);
    let mut letters: Vec<char> = flags.iter().filter_map(|arg| arg.get_short()).collect();
    letters.sort_by_key(|letter| (letter.to_ascii_lowercase(), *letter));
    if !letters.is_empty() {
        text += &format!(" [-{}]", letters.iter().collect::<String>());
    }
    for arg in flags.iter().filter(|arg| arg.get_short().is_none()) {
        text += &format!(" [--{}]", arg.get_long().unwrap_or_default());
    }
    for arg in with_value {
        let flag = match arg.get_short() {
            Some(short) => format!("-{short}"),
            None => format!("--{}", arg.get_long().unwrap_or_default()),
        };
        text += &optional(arg, &format!("{flag} {}", value(arg)));
    }
    for arg in command.get_positionals() {
        let many = arg
            .get_num_args()
            .is_some_and(|range| range.max_values() > 1);
        text += &optional(
            arg,
            &format!("{}{}", value(arg), if many { "..." } else { "" }),
        );
    }
    if command.has_subcommands() {
        text += " COMMAND ...";
    }
    text
}

fn optional(arg: &Arg, text: &str) -> String {
    if arg.is_required_set() {
        format!(" {text}")
    } else {
        format!(" [{text}]")
    }
}

fn value(arg: &Arg) -> String {
    arg.get_value_names().unwrap_or_default().join(" ")
}

fn further_sections(command: &Command, manual: Option<&Manual>) -> Roff {
    let mut roff = Roff::new();
    let subcommands: Vec<_> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .collect();
    if !subcommands.is_empty() {
        roff.control("SH", ["COMMANDS"]);
        for command in subcommands {
            let about = command.get_about().map(ToString::to_string);
            entry(&mut roff, command.get_name(), &about.unwrap_or_default());
        }
    }
    section(&mut roff, "EXIT STATUS", &manual::EXIT_STATUS);
    let Some(manual) = manual else {
        return roff;
    };
    section(&mut roff, "FILES", manual.files);
    section(&mut roff, "EXAMPLES", manual.examples);
    let others: Vec<_> = manual
        .see_also
        .iter()
        .flat_map(|name| [roman(", "), bold(file_name(name)), roman("(1)")])
        .skip(1)
        .collect();
    roff.control("SH", ["SEE ALSO"]);
    roff.text(others);
    roff
}

fn section(roff: &mut Roff, title: &str, lines: &[Line]) {
    if !lines.is_empty() {
        roff.control("SH", [title]);
    }
    for (word, meaning) in lines {
        entry(roff, word, meaning);
    }
}

fn entry(roff: &mut Roff, word: &str, meaning: &str) {
    roff.control("TP", []);
    roff.text([bold(word)]);
    roff.text([roman(meaning)]);
}
