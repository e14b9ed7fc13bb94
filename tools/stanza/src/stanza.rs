//! One stanza: a name and its fields, with every line kept as it was written.

use std::fmt;

/// How a newly made field is written. Fields that were read keep their form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A tab and `FIELD= value`, as in `image.data`.
    ImageData,
    /// Four blanks and `FIELD = value`, as in `bosinst.data`.
    Bosinst,
}

impl Style {
    fn line(self, field: &str, value: &str) -> String {
        let text = match self {
            Self::ImageData => format!("\t{field}= {value}"),
            Self::Bosinst => format!("    {field} = {value}"),
        };
        format!("{}\n", text.trim_end())
    }
}

/// A line below the stanza's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// A blank line or a comment, as written.
    Other(String),
    /// A field.
    Field(Field),
}

/// A field: the line as written, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) raw: String,
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A stanza of a [`Document`](crate::Document).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    pub(crate) raw: String,
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) style: Style,
}

impl Stanza {
    /// An empty stanza that belongs to no file yet.
    pub(crate) fn new(name: &str, style: Style) -> Self {
        Self {
            raw: format!("{name}:\n"),
            number: 0,
            name: name.to_owned(),
            lines: Vec::new(),
            style,
        }
    }

    /// The name, without its colon.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line of the file that the stanza begins on, counted from 1; 0 for a
    /// stanza that was not read from a file.
    #[must_use]
    pub fn line(&self) -> usize {
        self.number
    }

    /// The value of a field, without the blanks around it. A blank value is
    /// `Some("")`, a field that is not there is `None`; of a field that is
    /// there twice this is the first.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        self.find(field).map(|f| f.value.as_str())
    }

    /// Every field with its value, in the order of the file.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all().map(|f| (f.name.as_str(), f.value.as_str()))
    }

    /// Sets a field: in its place if it is there, else after the last field.
    /// Setting the value that a field has already changes nothing.
    ///
    /// A value is one line; line breaks in it become blanks.
    pub fn set(&mut self, field: &str, value: &str) -> &mut Self {
        let value = value.replace(['\n', '\r'], " ");
        let value = value.trim();
        let style = self.style;
        let present = self.lines.iter_mut().find_map(|line| match line {
            Line::Field(f) if f.name == field => Some(f),
            _ => None,
        });
        if let Some(present) = present {
            present.replace(value);
            return self;
        }
        let last = self
            .lines
            .iter()
            .rposition(|line| matches!(line, Line::Field(_)));
        let at = last.map_or(0, |index| index + 1);
        // The last line of a file may lack its line end.
        let before = match at.checked_sub(1).map(|index| &mut self.lines[index]) {
            Some(Line::Field(f)) => &mut f.raw,
            _ => &mut self.raw,
        };
        if !before.ends_with('\n') {
            before.push('\n');
        }
        let made = Field {
            raw: style.line(field, value),
            number: 0,
            name: field.to_owned(),
            value: value.to_owned(),
        };
        self.lines.insert(at, Line::Field(made));
        self
    }

    pub(crate) fn find(&self, field: &str) -> Option<&Field> {
        self.all().find(|f| f.name == field)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Field> {
        self.lines.iter().filter_map(|line| match line {
            Line::Field(field) => Some(field),
            Line::Other(_) => None,
        })
    }
}

impl Field {
    /// Changes the value and nothing else of the line.
    fn replace(&mut self, value: &str) {
        if self.value == value {
            return;
        }
        let end = self.raw.trim_end_matches(['\n', '\r']).len();
        let line_end = self.raw[end..].to_owned();
        // A field has an equals sign: that is how it was recognised.
        let after = self.raw.find('=').map_or(end, |at| at + 1);
        let gap: String = self.raw[after..end]
            .chars()
            .take_while(|c| c.is_whitespace())
            .collect();
        let gap = if self.value.is_empty() { " " } else { &gap };
        let line = format!("{}{gap}{value}", &self.raw[..after]);
        self.raw = format!("{}{line_end}", line.trim_end());
        self.value = value.to_owned();
    }
}

impl fmt::Display for Stanza {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)?;
        self.lines.iter().try_for_each(|line| match line {
            Line::Other(raw) => f.write_str(raw),
            Line::Field(field) => f.write_str(&field.raw),
        })
    }
}
