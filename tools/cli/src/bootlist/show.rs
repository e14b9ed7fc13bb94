//! A boot list, for people and programs.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use lifeboat_boot::bootlist::{self, Entry, Present};
use lifeboat_layout::disks::Disk;
use lifeboat_layout::system::host::Live;
use lifeboat_layout::system::prep_partition;
use serde::Serialize;

use crate::out;

/// How a list is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A line for each entry, as AIX prints it.
    Plain,
    /// The same with firmware paths.
    Verbose,
    /// The firmware paths alone.
    Raw,
    /// An array of objects.
    Json,
}

/// What entries are looked up in.
pub struct Machine<'a> {
    present: Present,
    disks: &'a [Disk],
    most: Option<usize>,
}

/// An entry with what it stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Line {
    /// The firmware path.
    path: String,
    /// `hdisk0`, `cd0`, `eth0`; none for what is not there.
    device: Option<String>,
    /// `sda`.
    kernel_name: Option<String>,
    /// The partition with the boot record.
    blv: Option<String>,
    /// Which of several paths to the disk it is.
    pathid: Option<usize>,
    /// `bserver=9.3.1.2`.
    attributes: Vec<String>,
}

impl<'a> Machine<'a> {
    /// Looks at the machine below `sysfs`.
    pub fn new(sysfs: &Path, disks: &'a [Disk]) -> Self {
        Self {
            present: Present::probe(sysfs),
            disks,
            most: bootlist::most(sysfs),
        }
    }

    fn line(&self, path: &str) -> Line {
        let mut line = Line {
            path: path.to_owned(),
            ..Line::default()
        };
        match self.present.find(path) {
            Entry::Block(name) => self.block(&mut line, name),
            Entry::Network(name, call) => {
                let told = [
                    ("bserver", call.server),
                    ("client", call.client),
                    ("gateway", call.gateway),
                ];
                let told = told
                    .iter()
                    .filter_map(|(what, address)| Some(format!("{what}={}", (*address)?)));
                line.attributes = told.collect();
                line.device = Some(name);
            }
            Entry::Unknown | Entry::Stale => {}
        }
        line
    }

    fn block(&self, line: &mut Line, name: String) {
        let is_path = |disk: &Disk| {
            let mut names = std::iter::once(&disk.name).chain(&disk.paths);
            names.position(|path| *path == name)
        };
        let found = self
            .disks
            .iter()
            .find_map(|disk| Some((disk, is_path(disk)?)));
        if let Some((disk, pathid)) = found {
            line.device = Some(disk.hdisk.clone());
            line.blv = prep_partition(&Live, disk);
            line.pathid = (!disk.paths.is_empty()).then_some(pathid);
        } else if let Some(number) = name.strip_prefix("sr") {
            line.device = Some(format!("cd{number}"));
        }
        line.kernel_name = Some(name);
    }
}

impl Line {
    fn text(&self) -> String {
        let mut text = match (&self.device, &self.kernel_name) {
            (Some(device), Some(name)) => format!("{device} ({name})"),
            (Some(name), None) | (None, Some(name)) => name.clone(),
            // As AIX has it; the path says what it was.
            (None, None) => format!("- {}", self.path),
        };
        let blv = self.blv.iter().map(|blv| format!("blv={blv}"));
        let pathid = self.pathid.iter().map(|number| format!("pathid={number}"));
        for attribute in blv.chain(pathid).chain(self.attributes.iter().cloned()) {
            text.push(' ');
            text.push_str(&attribute);
        }
        text
    }
}

/// Prints a list and what its entries stand for.
///
/// # Errors
/// When standard output takes no more.
pub fn print(machine: &Machine<'_>, style: Style, variable: &str, list: &[String]) -> Result<()> {
    let lines: Vec<Line> = list.iter().map(|path| machine.line(path)).collect();
    let mut text = String::new();
    match style {
        Style::Raw => list.iter().for_each(|path| text += &format!("{path}\n")),
        Style::Plain => lines
            .iter()
            .for_each(|line| text += &format!("{}\n", line.text())),
        Style::Json => text = format!("{}\n", serde_json::to_string_pretty(&lines)?),
        Style::Verbose => {
            if let Some(most) = machine.most {
                writeln!(text, "'ibm,max-boot-devices' = {most:#x}")?;
            }
            writeln!(text, "NVRAM variable: ({variable}={})", list.join(" "))?;
            for line in &lines {
                writeln!(text, "Path name: ({})\n{}", line.path, line.text())?;
            }
        }
    }
    out::print(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_look_as_on_aix() {
        let line = Line {
            path: "/a".into(),
            device: Some("hdisk0".into()),
            kernel_name: Some("sda".into()),
            blv: Some("sda1".into()),
            pathid: Some(0),
            ..Line::default()
        };
        assert_eq!(line.text(), "hdisk0 (sda) blv=sda1 pathid=0");
        let network = Line {
            device: Some("eth0".into()),
            attributes: vec!["bserver=9.3.1.2".into(), "client=9.3.1.7".into()],
            ..Line::default()
        };
        assert_eq!(network.text(), "eth0 bserver=9.3.1.2 client=9.3.1.7");
        let gone = Line {
            path: "/b".into(),
            ..Line::default()
        };
        assert_eq!(gone.text(), "- /b");
    }
}
