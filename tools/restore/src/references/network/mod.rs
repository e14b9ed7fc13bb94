//! The configuration of network interfaces, moved to the cards that this machine has.
//!
//! An interface keeps its name, and with it everything that is configured for that name:
//! a file for systemd's udev binds the name to the card. Files that name a card by its
//! address or its place name the new one.

mod moves;
mod words;

use std::fs::File;
use std::path::{Path, PathBuf};

use lifeboat_layout::model::Card;
use lifeboat_sys::fs::{FsError, PathContext};

pub use moves::{By, Move, Moves};

use super::files::{self, Place};
use super::lines::Edit;

/// Where the names of interfaces are bound to cards.
const LINKS: &str = "etc/systemd/network";
const RULES: &str = "etc/udev/rules.d";
/// The driver of PowerVM's virtual Ethernet.
const IBMVETH: &str = "ibmveth";

/// The files that name network cards. `true`: what names a card there gives it a name.
const PLACES: [Place<bool>; 25] = [
    (LINKS, "*.link", true),
    (LINKS, "*.network", false),
    (LINKS, "*.netdev", false),
    (RULES, "*.rules", true),
    ("etc/NetworkManager", "NetworkManager.conf", false),
    ("etc/NetworkManager/conf.d", "*.conf", false),
    ("etc/NetworkManager/system-connections", "*", false),
    ("etc/network", "interfaces", false),
    ("etc/network/interfaces.d", "*", false),
    ("etc/sysconfig/network-scripts", "*", false),
    ("etc/sysconfig/network", "*", false),
    ("etc/netplan", "*.yaml", false),
    ("etc/cloud/cloud.cfg.d", "*.cfg", false),
    ("etc", "iftab", true),
    ("etc", "mactab", true),
    ("etc/default", "grub", false),
    ("etc/default/grub.d", "*.cfg", false),
    ("etc/kernel", "cmdline", false),
    ("etc/kernel/cmdline.d", "*.conf", false),
    ("etc/cmdline.d", "*.conf", false),
    ("etc/dracut.conf.d", "*.conf", false),
    ("etc/initramfs-tools", "initramfs.conf", false),
    ("etc/initramfs-tools/conf.d", "*", false),
    ("boot/loader/entries", "*.conf", false),
    ("boot/grub2", "grubenv", false),
];

/// What became of the network configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// Which card takes the place of which.
    pub moves: Moves,
    /// The lines that changed, by file; a new file is one line.
    pub edits: Vec<(PathBuf, Edit)>,
    /// Files that name a place which this machine has no word for.
    lost: Vec<PathBuf>,
    /// Names that could not be bound to their cards.
    unbound: Vec<String>,
}

impl Moved {
    /// What is on which card now.
    #[must_use]
    pub fn summary(&self) -> String {
        let changed = |pair: &&Move| pair.by != By::Mac || pair.old.location != pair.new.location;
        let moved = self.moves.moves.iter().filter(changed);
        let moved: Vec<String> = moved
            .map(|pair| format!("{} is the card {} now", pair.old.name, described(&pair.new)))
            .collect();
        match (moved.is_empty(), self.edits.len()) {
            (true, 0) => "as it was".to_owned(),
            (true, lines) => format!("{lines} lines changed, see the log"),
            (false, lines) => format!("{}; {lines} lines changed, see the log", moved.join(", ")),
        }
    }

    /// What the operator should know, in sentences.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        if !self.moves.left.is_empty() {
            findings.push(format!(
                "0590-486 This machine has fewer network cards than the backup, and which one shall be {} cannot be told; their configuration stays, without a card",
                self.moves.left.join(" or ")
            ));
        }
        let by_order = self.moves.moves.iter().filter(|pair| pair.by == By::Order);
        let by_order: Vec<String> = by_order.map(|pair| pair.old.name.clone()).collect();
        if by_order.len() > 1 {
            findings.push(format!(
                "0590-487 {} went to the network cards of this machine in the order of their places; look whether each is at the right cable",
                by_order.join(", ")
            ));
        }
        findings.extend(self.lost.iter().map(|path| {
            format!(
                "0590-488 /{} names the place of a network card that is on another kind of bus now; change it by hand",
                path.display()
            )
        }));
        findings.extend(self.unbound.iter().map(|name| {
            format!(
                "0590-489 The network card that shall be {name} has no address of its own; look under which name it comes up"
            )
        }));
        findings
    }
}

fn described(card: &Card) -> String {
    let what = card.driver.as_deref().or(card.mac.as_deref());
    format!(
        "{} at {}",
        what.unwrap_or("without a driver"),
        card.location
    )
}

