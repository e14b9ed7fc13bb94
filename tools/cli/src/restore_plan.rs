//! `lifeboat restore --plan`: what a restore would do on this machine. Writes nothing.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::builder::BoolishValueParser;
use clap::{ArgAction, ValueEnum};
use lifeboat_layout::plan::{Grow, Mirrors, Seed, Settings, plan};
use lifeboat_restore::prepare;
use lifeboat_stanza::bosinst::Overwrite;

use crate::input::Input;
use crate::out;

/// Columns of the plan.
const WIDTH: usize = 80;

/// What the plan shall be like.
#[derive(Debug, clap::Args)]
pub struct Wishes {
    /// With --plan: print it as JSON
    #[arg(long, requires = "plan")]
    json: bool,

    /// With --plan: a disk to be written, by name, `hdisk0` or `vda`; may be repeated
    #[arg(long = "disk", value_name = "DISK", requires = "plan")]
    disks: Vec<String>,

    /// With --plan: the disk that gets PReP and /boot, if it is another than the rest
    #[arg(long, value_name = "DISK", requires = "plan")]
    boot_disk: Option<String>,

    /// With --plan: which disks with data may be chosen that nobody named
    #[arg(long, value_name = "WHICH", requires = "plan")]
    overwrite: Option<Which>,

    /// With --plan: make file systems only as big as their content needs
    #[arg(long, value_name = "YES|NO", requires = "plan")]
    #[arg(action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    shrink: Option<bool>,

    /// With --plan: the disks must have the sizes that they had
    #[arg(long, value_name = "YES|NO", requires = "plan")]
    #[arg(action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    exact_fit: Option<bool>,

    /// With --plan: place logical volumes as on the source, by the backup's maps
    #[arg(long, value_name = "YES|NO", requires = "plan")]
    #[arg(action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    use_maps: Option<bool>,

    /// With --plan: let file systems grow into the room of larger disks
    #[arg(long, value_name = "HOW", requires = "plan")]
    grow: Option<How>,

    /// With --plan: keep one copy of everything that was mirrored
    #[arg(long, requires = "plan")]
    break_mirrors: bool,

    /// With --plan: another name for the root volume group
    #[arg(long, value_name = "NAME", requires = "plan")]
    group_name: Option<String>,

    /// With --plan: new UUIDs, so that the system can live beside its source
    #[arg(long, requires = "plan")]
    new_identity: bool,
}

/// `EXISTING_SYSTEM_OVERWRITE`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// Only empty disks
    No,
    /// Also disks of an old root volume group
    Yes,
    /// Every disk
    Any,
}

/// What grows.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum How {
    /// Every file system by the same share
    Proportional,
    /// The last one
    Last,
}

/// Prints the plan.
pub fn run(input: &Input, wishes: &Wishes) -> Result<ExitCode> {
    let summary = input.summary();
    let (mut model, answers) = prepare::described(summary, &summary.bosinst)?;
    if let Input::File(backup) = input {
        prepare::older_maps(&mut model, backup);
    }
    let settings = wishes.settings(prepare::settings(&answers)?)?;
    let disks = prepare::present_disks()?;
    let plan = plan(&model, &disks, &settings)?;
    if wishes.json {
        let json = serde_json::to_string_pretty(&plan);
        out::line(&json.context("0590-725 The plan cannot be written as JSON")?)?;
    } else {
        out::line(&plan.lines(WIDTH).join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Wishes {
    /// What the backup's answers say, and what was asked for beyond.
    fn settings(&self, answers: Settings) -> Result<Settings> {
        let overwrite = self.overwrite.map(|which| match which {
            Which::No => Overwrite::No,
            Which::Yes => Overwrite::Yes,
            Which::Any => Overwrite::Any,
        });
        let grow = self.grow.map(|how| match how {
            How::Proportional => Grow::Proportional,
            How::Last => Grow::Last,
        });
        let seed = self.new_identity.then(Seed::draw).transpose();
        Ok(Settings {
            disks: self.disks.clone(),
            boot_disk: self.boot_disk.clone(),
            overwrite: overwrite.unwrap_or(answers.overwrite),
            shrink: self.shrink.or(answers.shrink),
            exact_fit: self.exact_fit.or(answers.exact_fit),
            use_maps: self.use_maps.or(answers.use_maps),
            grow: grow.unwrap_or(answers.grow),
            mirrors: if self.break_mirrors {
                Mirrors::Break
            } else {
                answers.mirrors
            },
            group_name: self.group_name.clone().or(answers.group_name),
            new_identity: seed
                .context("0590-724 No random bytes for new UUIDs")?
                .or(answers.new_identity),
            targets: answers.targets,
            volume_prefix: answers.volume_prefix,
        })
    }
}
