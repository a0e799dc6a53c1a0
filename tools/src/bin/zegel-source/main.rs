//! The command `zegel-source`: the sidecar of a gateway, and what its operator does with it.
//!
//! Results on standard output as one JSON document, chatter on standard error. Exit codes: 0 done; 1 done, with findings;
//! 2 refused; 3 usage, or nothing could be reached.

mod arguments;

use arguments::{Arguments, run};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(3) } else { ExitCode::SUCCESS };
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("zegel-source: the runtime could not be started: {error}");
            return ExitCode::from(3);
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok((document, code)) => {
            println!("{document:#}");
            // What still waits is durable.
            runtime.shutdown_background();
            ExitCode::from(code)
        }
        Err(reason) => {
            eprintln!("zegel-source: {reason}");
            runtime.shutdown_background();
            ExitCode::from(reason.exit())
        }
    }
}
