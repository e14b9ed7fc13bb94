//! LVM's reports, row by row.

use std::collections::HashMap;

use serde::Deserialize;

use crate::disks::DiskError;
use crate::lvm;

/// A row of a report: values by column.
pub type Row = HashMap<String, String>;

#[derive(Deserialize)]
struct Report {
    report: Vec<HashMap<String, Vec<Row>>>,
}

/// What one of LVM's commands (`pvs`, `vgs`, `lvs`) says in these columns; sizes are
/// bytes.
///
/// # Errors
/// [`DiskError`] when LVM cannot say.
pub fn rows(command: &str, columns: &str, more: &[&str]) -> Result<Vec<Row>, DiskError> {
    let tool = lvm::tool(command, None)
        .args(["--reportformat", "json", "--units", "b", "--nosuffix"])
        .args(["-o", columns])
        .args(more);
    parse(&tool.run().map_err(DiskError::Pvs)?.text())
}

/// Reads a report.
///
/// # Errors
/// [`DiskError::Report`].
pub fn parse(json: &str) -> Result<Vec<Row>, DiskError> {
    let report: Report = serde_json::from_str(json).map_err(DiskError::Report)?;
    let sections = report.report.into_iter().flatten();
    Ok(sections.flat_map(|(_, rows)| rows).collect())
}

/// The value in a column; empty where there is none.
#[must_use]
pub fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).map_or("", String::as_str)
}

/// The value in a column as a number; 0 where it is none.
#[must_use]
pub fn number(row: &Row, column: &str) -> u64 {
    text(row, column).parse().unwrap_or(0)
}
