//! `exchange`: the binary. What it does is in [`cli`]; here it only begins and ends.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
