//! The command `zegel`: keys, registrations, appends, exports.
//!
//! The result goes to standard output, chatter to standard error; `--json` prints exactly one document, also on failure.
//! Exit codes: 0 done; 1 done, with findings; 2 refused; 3 usage, or the ledger could not be reached.

#![allow(clippy::result_large_err, reason = "an error ends the command: it is copied once")]

mod command;

use clap::Parser;
use command::{Arguments, CommandError, Outcome};
use std::process::ExitCode;

/// Reading out makes and drops a tree of small pieces for each record (`specs/cost.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let is_json = arguments.json;
    // Before any key is read.
    if let Err(error) = zegel_keys::leave_no_dumps() {
        eprintln!("zegel: {error}");
        return ExitCode::from(3);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("zegel: the runtime could not be started: {error}");
            return ExitCode::from(3);
        }
    };
    let outcome = runtime.block_on(command::run(arguments));
    Outcome::report(outcome, is_json)
}

/// Help and version are results; all else is a usage failure, which is one document too if that was asked for.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Where nobody reads any more there is nobody to tell.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let is_json = std::env::args_os().any(|argument| argument == "--json");
    Outcome::report(Err(CommandError::Usage { reason: error.to_string() }), is_json)
}
