//! Reads image.data to judge a restored system by it.
//!
//! Written without the product's own reader, on purpose. A stanza is a name with
//! a colon at the start of a line and `FIELD = value` lines below it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use lifeboat_sys::run::Tool;

/// One stanza.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// The name before the colon.
    pub name: String,
    fields: Vec<(String, String)>,
}

impl Stanza {
    /// The value of a field; empty where it is absent.
    #[must_use]
    pub fn get(&self, field: &str) -> &str {
        let found = self.fields.iter().find(|(name, _)| name == field);
        found.map_or("", |(_, value)| value)
    }

    /// The value of a field that is a number.
    ///
    /// # Errors
    /// When it is absent or no number.
    pub fn number(&self, field: &str) -> Result<u64> {
        let value = self.get(field);
        value
            .parse()
            .with_context(|| format!("{} has {field} = {value:?}", self.name))
    }
}

/// Reads `./image.data` out of a system backup with programs that are not ours:
/// a backup is a tar archive under zstd for everyone.
///
/// # Errors
/// When tar fails or the backup has none.
pub fn of_backup(backup: &Path) -> Result<Vec<Stanza>> {
    let text = Tool::new("tar")
        .args(["--use-compress-program=zstd", "--occurrence=1", "-xOf"])
        .arg(backup)
        .arg("./image.data")
        .run()?
        .text();
    let stanzas = parse(&text);
    ensure!(
        !stanzas.is_empty(),
        "image.data of {} is empty",
        backup.display()
    );
    Ok(stanzas)
}

/// Splits the text into stanzas. What is neither is skipped: the product's own
/// tests are about grammar.
#[must_use]
pub fn parse(text: &str) -> Vec<Stanza> {
    let mut stanzas: Vec<Stanza> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((field, value)) = line.split_once('=')
            && let Some(stanza) = stanzas.last_mut()
        {
            stanza
                .fields
                .push((field.trim().to_owned(), value.trim().to_owned()));
        } else if let Some(name) = line.trim_end().strip_suffix(':') {
            stanzas.push(Stanza {
                name: name.to_owned(),
                fields: Vec::new(),
            });
        }
    }
    stanzas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_have_fields() {
        let stanzas =
            parse("# a: b\nvg_data:\n\tVGNAME= rootvg\n  PPSIZE = 4\n\nlv_data:\n\tTYPE=x=y\n");
        assert_eq!(stanzas.len(), 2);
        assert_eq!(stanzas[0].name, "vg_data");
        assert_eq!(
            (stanzas[0].get("VGNAME"), stanzas[0].get("PPSIZE")),
            ("rootvg", "4")
        );
        assert_eq!(
            (stanzas[1].get("TYPE"), stanzas[1].get("NONE")),
            ("x=y", "")
        );
    }
}
