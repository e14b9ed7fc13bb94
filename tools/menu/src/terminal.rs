//! Screens on a serial line: text downwards, numbers and Enter back. Nothing is
//! redrawn, so a log of the line reads like a book, and any terminal will do.

use std::io::{self, BufRead, Write};

/// Columns of the console that every screen must fit.
pub const WIDTH: usize = 80;
/// The choice that shows the help of a screen.
pub const HELP: u16 = 88;
/// The choice that goes back to the screen before.
pub const PREVIOUS: u16 = 99;

/// The conversation cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// The operator's end of the line is gone.
    #[error("0590-701 The console was closed")]
    Closed,
    /// Reading or writing failed.
    #[error("0590-702 The console cannot be used")]
    Io(#[from] io::Error),
}

/// One menu: a title, some text, numbered items.
#[derive(Debug, Clone, Default)]
pub struct Screen {
    /// Centred on the first line.
    pub title: String,
    /// Between title and items.
    pub text: Vec<String>,
    /// Number and label; the default one is marked with `>>>`.
    pub items: Vec<(u16, String)>,
    /// What Enter alone chooses.
    pub default: u16,
    /// Shown for choice 88.
    pub help: String,
}

/// The operator's end of a serial line.
#[derive(Debug)]
pub struct Terminal<R, W> {
    input: R,
    output: W,
}

impl<R: BufRead, W: Write> Terminal<R, W> {
    /// A terminal that reads lines from `input` and writes to `output`.
    pub fn new(input: R, output: W) -> Self {
        Self { input, output }
    }

    /// Writes one line.
    ///
    /// # Errors
    /// When the line is gone.
    pub fn line(&mut self, text: &str) -> Result<(), TerminalError> {
        Ok(writeln!(self.output, "{text}")?)
    }

    /// Rewrites the present line with `text`, without ending it.
    ///
    /// # Errors
    /// When the line is gone.
    pub fn rewrite(&mut self, text: &str) -> Result<(), TerminalError> {
        write!(self.output, "\r{text:<79}")?;
        Ok(self.output.flush()?)
    }

    /// Shows a screen and returns the number chosen; wrong input repeats the
    /// prompt, 88 shows the help.
    ///
    /// # Errors
    /// When the line is gone.
    pub fn choose(&mut self, screen: &Screen) -> Result<u16, TerminalError> {
        self.show(screen)?;
        loop {
            write!(self.output, ">>> Choice [{}]: ", screen.default)?;
            self.output.flush()?;
            let answer = self.read_line()?;
            let answer = answer.trim();
            let number = if answer.is_empty() {
                Ok(screen.default)
            } else {
                answer.parse()
            };
            match number {
                Ok(HELP) => self.line(&format!("\n{}\n", screen.help))?,
                Ok(n) if n == PREVIOUS || screen.items.iter().any(|(item, _)| *item == n) => {
                    self.line("")?;
                    return Ok(n);
                }
                _ => self.line(&format!(
                    "0590-703 {answer:?} is not one of the numbers above."
                ))?,
            }
        }
    }

    /// Asks for a line and returns it without its end.
    ///
    /// # Errors
    /// When the line is gone.
    pub fn answer(&mut self, prompt: &str) -> Result<String, TerminalError> {
        write!(self.output, "{prompt}")?;
        self.output.flush()?;
        let line = self.read_line()?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn show(&mut self, screen: &Screen) -> Result<(), TerminalError> {
        let title = format!("{:^WIDTH$}", screen.title);
        self.line(&format!("\n{}\n", title.trim_end()))?;
        for line in &screen.text {
            self.line(line)?;
        }
        self.line(
            "\nType the number of your choice and press Enter. Choice is indicated by >>>.\n",
        )?;
        for (number, label) in &screen.items {
            let mark = if *number == screen.default {
                ">>>"
            } else {
                "   "
            };
            self.line(&format!("{mark} {number} {label}"))?;
        }
        self.line("\n    88  Help ?")?;
        let mark = if screen.default == PREVIOUS {
            ">>>"
        } else {
            "   "
        };
        self.line(&format!("{mark} 99  Previous Menu\n"))
    }

    fn read_line(&mut self) -> Result<String, TerminalError> {
        let mut bytes = Vec::new();
        if self.input.read_until(b'\n', &mut bytes)? == 0 {
            return Err(TerminalError::Closed);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Breaks long text at blanks so that it fits the console.
#[must_use]
pub fn wrap(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH - 1 {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_text_fits_and_keeps_its_words() {
        let text = "word ".repeat(60);
        let wrapped = wrap(&text);
        assert!(wrapped.lines().all(|line| line.len() < WIDTH), "{wrapped}");
        assert_eq!(wrapped.split_whitespace().count(), 60);
    }

    fn screen() -> Screen {
        Screen {
            title: "Title".into(),
            text: vec!["Text".into()],
            items: vec![(1, "First".into()), (2, "Second".into())],
            default: 2,
            help: "The help.".into(),
        }
    }

    fn converse(input: &str) -> (Result<u16, TerminalError>, String) {
        let mut output = Vec::new();
        let choice = Terminal::new(input.as_bytes(), &mut output).choose(&screen());
        (choice, String::from_utf8(output).unwrap())
    }

    #[test]
    fn enter_takes_the_default_and_numbers_choose() {
        assert_eq!(converse("\n").0.unwrap(), 2);
        assert_eq!(converse("1\r\n").0.unwrap(), 1);
        assert_eq!(converse(" 99 \n").0.unwrap(), PREVIOUS);
    }

    #[test]
    fn wrong_input_repeats_the_prompt_and_88_helps() {
        let (choice, output) = converse("7\nx\n-1\n88\n1\n");
        assert_eq!(choice.unwrap(), 1);
        assert_eq!(output.matches(">>> Choice [2]: ").count(), 5);
        assert_eq!(output.matches("0590-703").count(), 3);
        assert!(output.contains("The help."));
    }

    #[test]
    fn the_default_is_marked_and_everything_fits() {
        let (_, output) = converse("1\n");
        assert!(
            output.contains(">>> 2 Second") && output.contains("    1 First"),
            "{output}"
        );
        assert!(output.lines().all(|line| line.len() <= WIDTH));
    }

    #[test]
    fn a_closed_line_is_an_error_not_a_choice() {
        assert!(matches!(converse("").0, Err(TerminalError::Closed)));
    }
}
