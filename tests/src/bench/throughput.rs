//! Backup and restore beside the programs that an administrator would use instead,
//! in turns, so that whatever else the host does meets all of them.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use lifeboat_sys::fs::{self, PathContext};
use lifeboat_sys::run::Tool;
use lifeboat_sys::usage::Usage;

use super::material::{Tree, few_large, many_small};
use super::peers::{OTHERS, Peer};
use super::table::{self, Column};
use crate::description;
use crate::lab::Media;

/// What one program took in one round.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// To back up.
    pub backup: Usage,
    /// To restore.
    pub restore: Usage,
    /// Bytes of the backup.
    pub size: u64,
}

/// Measures and prints, one table for each tree and direction.
///
/// # Errors
/// When a program fails, or restores another tree.
pub fn run(media: &Media, place: &Path, rounds: u8) -> Result<()> {
    let place = tempfile::Builder::new()
        .prefix("lifeboat-bench-")
        .tempdir_in(place)
        .at("create a directory in", place)?;
    let small = many_small(&media.backup, place.path())?;
    let large = few_large(&small, place.path())?;
    let mut peers = vec![ours(media, place.path())?];
    for peer in OTHERS {
        if peer.is_installed() {
            peers.push(peer);
        } else {
            println!("{} is not installed", peer.name());
        }
    }
    println!(
        "Throughput: medians of {rounds} rounds, the programs taking turns; all data in memory"
    );
    println!("Load of the host before: {}", load()?);
    for tree in [small, large] {
        let mut columns: Vec<Column> = peers.iter().map(|peer| Column::new(peer.name())).collect();
        for round in 0..rounds {
            let mut order: Vec<usize> = (0..peers.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let taken = once(&peers[index], &tree, place.path(), round == 0)
                    .with_context(|| format!("{} on {}", peers[index].name(), tree.about))?;
                columns[index].rounds.push(taken);
            }
        }
        table::print(&tree, &columns);
    }
    println!("Load of the host after: {}", load()?);
    Ok(())
}

/// Ours, with the demo's description of disks, which does not matter here.
fn ours(media: &Media, place: &Path) -> Result<Peer> {
    let (image_data, bosinst_data) = description::demo(&media.backup, place)?;
    let program = &media.host_lifeboat;
    Ok(Peer::Lifeboat {
        program: std::path::absolute(program).at("find", program)?,
        image_data,
        bosinst_data,
    })
}

/// One backup and its restore, compared with the tree if asked for.
fn once(peer: &Peer, tree: &Tree, place: &Path, compare: bool) -> Result<Round> {
    let (file, to) = (place.join("backup.fsa"), place.join("restored"));
    fs::create_dir_all(&to)?;
    let backup = measured(&peer.backup(tree, &file))?;
    let size = file.metadata().at("look at", &file)?.len();
    let restore = measured(&peer.restore(&file, &to))?;
    if compare {
        same(&tree.root, &peer.restored(tree, &to))?;
    }
    std::fs::remove_file(&file).at("remove", &file)?;
    std::fs::remove_dir_all(&to).at("remove", &to)?;
    Ok(Round {
        backup,
        restore,
        size,
    })
}

fn measured(tool: &Tool) -> Result<Usage> {
    let (output, usage) = tool.measured()?;
    log::debug!("{}", output.text());
    Ok(usage)
}

/// Compares two trees with a program that is not ours.
fn same(tree: &Path, restored: &Path) -> Result<()> {
    let slash = |path: &Path| format!("{}/", path.display());
    let differences = Tool::new("rsync")
        .args(["-naAXHc", "--delete", "--itemize-changes"])
        .args([slash(tree), slash(restored)])
        .run()?
        .text();
    let lines: Vec<&str> = differences.lines().collect();
    if let Some(first) = lines.first() {
        bail!("{} files are not as they were: {first}", lines.len());
    }
    Ok(())
}

/// The host's load averages.
fn load() -> Result<String> {
    let path = Path::new("/proc/loadavg");
    let text = fs::read_to_string(path)?;
    let averages: Vec<&str> = text.split(' ').take(3).collect();
    ensure!(averages.len() == 3, "{} reads {text}", path.display());
    Ok(averages.join(" "))
}
