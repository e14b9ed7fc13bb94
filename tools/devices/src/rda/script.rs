//! The script, line by line.

use std::fmt::Write as _;

use super::{MARK, PRELUDE};

/// A script that is being written.
pub(super) struct Script {
    text: String,
    /// Lines of the section so far; one without lines is left out.
    section: Option<(&'static str, String)>,
}

impl Script {
    /// A script about the system of this name.
    pub(super) fn new(host: &str) -> Self {
        let host = host.replace(|c: char| !c.is_ascii_graphic(), "?");
        let head = format!(
            "#!/bin/sh\n\
             {MARK} of {host}\n\
             #\n\
             #   sh FILE       sets them; what is as it should be stays, what does not apply\n\
             #                 is told on standard error\n\
             #   sh FILE -c    compares only; exit status 1 if anything differs\n\
             #\n\
             # Lines can be changed and taken out. RDA_SKIP=\"hostname routes\" leaves sections\n\
             # out: disks, network, addresses, routes, kernel, modules, multipath, hostname.\n\n"
        );
        Self {
            text: head + PRELUDE,
            section: None,
        }
    }

    /// Begins a section.
    pub(super) fn section(&mut self, name: &'static str) {
        self.end_section();
        self.section = Some((name, String::new()));
    }

    /// A line: a word with its arguments.
    pub(super) fn line(&mut self, word: &str, arguments: &[&str]) {
        let quoted: Vec<String> = arguments.iter().map(|argument| quote(argument)).collect();
        self.raw(&format!("{word} {}", quoted.join(" ")));
    }

    /// A file with its text, which must not be empty.
    pub(super) fn file(&mut self, path: &str, text: &str) {
        let mut end = "END".to_owned();
        while text.lines().any(|line| line == end) {
            end.push('_');
        }
        let text = text.trim_end_matches('\n');
        self.raw(&format!("file {} <<'{end}'\n{text}\n{end}", quote(path)));
    }

    fn raw(&mut self, line: &str) {
        if let Some((_, lines)) = &mut self.section {
            lines.push_str(line);
            lines.push('\n');
        }
    }

    fn end_section(&mut self) {
        if let Some((name, lines)) = self.section.take()
            && !lines.is_empty()
        {
            // Writing to a String cannot fail.
            let _ = write!(self.text, "\nif section {name}; then\n{lines}fi\n");
        }
    }

    /// The whole.
    pub(super) fn finish(mut self) -> String {
        self.end_section();
        self.text + "\nfinish\n"
    }
}

/// One word of the shell, whatever it has in it.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
