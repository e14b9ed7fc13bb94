//! The binary `lifeboat`; all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    lifeboat_cli::main()
}
