//! Help that fits a console of 80 columns. clap would need to ask the terminal to do
//! this; on Power that takes more than it is worth.

use clap::Command;
use clap::builder::StyledStr;

const COLUMNS: usize = 80;
/// How far clap sets in the long help of an argument.
const INDENT: usize = 10;

/// Breaks the long texts of a command and of all below it.
pub fn wrapped(command: Command) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    let about = command.get_long_about().map(|text| wrap(text, COLUMNS));
    let mut command = command.mut_args(|arg| {
        let help = arg.get_long_help().map(|text| wrap(text, COLUMNS - INDENT));
        match help {
            Some(help) => arg.long_help(help),
            None => arg,
        }
    });
    if let Some(about) = about {
        command = command.long_about(about);
    }
    for name in names {
        command = command.mut_subcommand(name, wrapped);
    }
    command
}

/// Breaks each line at blanks; blank lines stay.
fn wrap(text: &StyledStr, columns: usize) -> String {
    let mut wrapped = String::new();
    for line in text.to_string().lines() {
        let mut width = 0;
        for word in line.split_whitespace() {
            let length = word.chars().count();
            if width > 0 && width + 1 + length > columns {
                wrapped.push('\n');
                width = 0;
            } else if width > 0 {
                wrapped.push(' ');
                width += 1;
            }
            wrapped.push_str(word);
            width += length;
        }
        wrapped.push('\n');
    }
    wrapped.truncate(wrapped.trim_end().len());
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_and_paragraphs_stay() {
        let text = StyledStr::from("one two three\n\nfour-five-six seven");
        assert_eq!(wrap(&text, 8), "one two\nthree\n\nfour-five-six\nseven");
    }
}