/// Moves the configuration of the system below `root` from its old cards to the `new`
/// ones. On `another` machine names are bound also where nothing has moved: there the
/// same place may have another name.
///
/// # Errors
/// [`FsError`] with the file that cannot be read or written.
pub fn rewrite(root: &Path, old: &[Card], new: &[Card], another: bool) -> Result<Moved, FsError> {
    let root = File::open(root).at("open", root)?;
    let mut moved = Moved {
        moves: Moves::decide(old, new),
        ..Moved::default()
    };
    let (swaps, lost) = (words::swaps(&moved.moves), words::lost(&moved.moves));
    // What gives names to cards already, by the addresses that it names.
    let mut naming = Vec::new();
    for (path, gives_names) in files::present(&root, &PLACES)? {
        let done = files::edit(&root, &path, |text| words::file(text, &swaps))?;
        let Some(edited) = done else { continue };
        if words::names(&edited.text, &lost) {
            moved.lost.push(path.clone());
        }
        if gives_names {
            naming.push(edited.text);
        }
        moved.keep(&path, edited.edits);
    }
    let pairs = moved.moves.moves.clone();
    let to_bind = pairs
        .iter()
        .filter(|pair| another || pair.old.location != pair.new.location);
    for pair in to_bind {
        moved.bind(&root, pair, &naming)?;
    }
    Ok(moved)
}

impl Moved {
    fn keep(&mut self, path: &Path, edits: Vec<Edit>) {
        for edit in edits {
            let (file, line) = (path.display(), edit.line);
            log::info!("{file}:{line}: {:?} -> {:?}", edit.old, edit.new);
            self.edits.push((path.to_owned(), edit));
        }
    }

    /// Gives the card of this machine the name of the old one.
    fn bind(&mut self, root: &File, pair: &Move, naming: &[Vec<u8>]) -> Result<(), FsError> {
        let name = &pair.old.name;
        let Some(mac) = &pair.new.mac else {
            self.unbound.push(name.clone());
            return Ok(());
        };
        let words = [mac.clone()];
        if naming.iter().any(|text| words::names(text, &words)) {
            return Ok(());
        }
        self.put(
            root,
            LINKS,
            &format!("10-lifeboat-{name}.link"),
            link(name, mac),
        )?;
        if pair.new.driver.as_deref() == Some(IBMVETH) {
            self.put(
                root,
                RULES,
                &format!("70-lifeboat-{name}.rules"),
                rule(name, mac),
            )?;
        }
        Ok(())
    }

    /// Writes a file of ours.
    fn put(
        &mut self,
        root: &File,
        directory: &str,
        file: &str,
        text: String,
    ) -> Result<(), FsError> {
        let path = Path::new(directory).join(file);
        files::create_directory(root, Path::new(directory))?;
        if !files::create(root, &path, text.as_bytes())? {
            let new = super::lines::Edited {
                text: text.clone().into_bytes(),
                edits: Vec::new(),
            };
            files::edit(root, &path, |_| new)?;
        }
        let edit = Edit {
            line: 1,
            old: String::new(),
            new: text,
        };
        self.keep(&path, vec![edit]);
        Ok(())
    }
}

/// The files that give interfaces addresses of their own, as systems without DHCP have them.
///
/// # Errors
/// [`FsError`] with the file that cannot be read.
pub fn fixed(root: &Path) -> Result<Vec<PathBuf>, FsError> {
    let root = File::open(root).at("open", root)?;
    let mut found = Vec::new();
    for (path, _) in files::present(&root, &PLACES)? {
        if files::read(&root, &path)?.is_some_and(|text| has_address(&text)) {
            found.push(path);
        }
    }
    Ok(found)
}

/// systemd, NetworkManager, ifupdown, ifcfg, netplan.
fn has_address(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let starts = ["Address=", "address1=", "address ", "IPADDR", "addresses:"];
    text.lines().map(str::trim).any(|line| {
        let start = starts.iter().find_map(|start| line.strip_prefix(start));
        // An address has digits, or is on the next line.
        start.is_some_and(|rest| rest.is_empty() || rest.contains(|c: char| c.is_ascii_digit()))
    })
}

/// A VLAN on the card has its address as well, but is of another type.
fn link(name: &str, mac: &str) -> String {
    format!(
        "# Lifeboat: the card that took the place of {name} when this system was restored.\n\
         [Match]\nMACAddress={mac}\nType=ether\n\n[Link]\nName={name}\n"
    )
}

/// The same for udev. Debian names PowerVM's cards by a rule (73-special-net-names), which
/// goes before `.link` files and after this one. A VLAN has no driver of its own.
fn rule(name: &str, mac: &str) -> String {
    format!(
        "# Lifeboat: the card that took the place of {name} when this system was restored.\n\
         ACTION==\"add\", SUBSYSTEM==\"net\", DRIVERS==\"{IBMVETH}\", ATTR{{address}}==\"{mac}\", NAME=\"{name}\"\n"
    )
}

#[cfg(test)]
mod tests;
