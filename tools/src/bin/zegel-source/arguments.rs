//! Arguments, and what each command does with them.

use clap::{Parser, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use zegel_keys::{Passphrases, Protection};
use zegel_proto::source::v1::StatusRequest;
use zegel_proto::source::v1::source_client::SourceClient;
use zegel_tools::keys::{KeyError, KeyFolder};
use zegel_tools::sidecar::{
    Appservice, Checker, DayPlan, Homeserver, NewSource, SidecarConfig, SidecarError, Tell, init, play, quarantined,
    resume, serve, serve_homeserver,
};
use zegel_tools::{disk, hex};
use zegel_verifier::hash::Hash;

/// The sidecar of a chat gateway: takes plain events on this machine and sees that each is in the log once.
#[derive(Parser)]
#[command(name = "zegel-source", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a source with a key of its own for one log, register it, and add it to the sidecar's configuration.
    Init {
        /// Folder of the sidecar; called again with another ministry, it serves one more log.
        dir: PathBuf,
        /// Key folder of the ministry, with its root key.
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
        /// Address of the ledger: `https://host:port`.
        #[arg(long, value_name = "URL")]
        ledger: String,
        /// Name of the service in the registry.
        #[arg(long)]
        name: String,
        /// Folder of this log in the sidecar's.
        #[arg(long, default_value = "log")]
        label: String,
        /// Where it listens: `unix:PATH`, or an address on loopback.
        #[arg(long, default_value = "unix:source.sock")]
        listen: String,
        /// Secret of another source of this ministry, so that both give one conversation one id.
        #[arg(long, value_name = "FILE")]
        secret: Option<PathBuf>,
        /// Leave key and secret without a passphrase: for a demonstration.
        #[arg(long)]
        plain: bool,
    },
    /// Serve until SIGTERM or SIGINT. While another process has the spool: wait, and take over when it is gone.
    Serve {
        /// Configuration file, as `init` makes it.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Write the address here once it is bound.
        #[arg(long, value_name = "PATH")]
        ready_file: Option<PathBuf>,
    },
    /// Ask a running sidecar how it stands.
    Status {
        /// Address: `unix:PATH` or `http://host:port`.
        #[arg(long, value_name = "ADDRESS")]
        socket: String,
    },
    /// Go on after the spool was put back from an older state; the log keeps who said so and why.
    Resume {
        /// Configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Origin of the log.
        #[arg(long)]
        log: String,
        /// Who says so: a function.
        #[arg(long)]
        operator: String,
        /// What happened.
        #[arg(long)]
        account: String,
        /// Id of a custodian whom it concerns, beside those of the gateways that were served.
        #[arg(long, value_name = "ID", value_parser = id)]
        custodian: Vec<Hash>,
    },
    /// Stand in for a sidecar, and say by name what is wrong with the gateway that is pointed at it. Ends at SIGTERM or SIGINT.
    Check {
        /// Where it listens: `unix:PATH`, or an address on loopback.
        #[arg(long, default_value = "unix:source.sock")]
        listen: String,
        /// End after so many seconds.
        #[arg(long, value_name = "SECONDS")]
        seconds: Option<u64>,
        /// Write the address here once it is bound.
        #[arg(long, value_name = "PATH")]
        ready_file: Option<PathBuf>,
    },
    /// Be the gateway of a Matrix homeserver: an application service that hands what is pushed to a sidecar.
    Matrix {
        /// Where the homeserver finds it.
        #[arg(long, default_value = "127.0.0.1:7491")]
        listen: std::net::SocketAddr,
        /// File with the token by which the homeserver is known: `hs_token` of its registration; mode 600.
        #[arg(long, value_name = "FILE")]
        token: PathBuf,
        /// The sidecar: `unix:PATH` or `http://host:port`.
        #[arg(long, value_name = "ADDRESS")]
        socket: String,
        /// Origin of the log.
        #[arg(long)]
        log: String,
        /// Whose chats: @USER:SERVER=ID.
        #[arg(long = "person", value_name = "USER=ID", value_parser = person, required = true)]
        people: Vec<(String, Hash)>,
        /// File that remembers who is in which room.
        #[arg(long, value_name = "FILE")]
        rooms: PathBuf,
        /// Address of the homeserver, to fetch media from: `https://host`, or `http://` on this machine. Without it media are missing.
        #[arg(long, value_name = "URL", requires = "as_token")]
        homeserver: Option<String>,
        /// File with the token by which the homeserver knows us: `as_token` of the registration; mode 600.
        #[arg(long, value_name = "FILE", requires = "homeserver")]
        as_token: Option<PathBuf>,
        /// PEM of the authorities that are believed of the homeserver.
        #[arg(long, value_name = "FILE", requires = "homeserver")]
        homeserver_ca: Option<PathBuf>,
        /// Write the address here once it is bound.
        #[arg(long, value_name = "PATH")]
        ready_file: Option<PathBuf>,
    },
    /// Play a day of a ministry against a sidecar, from one seed.
    Simulate {
        /// Address: `unix:PATH` or `http://host:port`.
        #[arg(long, value_name = "ADDRESS")]
        socket: String,
        /// Origin of the log.
        #[arg(long)]
        log: String,
        /// Id of an official whose chats it plays; or, with --custodians, a file with one id a line.
        #[arg(long, value_name = "ID", value_parser = id)]
        custodian: Vec<Hash>,
        /// File with one id a line.
        #[arg(long, value_name = "FILE")]
        custodians: Option<PathBuf>,
        /// Decides everything else.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Messages of the day.
        #[arg(long, default_value_t = 10_000)]
        messages: u64,
        /// A session breaks after so many events, more or less; 0: none does.
        #[arg(long, default_value_t = 1_000)]
        breaks: u64,
        /// How long the day takes at least: its events are handed over evenly. 0: as fast as they are taken.
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        lasts: u64,
    },
    /// List what no log took, without its words.
    Quarantine {
        /// Configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

/// Why a command did not do what it should.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// The sidecar.
    #[error(transparent)]
    Sidecar(#[from] SidecarError),
    /// A key folder.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file.
    #[error(transparent)]
    Disk(#[from] disk::DiskError),
    /// A running sidecar did not answer.
    #[error("{socket}: {reason}")]
    Away {
        /// Where it should be.
        socket: String,
        /// What came instead.
        reason: String,
    },
    /// The configuration does not have it.
    #[error("log {log:?} is not in the configuration")]
    UnknownLog {
        /// As asked for.
        log: String,
    },
}

impl CommandError {
    pub(crate) fn exit(&self) -> u8 {
        if matches!(self, Self::Away { .. }) { 3 } else { 2 }
    }
}

fn id(text: &str) -> Result<Hash, String> {
    hex::parse(text).ok_or_else(|| "an id has 64 lower-case hexadecimal digits".into())
}

fn person(text: &str) -> Result<(String, Hash), String> {
    let (user, found) = text.rsplit_once('=').ok_or("a person is USER=ID")?;
    Ok((user.to_owned(), id(found)?))
}

fn secret(path: &Path) -> Result<String, CommandError> {
    Ok(String::from_utf8_lossy(&disk::read_private(path)?).trim().to_owned())
}

fn tell() -> Tell {
    Arc::new(|line: &str| eprintln!("{line}"))
}

/// Runs one command: its result, and the exit code.
pub(crate) async fn run(arguments: Arguments) -> Result<(Value, u8), CommandError> {
    match arguments.command {
        Command::Init { dir, keys, ledger, name, label, listen, secret, plain } => {
            let passphrases = || Passphrases::of_environment().map_err(KeyError::from).map_err(SidecarError::from);
            let protection = &if plain { Protection::Plain } else { Protection::Sealed(passphrases()?) };
            let new = NewSource {
                label: &label,
                name: &name,
                ledger: &ledger,
                listen: &listen,
                secret: secret.as_deref(),
                protection,
            };
            let config = init(&dir, &KeyFolder::open(&keys)?, &new).await?;
            Ok((json!({ "config": config }), 0))
        }
        Command::Serve { config, ready_file } => answer(&config, ready_file.as_deref()).await,
        Command::Status { socket } => status(&socket).await,
        Command::Resume { config, log, operator, account, custodian } => {
            let config = SidecarConfig::read(&config)?;
            let of = |of: &&_| zegel_tools::sidecar::LogConfig::trust(of).is_ok_and(|trust| trust.origin() == log);
            let found = config.logs.iter().find(of).ok_or(CommandError::UnknownLog { log: log.clone() })?;
            let head = resume(found, &custodian, &operator, &account, tell()).await?;
            Ok((json!({ "log": log, "resumed_at_batch": head.next_batch_seq }), 0))
        }
        Command::Matrix {
            listen,
            token,
            socket,
            log,
            people,
            rooms,
            homeserver,
            as_token,
            homeserver_ca,
            ready_file,
        } => {
            let hs_token = secret(&token)?;
            let people = people.into_iter().map(|(user, id)| (user, id.to_string())).collect();
            let ca = homeserver_ca.map(|path| disk::read(&path)).transpose()?;
            let homeserver = match (homeserver, as_token) {
                (Some(url), Some(path)) => Some(Homeserver::new(&url, secret(&path)?, ca.as_deref())?),
                _ => None,
            };
            let appservice = Appservice { listen, hs_token, socket, log, people, rooms, homeserver };
            serve_homeserver(appservice, tell(), ready(ready_file.as_deref()), stopped()).await?;
            Ok((json!({ "stopped": true }), 0))
        }
        Command::Check { listen, seconds, ready_file } => check(&listen, seconds, ready_file.as_deref()).await,
        Command::Simulate { socket, log, custodian, custodians, seed, messages, breaks, lasts } => {
            let ids = ids_of(&custodian, custodians.as_deref())?;
            let (events_between_breaks, lasts_ms) = (breaks, lasts.saturating_mul(1_000));
            let plan = DayPlan { seed, custodians: ids, messages, events_between_breaks, lasts_ms };
            let played = play(&socket, &log, &plan, tell()).await?;
            Ok((json!(played), u8::from(played.receipted != played.events)))
        }
        Command::Quarantine { config } => quarantine(&config),
    }
}

/// Custodians that were named, and those of a list.
fn ids_of(named: &[Hash], list: Option<&Path>) -> Result<Vec<String>, CommandError> {
    let mut ids: Vec<String> = named.iter().map(Hash::to_string).collect();
    if let Some(path) = list {
        ids.extend(String::from_utf8_lossy(&disk::read(path)?).lines().map(str::to_owned));
    }
    Ok(ids)
}

/// What was put aside, by log.
fn quarantine(config: &Path) -> Result<(Value, u8), CommandError> {
    let found = quarantined(&SidecarConfig::read(config)?)?;
    let count: usize = found.iter().map(|(_, events)| events.len()).sum();
    let logs: Vec<Value> =
        found.into_iter().map(|(log, events)| json!({ "log": log, "quarantined": events })).collect();
    Ok((json!({ "logs": logs }), u8::from(count > 0)))
}

/// Until SIGTERM or SIGINT.
async fn stopped() {
    let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    match signal {
        Ok(mut terminated) => {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => _ = tokio::signal::ctrl_c().await,
    }
}

fn ready(file: Option<&Path>) -> impl Fn(&str) + '_ {
    move |address: &str| {
        eprintln!("listening on {address}");
        if let Some(Err(reason)) = file.map(|path| disk::write_durably(path, format!("{address}\n").as_bytes())) {
            eprintln!("the ready file could not be written: {reason}");
        }
    }
}

async fn answer(config: &Path, ready_file: Option<&Path>) -> Result<(Value, u8), CommandError> {
    let config = SidecarConfig::read(config)?;
    serve(&config, tell(), ready(ready_file), stopped()).await?;
    Ok((json!({ "stopped": true }), 0))
}

async fn check(listen: &str, seconds: Option<u64>, ready_file: Option<&Path>) -> Result<(Value, u8), CommandError> {
    let checker = Checker::default();
    let shutdown = async {
        match seconds {
            Some(seconds) => tokio::select! {
                () = stopped() => {}
                () = tokio::time::sleep(std::time::Duration::from_secs(seconds)) => {}
            },
            None => stopped().await,
        }
    };
    checker.serve(listen, ready(ready_file), shutdown).await?;
    let checked = checker.finish();
    let code = u8::from(!checked.findings.is_empty());
    Ok((json!(checked), code))
}

async fn status(socket: &str) -> Result<(Value, u8), CommandError> {
    let away = |reason: String| CommandError::Away { socket: socket.into(), reason };
    let mut client = SourceClient::connect(socket.to_owned()).await.map_err(|reason| away(reason.to_string()))?;
    let answer = client.status(StatusRequest {}).await.map_err(|status| away(status.to_string()))?.into_inner();
    let found = answer.logs.iter().any(|log| !log.finding.is_empty());
    let log = |log: &zegel_proto::source::v1::LogStanding| {
        json!({
            "log": log.log, "waiting": log.waiting, "quarantined": log.quarantined, "finding": log.finding,
            "sentence": log.sentence, "sessions": log.sessions, "spool_bytes": log.spool_bytes,
        })
    };
    Ok((json!({ "logs": answer.logs.iter().map(log).collect::<Vec<_>>() }), u8::from(found)))
}
