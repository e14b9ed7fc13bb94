//! `lsmksysb -l`.

use anyhow::{Context, Result};
use lifeboat_archive::{Info, Totals};
use lifeboat_stanza::Document;
use serde_json::{Value, json};

use super::overview::Overview;
use super::print::{self, Form};
use crate::input::Input;
use crate::out;

/// Reads the image.data of a backup.
///
/// # Errors
/// When it has a mistake of form.
pub fn image(input: &Input) -> Result<Document> {
    let text = String::from_utf8_lossy(&input.summary().image);
    Document::parse(&text).with_context(|| {
        format!(
            "0590-735 The image.data in {} cannot be read",
            input.name().display()
        )
    })
}

/// Prints the summary.
///
/// # Errors
/// When image.data cannot be read.
pub fn print(input: &Input, form: Form) -> Result<()> {
    let overview = Overview::of(&image(input)?);
    let (info, totals) = (&input.summary().info, input.totals());
    let mut text;
    match form {
        Form::Json => text = format!("{}\n", value(&overview, info, totals)?),
        Form::Colons => {
            text = print::head_colons(&head(&overview, info, totals));
            for table in print::tables(&overview) {
                text += &table.colons();
            }
        }
        Form::Aligned => {
            text = print::head(&head(&overview, info, totals));
            for table in print::tables(&overview) {
                text += &format!("\n{}", table.aligned());
            }
        }
    }
    out::print(&text)
}

/// True if a backup has no files: only a volume group's description (`savevg -r`).
fn data_only(totals: Totals) -> bool {
    // The backup's own files and the root directory are always there.
    totals.members <= 4
}

fn head(overview: &Overview, info: &Info, totals: Option<Totals>) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("VOLUME GROUP", overview.volume_group.clone()),
        ("BACKUP DATE AND TIME", overview.date.clone()),
        ("UNAME INFO", overview.uname.clone()),
        ("BACKUP OSLEVEL", overview.os_level.clone()),
        ("KERNEL LEVEL", info.kernel.clone()),
        ("BACKUP SIZE (MB)", overview.size_mb.to_string()),
        ("SHRINK SIZE (MB)", overview.shrink_size_mb.to_string()),
        ("WRITTEN BY", info.tool.clone()),
    ];
    // A stream says these at its end only.
    if let Some(totals) = totals {
        let (raw, packed) = (totals.bytes_raw >> 20, totals.bytes_compressed >> 20);
        let yes_no = if data_only(totals) { "yes" } else { "no" };
        lines.push(("VG DATA ONLY", yes_no.to_owned()));
        lines.push(("FILES", totals.members.to_string()));
        lines.push(("ARCHIVE (MB)", raw.to_string()));
        lines.push(("COMPRESSED (MB)", packed.to_string()));
    }
    lines
}

fn value(overview: &Overview, info: &Info, totals: Option<Totals>) -> Result<Value> {
    let mut value = serde_json::to_value(overview)?;
    value["tool"] = json!(info.tool);
    value["kernel"] = json!(info.kernel);
    value["begun"] = json!(info.date);
    if let Some(totals) = totals {
        value["data_only"] = json!(data_only(totals));
        value["members"] = json!(totals.members);
        value["bytes"] = json!(totals.bytes_raw);
        value["bytes_compressed"] = json!(totals.bytes_compressed);
    }
    Ok(value)
}
