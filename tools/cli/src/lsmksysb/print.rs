//! How summaries and lists look: aligned for people, with colons for programs.

use std::fmt::Write;

use super::overview::{Device, Overview, Volume};
use super::packages::Package;

/// For whom something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Aligned,
    /// Fields between colons.
    Colons,
    /// For programs.
    Json,
}

/// A table with its headings.
pub struct Table<'a> {
    /// What stands above it, for people.
    pub title: Option<&'a str>,
    /// Column headings with the width that a column has at least.
    pub columns: &'a [(&'a str, usize)],
    /// A line for each thing.
    pub rows: Vec<Vec<String>>,
}

impl Table<'_> {
    /// Columns at fixed places; a value that is too long pushes the next ones aside.
    pub fn aligned(&self) -> String {
        let mut text = String::new();
        if let Some(title) = self.title {
            text += &format!("{title}:\n");
        }
        let headings = self.columns.iter().map(|(name, _)| (*name).to_owned());
        for row in std::iter::once(&headings.collect()).chain(&self.rows) {
            let mut line = String::new();
            for (value, (_, width)) in row.iter().zip(self.columns) {
                // Writing to a String cannot fail.
                let _ = write!(line, "{value:<width$} ");
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }

    /// A line of headings after `#`, then one line a row; a colon within a value is `\:`.
    pub fn colons(&self) -> String {
        let headings: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let mut text = format!("#{}\n", headings.join(":"));
        for row in &self.rows {
            let row: Vec<_> = row.iter().map(|value| value.replace(':', "\\:")).collect();
            text += &row.join(":");
            text.push('\n');
        }
        text
    }
}

/// The head of a summary: names and values.
pub fn head(lines: &[(&str, String)]) -> String {
    lines
        .iter()
        .map(|(name, value)| format!("{:<23} {value}\n", format!("{name}:")))
        .collect()
}

/// The head of a summary as one line with colons.
pub fn head_colons(lines: &[(&str, String)]) -> String {
    let columns: Vec<_> = lines.iter().map(|(name, _)| (*name, 0)).collect();
    let table = Table {
        title: None,
        columns: &columns,
        rows: vec![lines.iter().map(|(_, value)| value.clone()).collect()],
    };
    table.colons()
}

/// The tables of a summary: the logical volumes of each volume group, then all other
/// devices; none that is empty.
pub fn tables(overview: &Overview) -> Vec<Table<'_>> {
    let of_one_group = |a: &Volume, b: &Volume| a.group == b.group;
    let mut tables: Vec<_> = overview
        .logical_volumes
        .chunk_by(of_one_group)
        .map(volumes)
        .collect();
    if !overview.devices.is_empty() {
        tables.push(devices(&overview.devices));
    }
    tables
}

/// Columns of the logical volumes of a group, as `lsvg -l` has them.
pub const VOLUMES: [(&str, usize); 7] = [
    ("LV NAME", 19),
    ("TYPE", 10),
    ("LPs", 7),
    ("PPs", 7),
    ("PVs", 4),
    ("LV STATE", 13),
    ("MOUNT POINT", 0),
];

fn volumes(volumes: &[Volume]) -> Table<'_> {
    let row = |volume: &Volume| {
        vec![
            volume.name.clone(),
            volume.kind.clone(),
            volume.lps.to_string(),
            volume.pps.to_string(),
            volume.pvs.to_string(),
            volume.state.clone(),
            volume.mount_point.clone(),
        ]
    };
    Table {
        title: volumes.first().map(|volume| volume.group.as_str()),
        columns: &VOLUMES,
        rows: volumes.iter().map(row).collect(),
    }
}

fn devices(devices: &[Device]) -> Table<'_> {
    let row = |device: &Device| {
        vec![
            device.name.clone(),
            device.kind.clone(),
            device.mb.to_string(),
            device.mount_point.clone(),
        ]
    };
    Table {
        title: Some("other devices"),
        columns: &[("DEVICE", 19), ("TYPE", 10), ("MB", 34), ("MOUNT POINT", 0)],
        rows: devices.iter().map(row).collect(),
    }
}

/// The table of packages.
pub fn packages(packages: &[Package]) -> Table<'static> {
    Table {
        title: None,
        columns: &[
            ("PACKAGE", 32),
            ("VERSION", 24),
            ("ARCHITECTURE", 12),
            ("STATE", 10),
            ("DESCRIPTION", 0),
        ],
        rows: packages
            .iter()
            .map(|package| {
                vec![
                    package.name.clone(),
                    package.version.clone(),
                    package.architecture.clone(),
                    package.state.clone(),
                    package.description.clone(),
                ]
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<'static> {
        Table {
            title: Some("rootvg"),
            columns: &[("NAME", 6), ("SIZE", 0)],
            rows: vec![
                vec!["hd4".to_owned(), "1:2".to_owned()],
                vec!["a long name".to_owned(), String::new()],
            ],
        }
    }

    #[test]
    fn a_table_for_people() {
        assert_eq!(
            table().aligned(),
            "rootvg:\nNAME   SIZE\nhd4    1:2\na long name\n"
        );
    }

    #[test]
    fn a_table_for_programs() {
        assert_eq!(table().colons(), "#NAME:SIZE\nhd4:1\\:2\na long name:\n");
    }
}
