//! Help that fits a console of 80 columns. clap would need to ask the terminal to do
//! this; on Power that takes more than it is worth.

use clap::builder::StyledStr;
use clap::{Arg, Command};

const COLUMNS: usize = 80;
/// How far clap sets in the long help of an argument.
const INDENT: usize = 10;

/// Breaks the texts of a command and of all below it.
pub fn wrapped(mut command: Command) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    if let Some(about) = command.get_long_about() {
        let about = wrap(&plain(about), COLUMNS);
        command = command.long_about(about);
    }
    // clap puts short help behind the longest flag, and two blanks.
    let flags = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let beside = 2 + flags.map(width).max().unwrap_or(0);
    command = command.mut_args(|arg| wrapped_argument(arg, COLUMNS.saturating_sub(beside)));
    for name in names {
        command = command.mut_subcommand(name, wrapped);
    }
    command
}

fn wrapped_argument(mut arg: Arg, columns: usize) -> Arg {
    // clap would write the default at the end of the last line, wherever that is.
    let default = default(&arg);
    if let Some(help) = arg.get_help().map(plain) {
        arg = arg.help(wrap(&format!("{help}{default}"), columns));
        let long = arg.get_long_help().map_or(help, plain);
        arg = arg.long_help(wrap(&format!("{long}{default}"), COLUMNS - INDENT));
    }
    if default.is_empty() {
        return arg;
    }
    arg.hide_default_value(true)
}

fn default(arg: &Arg) -> String {
    let values = arg.get_default_values();
    if values.is_empty() || !arg.get_action().takes_values() || arg.is_hide_default_value_set() {
        return String::new();
    }
    let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
    format!(" [default: {}]", values.join(" "))
}

/// The columns that clap gives an argument: `  -f <FILE>`, `      --long <FILE>`.
fn width(arg: &Arg) -> usize {
    let letters = |text: &str| text.chars().count();
    let values = if arg.get_action().takes_values() {
        let names = arg.get_value_names().unwrap_or_default();
        names.iter().map(|name| letters(name) + 3).sum()
    } else {
        0
    };
    let name = match (arg.get_short(), arg.get_long()) {
        (_, Some(long)) => 6 + 2 + letters(long),
        (Some(_), None) => 4,
        (None, None) => 1,
    };
    name + values
}

fn plain(text: &StyledStr) -> String {
    text.to_string()
}

/// Breaks each line at blanks; blank lines stay.
fn wrap(text: &str, columns: usize) -> String {
    let mut wrapped = String::new();
    for line in text.lines() {
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
        let text = "one two three\n\nfour-five-six seven";
        assert_eq!(wrap(text, 8), "one two\nthree\n\nfour-five-six\nseven");
    }

    #[test]
    fn short_help_stands_beside_its_flag() {
        let arg = Arg::new("x").long("a-long-name").value_name("VALUE");
        let arg = arg.help("word ".repeat(20)).default_value("17");
        let help = wrapped(Command::new("c").arg(arg)).render_help();
        let help = help.to_string();
        assert!(
            help.contains(" word\n                             [default: 17]\n"),
            "{help}"
        );
        assert!(help.lines().all(|line| line.len() <= COLUMNS), "{help}");
    }
}
