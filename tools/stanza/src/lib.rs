//! Stanza files, the form of `image.data` and `bosinst.data`:
//!
//! ```text
//! vg_data:
//!         VGNAME= rootvg
//!         PPSIZE= 4
//! ```
//!
//! [`Document`] is lossless: a file that is read and written again is the same
//! file, byte for byte, with its comments, blank lines, unknown stanzas and
//! unknown fields. [`bosinst`] gives the settings of an installation types.

pub mod bosinst;
mod document;
mod field;
#[doc(hidden)]
pub mod fuzzing;
mod stanza;

pub use document::{Document, StanzaError};
pub use field::FieldError;
pub use stanza::{Stanza, Style};
