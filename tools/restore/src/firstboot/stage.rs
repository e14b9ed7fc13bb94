//! What a first boot has to do, as the restore tells it.

use lifeboat_stanza::{Document, FieldError, StanzaError, Style};

const NAME: &str = "first_boot";

/// What is to be done beside configuring devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stage {
    /// The system is a clone: it needs keys and registrations of its own.
    pub clone: bool,
    /// The recorded device attributes are set.
    pub replay: bool,
    /// The operator's program.
    pub script: Option<String>,
    /// How far devices are configured: a number of `cfgmgr -p`.
    pub phase: Option<u8>,
}

/// The file cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Its form is wrong.
    #[error(transparent)]
    Form(#[from] StanzaError),
    /// A value is.
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl Stage {
    /// The file that [`parse`](Self::parse) reads.
    #[must_use]
    pub fn to_text(&self) -> String {
        let word = |yes| if yes { "yes" } else { "no" };
        let mut document = Document::new(Style::Bosinst);
        document.comment("What this system does when it starts for the first time.");
        let stanza = document
            .add(NAME)
            .set("NEW_IDENTITY", word(self.clone))
            .set("RECOVER_DEVICES", word(self.replay))
            .set("FIRST_BOOT_SCRIPT", self.script.as_deref().unwrap_or(""));
        if let Some(phase) = self.phase {
            stanza.set("CFGMGR_PHASE", &phase.to_string());
        }
        document.to_string()
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`StageError`] with the line.
    pub fn parse(text: &str) -> Result<Self, StageError> {
        let document = Document::parse(text)?;
        let Some(stanza) = document.named(NAME).next() else {
            return Ok(Self::default());
        };
        Ok(Self {
            clone: stanza.yes_no("NEW_IDENTITY")?.unwrap_or(false),
            replay: stanza.yes_no("RECOVER_DEVICES")?.unwrap_or(false),
            script: stanza.text("FIRST_BOOT_SCRIPT")?.map(str::to_owned),
            phase: stanza.value("CFGMGR_PHASE", "1, 2 or 3", |value| value.parse().ok())?,
        })
    }
}
