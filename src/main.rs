//! Starts: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // A step's supervisor is this same program; it must not parse, print or open anything else first.
    locum::exec::hidden_main(std::env::args_os().skip(1)).unwrap_or_else(locum::cli::main)
}
