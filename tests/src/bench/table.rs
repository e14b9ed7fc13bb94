//! The tables of the throughput part, on 80 columns.

use lifeboat_sys::usage::Usage;

use super::material::Tree;
use super::throughput::Round;

/// A program and what it took in each round.
#[derive(Debug)]
pub struct Column {
    name: String,
    /// In their order.
    pub rounds: Vec<Round>,
}

impl Column {
    /// A program that has not run yet.
    pub fn new(name: String) -> Self {
        Self {
            name,
            rounds: Vec::new(),
        }
    }

    fn each(&self, figure: impl Fn(&Round) -> f64) -> Vec<f64> {
        self.rounds.iter().map(figure).collect()
    }
}

/// A figure of one round.
type Figure = fn(&Usage) -> f64;

const WALL: Figure = |usage| usage.wall.as_secs_f64();
const CPU: Figure = |usage| usage.cpu().as_secs_f64();

/// Prints both directions of a tree. The first column is ours.
pub fn print(tree: &Tree, columns: &[Column]) {
    println!(
        "\n{}: {} files, {} MiB",
        tree.about,
        tree.files,
        tree.bytes >> 20
    );
    for (what, usage) in [
        ("backup", (|round| &round.backup) as fn(&Round) -> &Usage),
        ("restore", |round| &round.restore),
    ] {
        println!(
            "  {what:<15} {:>6} {:>6} {:>5} {:>6} {:>6} {:>6} {:>6} {:>6} {:>5}",
            "wall s", "+- %", "CPU s", "user s", "sys s", "MiB", "size %", "wall x", "CPU x"
        );
        for column in columns {
            println!("{}", line(tree, column, &columns[0], usage));
        }
        println!("{}", verdict(columns, usage));
    }
}

/// One program's line. `x` says how many times ours it took, round by round.
fn line(tree: &Tree, column: &Column, ours: &Column, usage: fn(&Round) -> &Usage) -> String {
    let figure = |figure: Figure| median(column.each(|round| figure(usage(round))));
    let wall = column.each(|round| WALL(usage(round)));
    let memory = |usage: &Usage| as_float(usage.memory) / f64::from(1 << 20);
    let size = median(column.each(|round| as_float(round.size))) / as_float(tree.bytes) * 100.0;
    format!(
        "  {:<15} {:>6.2} {:>6.0} {:>5.2} {:>6.2} {:>6.2} {:>6.0} {:>6.1} {:>6.2} {:>5.2}",
        column.name,
        median(wall.clone()),
        spread(&wall),
        figure(CPU),
        figure(|usage| usage.user.as_secs_f64()),
        figure(|usage| usage.system.as_secs_f64()),
        figure(memory),
        size,
        times(column, ours, usage, WALL),
        times(column, ours, usage, CPU),
    )
}

/// How ours compares with the fastest of the others.
fn verdict(columns: &[Column], usage: fn(&Round) -> &Usage) -> String {
    let Some((ours, others)) = columns.split_first() else {
        return String::new();
    };
    let fastest = |figure: Figure| {
        let ratios = others
            .iter()
            .map(|other| (times(other, ours, usage, figure), &other.name));
        ratios.min_by(|a, b| a.0.total_cmp(&b.0))
    };
    let say = |what, fastest: Option<(f64, &String)>| {
        fastest.map_or_else(String::new, |(ratio, name)| {
            format!("  {ratio:.2} times the throughput of {name} by {what}")
        })
    };
    [say("wall", fastest(WALL)), say("CPU", fastest(CPU))].join("\n")
}

/// How many times ours a program took: the median over the rounds, each compared
/// with ours of the same round.
fn times(column: &Column, ours: &Column, usage: fn(&Round) -> &Usage, figure: Figure) -> f64 {
    let pairs = column.rounds.iter().zip(&ours.rounds);
    median(
        pairs
            .map(|(round, ours)| figure(usage(round)) / figure(usage(ours)))
            .collect(),
    )
}

/// Half of the distance between the fastest and the slowest, in percent of the median.
fn spread(figures: &[f64]) -> f64 {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figures.iter().copied().fold(0.0, f64::max);
    (most - least) / 2.0 / median(figures.to_vec()) * 100.0
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match (figures.get(middle), figures.len() % 2) {
        (Some(high), 0) => f64::midpoint(figures[middle - 1], *high),
        (Some(only), _) => *only,
        (None, _) => f64::NAN,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a display of MiB needs no more than 52 bits"
)]
fn as_float(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn column(name: &str, walls: &[u64]) -> Column {
        let round = |seconds: &u64| {
            let usage = Usage {
                wall: Duration::from_secs(*seconds),
                user: Duration::from_secs(1),
                system: Duration::from_secs(1),
                memory: 3 << 20,
            };
            Round {
                backup: usage,
                restore: usage,
                size: 1 << 20,
            }
        };
        Column {
            name: name.to_owned(),
            rounds: walls.iter().map(round).collect(),
        }
    }

    #[test]
    fn a_line_fits_the_terminal_and_compares_round_by_round() {
        let tree = Tree {
            root: "/".into(),
            about: "",
            files: 1,
            bytes: 2 << 20,
        };
        let (ours, other) = (
            column("lifeboat", &[1, 2, 100]),
            column("tar, zstd -T0", &[2, 4, 200]),
        );
        let text = line(&tree, &other, &ours, |round| &round.backup);
        assert_eq!(
            text,
            "  tar, zstd -T0     4.00   2475  2.00   1.00   1.00      3   50.0   2.00  1.00"
        );
        assert!(text.len() <= 80);
        let verdict = verdict(&[ours, other], |round| &round.backup);
        assert!(verdict.starts_with("  2.00 times the throughput of tar, zstd -T0 by wall\n"));
    }

    #[test]
    fn the_median_lies_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]).to_bits(), 2.0_f64.to_bits());
        assert_eq!(median(vec![4.0, 1.0]).to_bits(), 2.5_f64.to_bits());
    }
}
