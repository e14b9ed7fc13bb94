//! The table of commands: one line for each, sorted by name.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    auto_backup, bootinfo, bootlist, bosboot, cfgmgr, devinstall, first_boot, lscfg, lsdev, lslv,
    lsmksysb, lspv, lsvg, menu, mkdvd, mksysb, mkszfile, mkvgdata, rda, restore, restvg, savevg,
};

/// Makes the enumeration that clap reads, and what runs each of its commands.
macro_rules! commands {
    ($($(#[$attribute:meta])* $name:ident($arguments:ty) => $run:path,)*) => {
        /// A command with its arguments.
        #[allow(clippy::large_enum_variant, reason = "a process makes one")]
        #[derive(Debug, clap::Subcommand)]
        pub(crate) enum Command {
            $($(#[$attribute])* $name($arguments),)*
        }

        impl Command {
            /// Does what was asked for.
            pub(crate) fn run(&self) -> Result<ExitCode> {
                match self {
                    $(Self::$name(arguments) => $run(arguments),)*
                }
            }
        }
    };
}

// A command is called as its name here is written in lower case with hyphens; its
// help is the doc comment of its arguments. Give `about` where several commands have
// the same arguments.
commands! {
    AutoBackup(auto_backup::Args) => auto_backup::run,
    Bootinfo(bootinfo::Args) => bootinfo::run,
    Bootlist(bootlist::Args) => bootlist::run,
    Bosboot(bosboot::Args) => bosboot::run,
    Cfgmgr(cfgmgr::Args) => cfgmgr::run,
    Devinstall(devinstall::Args) => devinstall::run,
    FirstBoot(first_boot::Args) => first_boot::run,
    #[command(about = "List, summarise, check or restore from a volume group's backup")]
    Listvgbackup(lsmksysb::Args) => lsmksysb::run,
    Lscfg(lscfg::Args) => lscfg::run,
    Lsdev(lsdev::Args) => lsdev::run,
    Lslv(lslv::Args) => lslv::run,
    Lsmksysb(lsmksysb::Args) => lsmksysb::run,
    #[command(about = "The same command as listvgbackup")]
    Lspv(lspv::Args) => lspv::run,
    Lssavevg(lsmksysb::Args) => lsmksysb::run,
    Lsvg(lsvg::Args) => lsvg::run,
    Menu(menu::Args) => menu::run,
    Mkdvd(mkdvd::Args) => mkdvd::run,
    Mksysb(mksysb::Args) => mksysb::run,
    Mkszfile(mkszfile::Args) => mkszfile::run,
    Mkvgdata(mkvgdata::Args) => mkvgdata::run,
    Rda(rda::Args) => rda::run,
    Restore(restore::Args) => restore::run,
    Restorevgfiles(lsmksysb::RestoreArgs) => lsmksysb::run_restore,
    Restvg(restvg::Args) => restvg::run,
    Savevg(savevg::Args) => savevg::run,
}
