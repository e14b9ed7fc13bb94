//! Values with a meaning: what is wrong with a field, said with its place.

use crate::Stanza;

/// A field whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A field that must have a value is not there, or blank.
    #[error("0590-103 {stanza} (line {line}): the field {field} has no value")]
    Missing {
        /// The stanza.
        stanza: String,
        /// The line it begins on.
        line: usize,
        /// The field.
        field: String,
    },
    /// A value that is not one of those allowed.
    #[error(
        "0590-104 {stanza} (line {line}): {field} = \"{value}\" is not allowed; allowed: {allowed}"
    )]
    Invalid {
        /// The stanza.
        stanza: String,
        /// The line of the field.
        line: usize,
        /// The field.
        field: String,
        /// What it says.
        value: String,
        /// What it may say.
        allowed: String,
    },
    /// The same field twice in one stanza: which of them counts is anyone's guess.
    #[error("0590-105 {stanza}: the field {field} is given twice, on lines {first} and {second}")]
    Doubled {
        /// The stanza.
        stanza: String,
        /// The field.
        field: String,
        /// The line of the first.
        first: usize,
        /// The line of the second.
        second: usize,
    },
}

/// Typed access. Everywhere a blank value means the same as no field: AIX
/// writes the fields it has no value for.
impl Stanza {
    /// The value of a field that may be missing or blank.
    ///
    /// # Errors
    /// [`FieldError::Doubled`].
    pub fn text(&self, field: &str) -> Result<Option<&str>, FieldError> {
        let mut found = self.all().filter(|f| f.name == field);
        let first = found.next();
        if let (Some(first), Some(second)) = (first, found.next()) {
            return Err(FieldError::Doubled {
                stanza: self.name.clone(),
                field: field.to_owned(),
                first: first.number,
                second: second.number,
            });
        }
        Ok(first
            .map(|f| f.value.as_str())
            .filter(|value| !value.is_empty()))
    }

    /// The value of a field that must be there.
    ///
    /// # Errors
    /// [`FieldError::Missing`], [`FieldError::Doubled`].
    pub fn required(&self, field: &str) -> Result<&str, FieldError> {
        self.text(field)?.ok_or_else(|| self.missing(field))
    }

    /// The value of an optional field, read by `read`; `allowed` says in words
    /// what `read` accepts.
    ///
    /// # Errors
    /// [`FieldError::Invalid`] where `read` gives `None`, [`FieldError::Doubled`].
    pub fn value<T>(
        &self,
        field: &str,
        allowed: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, FieldError> {
        let Some(value) = self.text(field)? else {
            return Ok(None);
        };
        read(value)
            .map(Some)
            .ok_or_else(|| self.invalid(field, allowed))
    }

    /// As [`value`](Self::value), of a field that must be there.
    ///
    /// # Errors
    /// As [`value`](Self::value), and [`FieldError::Missing`].
    pub fn required_value<T>(
        &self,
        field: &str,
        allowed: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, FieldError> {
        self.value(field, allowed, read)?
            .ok_or_else(|| self.missing(field))
    }

    /// An optional `yes` or `no`.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub fn yes_no(&self, field: &str) -> Result<Option<bool>, FieldError> {
        self.value(field, "yes, no", |value| {
            match value.to_ascii_lowercase().as_str() {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            }
        })
    }

    /// The error for a field whose value a caller cannot use.
    #[must_use]
    pub fn invalid(&self, field: &str, allowed: &str) -> FieldError {
        let found = self.find(field);
        FieldError::Invalid {
            stanza: self.name.clone(),
            line: found.map_or(self.number, |f| f.number),
            field: field.to_owned(),
            value: found.map_or_else(String::new, |f| f.value.clone()),
            allowed: allowed.to_owned(),
        }
    }

    fn missing(&self, field: &str) -> FieldError {
        FieldError::Missing {
            stanza: self.name.clone(),
            line: self.number,
            field: field.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Document;

    #[test]
    fn errors_name_stanza_line_field_value_and_choice() {
        let text = "a:\n\tX= maybe\n\tY=\n\tZ= 1\n\tZ= 2\n";
        let document = Document::parse(text).unwrap();
        let a = document.named("a").next().unwrap();
        let said = |error: crate::FieldError| error.to_string();
        assert_eq!(
            said(a.yes_no("X").unwrap_err()),
            "0590-104 a (line 2): X = \"maybe\" is not allowed; allowed: yes, no"
        );
        assert_eq!(
            said(a.required("Y").unwrap_err()),
            "0590-103 a (line 1): the field Y has no value"
        );
        assert_eq!(
            said(a.text("Z").unwrap_err()),
            "0590-105 a: the field Z is given twice, on lines 4 and 5"
        );
        assert_eq!(a.yes_no("Y").unwrap(), None);
    }
}
