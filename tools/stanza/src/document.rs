//! A whole stanza file.

use std::fmt;
use std::str::FromStr;

use crate::stanza::{Field, Line, Stanza, Style};

/// A line that has no place in a stanza file. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StanzaError {
    /// A field before the first stanza.
    #[error("0590-100 Line {line}: the field {field} stands before the first stanza")]
    Homeless {
        /// Where.
        line: usize,
        /// The name of the field.
        field: String,
    },
    /// Neither a stanza name, nor a field, nor a comment.
    #[error(
        "0590-101 Line {line}: \"{text}\" is neither a stanza name (at the left margin, ending in a colon), nor FIELD = value, nor a comment"
    )]
    Unknown {
        /// Where.
        line: usize,
        /// The line, shortened.
        text: String,
    },
    /// Control characters: this is no text file.
    #[error("0590-102 Line {line} holds control characters: this is not a stanza file")]
    Binary {
        /// Where.
        line: usize,
    },
}

/// A stanza file in memory. [`Display`](fmt::Display) writes it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Comments and blank lines before the first stanza.
    head: Vec<String>,
    stanzas: Vec<Stanza>,
    style: Style,
}

impl Document {
    /// An empty file whose new fields will be written in this style.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self {
            head: Vec::new(),
            stanzas: Vec::new(),
            style,
        }
    }

    /// Reads a file. Both line ends, a missing last line end, comments and
    /// blank lines anywhere are accepted and kept.
    ///
    /// # Errors
    /// [`StanzaError`] with the number of the first line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, StanzaError> {
        let mut document = Self::new(Style::ImageData);
        for (index, raw) in text.split_inclusive('\n').enumerate() {
            document.take(index + 1, raw)?;
        }
        // Files of AIX put the blank before the equals sign in one of the two.
        let spaced = |f: &Field| {
            f.raw
                .split('=')
                .next()
                .is_some_and(|n| n.ends_with(char::is_whitespace))
        };
        if document
            .stanzas
            .iter()
            .flat_map(Stanza::all)
            .next()
            .is_some_and(spaced)
        {
            document.style = Style::Bosinst;
            document
                .stanzas
                .iter_mut()
                .for_each(|s| s.style = Style::Bosinst);
        }
        Ok(document)
    }

    fn take(&mut self, number: usize, raw: &str) -> Result<(), StanzaError> {
        let text = raw.trim_end();
        if raw
            .trim_end_matches(['\n', '\r'])
            .chars()
            .any(|c| c.is_control() && c != '\t')
        {
            return Err(StanzaError::Binary { line: number });
        }
        let body = text.trim_start();
        if body.is_empty() || body.starts_with('#') {
            match self.stanzas.last_mut() {
                Some(stanza) => stanza.lines.push(Line::Other(raw.to_owned())),
                None => self.head.push(raw.to_owned()),
            }
            return Ok(());
        }
        if let Some(name) = stanza_name(text) {
            let mut stanza = Stanza::new(name, self.style);
            raw.clone_into(&mut stanza.raw);
            stanza.number = number;
            self.stanzas.push(stanza);
            return Ok(());
        }
        let unknown = || StanzaError::Unknown {
            line: number,
            text: body.chars().take(60).collect(),
        };
        let (name, value) = body.split_once('=').ok_or_else(unknown)?;
        let name = name.trim_end().to_owned();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(unknown());
        }
        let Some(stanza) = self.stanzas.last_mut() else {
            return Err(StanzaError::Homeless {
                line: number,
                field: name,
            });
        };
        let value = value.trim().to_owned();
        stanza.lines.push(Line::Field(Field {
            raw: raw.to_owned(),
            number,
            name,
            value,
        }));
        Ok(())
    }

    /// Every stanza, in the order of the file.
    pub fn stanzas(&self) -> impl Iterator<Item = &Stanza> {
        self.stanzas.iter()
    }

    /// The stanzas of one name; most may repeat.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Stanza> {
        self.stanzas.iter().filter(move |s| s.name() == name)
    }

    /// The same, to change their fields.
    pub fn named_mut<'a>(&'a mut self, name: &'a str) -> impl Iterator<Item = &'a mut Stanza> {
        self.stanzas.iter_mut().filter(move |s| s.name() == name)
    }

    /// Adds a line to the header comment.
    pub fn comment(&mut self, text: &str) {
        self.head.push(format!("# {text}\n"));
    }

    /// Adds a stanza at the end, after a blank line, and hands it out to be filled.
    pub fn add(&mut self, name: &str) -> &mut Stanza {
        let text = self.to_string();
        let gap = match text {
            _ if text.is_empty() || text.ends_with("\n\n") => "",
            _ if text.ends_with('\n') => "\n",
            _ => "\n\n",
        };
        if !gap.is_empty() {
            match self.stanzas.last_mut() {
                Some(stanza) => stanza.lines.push(Line::Other(gap.to_owned())),
                None => self.head.push(gap.to_owned()),
            }
        }
        let at = self.stanzas.len();
        self.stanzas.push(Stanza::new(name, self.style));
        &mut self.stanzas[at]
    }
}

/// The name, if the line is the head of a stanza.
fn stanza_name(text: &str) -> Option<&str> {
    let name = text.strip_suffix(':')?;
    let plain = |c: char| !c.is_whitespace() && c != '=' && c != ':';
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

impl FromStr for Document {
    type Err = StanzaError;

    fn from_str(text: &str) -> Result<Self, StanzaError> {
        Self::parse(text)
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.iter().try_for_each(|line| f.write_str(line))?;
        self.stanzas.iter().try_for_each(|stanza| stanza.fmt(f))
    }
}
