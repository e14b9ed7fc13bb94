//! Runs scenarios, two machines at a time if wanted, one line of result each.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::lab::{Lab, Media};
use crate::scenarios::{ALL, Scenario};

/// Which scenarios to run, and how
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run this scenario; may be given again
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// List the scenarios and run none
    #[arg(long)]
    list: bool,
    /// Run only the scenarios that every change must pass
    #[arg(long)]
    core: bool,
    /// Scenarios at the same time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    jobs: u8,
}

/// What a scenario came to.
struct Report {
    name: &'static str,
    outcome: Result<()>,
    cpu: Duration,
    wall: Duration,
}

/// Runs the command.
///
/// # Errors
/// When a name is unknown.
pub fn run(media: &Media, args: &Args) -> Result<ExitCode> {
    let chosen = choose(args)?;
    if args.list {
        for scenario in chosen {
            let core = if scenario.core { "core" } else { "" };
            println!("{:<22} {core:<5} {}", scenario.name, scenario.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let queue = Mutex::new(VecDeque::from(chosen));
    let failed = Mutex::new(0usize);
    let passed = Mutex::new(0usize);
    thread::scope(|scope| {
        for _ in 0..args.jobs {
            scope.spawn(|| {
                while let Some(scenario) = locked(&queue, VecDeque::pop_front) {
                    let report = try_out(media, scenario);
                    print(&report);
                    let count = if report.outcome.is_ok() {
                        &passed
                    } else {
                        &failed
                    };
                    locked(count, |count| *count += 1);
                }
            });
        }
    });
    let (passed, failed) = (locked(&passed, |n| *n), locked(&failed, |n| *n));
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 && passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn choose(args: &Args) -> Result<Vec<&'static Scenario>> {
    for name in &args.only {
        if !ALL.iter().any(|scenario| scenario.name == name) {
            let known: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
            bail!(
                "0590-951 No scenario is called {name}; there are {}",
                known.join(", ")
            );
        }
    }
    let wanted = |scenario: &&Scenario| {
        (args.only.is_empty() || args.only.iter().any(|name| name == scenario.name))
            && (scenario.core || !args.core)
    };
    Ok(ALL.iter().filter(wanted).collect())
}

fn try_out(media: &Media, scenario: &'static Scenario) -> Report {
    let started = Instant::now();
    let (outcome, cpu) = match Lab::new(media, scenario.name) {
        Ok(lab) => ((scenario.run)(&lab), lab.cpu()),
        Err(error) => (Err(error), Duration::ZERO),
    };
    Report {
        name: scenario.name,
        outcome,
        cpu,
        wall: started.elapsed(),
    }
}

fn print(report: &Report) {
    let word = if report.outcome.is_ok() {
        "passed"
    } else {
        "FAILED"
    };
    let (cpu, wall) = (report.cpu.as_secs_f64(), report.wall.as_secs_f64());
    println!("{:<22} {word}  {cpu:7.1} CPU s  {wall:7.1} s", report.name);
    if let Err(error) = &report.outcome {
        println!("{}", chain(error));
    }
}

/// An error and its causes, each on a line of its own, without the backtrace.
pub fn chain(error: &anyhow::Error) -> String {
    let lines: Vec<String> = error.chain().map(ToString::to_string).collect();
    lines.join("\n  because: ")
}

fn locked<T, R>(mutex: &Mutex<T>, act: impl FnOnce(&mut T) -> R) -> R {
    act(&mut mutex.lock().unwrap_or_else(PoisonError::into_inner))
}
