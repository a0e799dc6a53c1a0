//! `zegel-ledger`: serve, check, copy, back up, put back or rebuild the logs of a configuration.
//!
//! Exit codes: 0 well, 1 findings, 2 refused to start, 3 usage.

use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use thiserror::Error;
use zegel_ledger::{
    BackupError, CheckReport, Config, ConfigError, CopyError, EraseError, Known, PromoteError, ServeError, Server,
    backup, check, erase, mirror, promote, rebuild, restore_older,
};

/// Measured beside glibc's on two cores: appends 1.1 times as fast, exports 1.35 times, two thirds of the memory
/// (`specs/cost.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The ledger of Zegel: appends signed batches of sealed events to Merkle logs.
#[derive(Parser)]
#[command(name = "zegel-ledger", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve all logs of the configuration until SIGTERM or SIGINT.
    Serve {
        /// Configuration file (TOML).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Write the address here once it is bound.
        #[arg(long, value_name = "PATH")]
        ready_file: Option<PathBuf>,
    },
    /// Check every entry, signature, root, counter, stream, snapshot, blob and checkpoint again.
    Check {
        /// Configuration file (TOML).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Copy a log that is not served, or a backup of it, for auditors: no keys, no content.
    Mirror {
        /// Configuration file (TOML).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Folder of the copy; made, or gone on with.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Name of the log, where the configuration has several.
        #[arg(long, value_name = "NAME")]
        origin: Option<String>,
    },
    /// Back up the logs that name a folder, also while they are served.
    Backup {
        /// Configuration file (TOML).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Put a backup where there is no store, and check all of it.
    Restore {
        /// Configuration file (TOML).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Folder of the backup.
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
        /// Name of the log, where the configuration has several.
        #[arg(long, value_name = "NAME")]
        origin: Option<String>,
        /// Put back the copy that is so many before the newest.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        back: usize,
    },
    /// Erase what lies sealed beside events, by an order with two signatures, and search the files for it. The log is not served meanwhile.
    Erase {
        /// Configuration file (TOML).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The order that `zegel destroy order` wrote.
        order: PathBuf,
    },
    /// Make a replica the log itself, for disasters only: the old primary must never sign again. The log is not served meanwhile.
    Promote {
        /// Configuration file (TOML).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Name of the log, where the configuration has several.
        #[arg(long, value_name = "NAME")]
        origin: Option<String>,
        /// A signed checkpoint that somebody outside holds.
        #[arg(long, value_name = "NOTE")]
        checkpoint: Vec<PathBuf>,
        /// The guard of the old primary, if it can be had.
        #[arg(long, value_name = "FILE")]
        guard: Vec<PathBuf>,
        /// A witness of the configuration that is gone for good.
        #[arg(long, value_name = "WITNESS")]
        without: Vec<String>,
    },
    /// Derive everything that is not truth again.
    Rebuild {
        /// Configuration file (TOML).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Dumps(#[from] zegel_keys::ProcessError),
    #[error(transparent)]
    Erase(#[from] EraseError),
    #[error(transparent)]
    Promote(#[from] PromoteError),
    #[error("{what}: {reason}")]
    Process { what: &'static str, reason: std::io::Error },
}

impl From<ConfigError> for Failure {
    fn from(reason: ConfigError) -> Self {
        Self::Serve(reason.into())
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => {
            // Nothing is left to do if even this cannot be printed.
            let _ = usage.print();
            return ExitCode::from(if usage.use_stderr() { 3 } else { 0 });
        }
    };
    // Before any key is read.
    match zegel_keys::leave_no_dumps().map_err(Failure::from).and_then(|()| run(arguments.command)) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("zegel-ledger: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve { config, ready_file } => serve(Config::read(&config)?, ready_file.as_deref()),
        Command::Check { config, json } => {
            let report = check(&Config::read(&config)?)?;
            print(&report, if json { Form::Json } else { Form::Text });
            Ok(code_of(&report))
        }
        Command::Mirror { config, out, origin } => {
            let size = mirror(&Config::read(&config)?, origin.as_deref(), &out)?;
            println!("{size} entries in {}", out.display());
            Ok(ExitCode::SUCCESS)
        }
        Command::Backup { config } => {
            for (origin, note) in backup(&Config::read(&config)?)? {
                let size = note.lines().nth(1).unwrap_or_default();
                println!("{origin}: {size} entries");
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Restore { config, from, origin, back } => {
            let report = restore_older(&Config::read(&config)?, origin.as_deref(), &from, back)?;
            print(&report, Form::Text);
            Ok(code_of(&report))
        }
        Command::Erase { config, order } => {
            let text = std::fs::read_to_string(&order);
            let text = text.map_err(|reason| Failure::Process { what: "the order", reason })?;
            let erased = erase(&Config::read(&config)?, &text)?;
            println!(
                "{} events are erased ({} of them before), {} attachments; none of it was found in {} files of {} bytes",
                erased.events, erased.before, erased.blobs, erased.files, erased.bytes
            );
            Ok(ExitCode::SUCCESS)
        }
        Command::Promote { config, origin, checkpoint: checkpoints, guard: guards, without } => {
            let known = Known { checkpoints, guards, without };
            let promoted = promote(&Config::read(&config)?, origin.as_deref(), &known)?;
            println!("promoted at {} entries, root {}", promoted.size, promoted.root);
            println!("it goes on from each of {} checkpoints that are known", promoted.known);
            println!(
                "take [log.follow] out of the configuration, serve, and log LOG_RECOVERED: nothing is taken before it"
            );
            Ok(ExitCode::SUCCESS)
        }
        Command::Rebuild { config } => {
            let report = rebuild(&Config::read(&config)?)?;
            print(&report, Form::Text);
            Ok(code_of(&report))
        }
    }
}

fn code_of(report: &CheckReport) -> ExitCode {
    ExitCode::from(u8::from(!report.findings.is_empty()))
}

#[derive(Clone, Copy)]
enum Form {
    Text,
    Json,
}

fn print(report: &CheckReport, form: Form) {
    match (form, serde_json::to_string_pretty(report)) {
        (Form::Json, Ok(json)) => println!("{json}"),
        _ => {
            report.findings.iter().for_each(|finding| println!("{finding}"));
            println!("{} entries, {} findings", report.entries, report.findings.len());
        }
    }
}

fn serve(config: Config, ready_file: Option<&Path>) -> Result<ExitCode, Failure> {
    start_logs(&config);
    let failed = |what| move |reason| Failure::Process { what, reason };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(failed("cannot start the runtime"))?;
    runtime.block_on(async {
        let terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        let mut terminated = terminated.map_err(failed("cannot listen for SIGTERM"))?;
        let server = Server::bind(config).await?;
        let address = server.address();
        for (origin, url) in server.tiles() {
            tracing::info!(origin, "tiles at {url}");
        }
        tracing::info!("listening on {address}");
        if let Some(path) = ready_file {
            write_ready(path, &address.to_string()).map_err(failed("cannot write the ready file"))?;
        }
        let shutdown = async move {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        };
        server.run(shutdown).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Whole or not there: whoever waits for the file never reads half an address.
fn write_ready(path: &Path, address: &str) -> std::io::Result<()> {
    let next = path.with_extension("next");
    std::fs::write(&next, format!("{address}\n"))?;
    std::fs::rename(next, path)
}

/// Lines on stderr, without content and without ids of persons. `RUST_LOG` chooses what is told.
fn start_logs(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).with_ansi(false);
    if config.log_json { lines.json().init() } else { lines.init() }
}
