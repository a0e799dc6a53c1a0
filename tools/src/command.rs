//! Arguments, and what each command does with them.

mod append;
mod capture;
mod case;
mod claims;
mod clearance;
mod close_period;
mod contact;
mod coverage;
mod custody;
mod demo;
mod desk;
mod destroy;
mod disclose;
mod export;
mod follower;
mod import;
mod key;
mod lists;
mod load;
mod mirror;
mod outcome;
mod permanent;
mod progress;
mod receipts;
mod records;
mod redact;
mod register;
mod review;
mod selected;
mod status;
mod witness;

pub(crate) use outcome::{CommandError, Outcome};

use clap::{Args, Parser, Subcommand};
use serde_json::json;
use std::path::PathBuf;
use zegel_keys::{Passphrases, Protection};
use zegel_tools::keys::{KeyError, KeyFolder};
use zegel_tools::officer::{Bootstrap, bootstrap};

/// The tools of Zegel: keys, registrations, appends and exports.
#[derive(Parser)]
#[command(name = "zegel", version)]
pub(crate) struct Arguments {
    /// Print exactly one JSON document.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    command: Command,
}

/// Where the keys and the ledger are.
#[derive(Args)]
pub(crate) struct Place {
    /// Key folder of the ministry, made by `zegel init`.
    #[arg(long, value_name = "DIR")]
    pub(crate) keys: PathBuf,
    /// Address of the ledger: `https://host:port`.
    #[arg(long, value_name = "URL")]
    pub(crate) ledger: String,
}

#[derive(Subcommand)]
enum Command {
    /// Make the keys of a new log, with its trust file and the configuration of its ledger.
    Init {
        /// Folder to make.
        dir: PathBuf,
        /// Name of the log, for example chat.example.nl/minbzk.
        #[arg(long)]
        origin: String,
        /// Name of the ministry.
        #[arg(long)]
        ministry: String,
        /// Leave the keys without a passphrase: for a demonstration.
        #[arg(long)]
        plain: bool,
    },
    /// Write genesis to a running, empty ledger.
    Bootstrap {
        #[command(flatten)]
        place: Place,
    },
    /// Register a custodian or a conversation.
    #[command(subcommand)]
    Register(register::Register),
    /// Append events from standard input, one JSON object a line.
    Append(append::Append),
    /// Import read-outs of phones.
    #[command(subcommand)]
    Import(import::Import),
    /// Record that what came in was accepted.
    Accept(records::Decide),
    /// Give a class to messages, conversations, contacts or periods.
    Classify(records::Classify),
    /// Keep from destruction, whatever the term; or end that.
    #[command(subcommand)]
    Hold(records::Hold),
    /// Assign a category of the selection list.
    Retain(records::Retain),
    /// What falls due when, and what is held.
    Due(records::Due),
    /// Set a policy of the ministry: `four_eyes`, `selection_list`, `admission`, …
    Policy(records::Policy),
    /// Publish a new version of the list of classes.
    Classes(lists::Classes),
    /// The list of grounds and markings, and a new version of it.
    #[command(subcommand)]
    Grounds(lists::Grounds),
    /// Read, judge, and divide the work.
    #[command(subcommand)]
    Review(review::Review),
    /// What a chat holder says is private, and what became of it.
    #[command(subcommand)]
    Claim(claims::Claim),
    /// Say what may be removed from a phone, once its read-out is in the log.
    Clearance(clearance::Clear),
    /// Find content that is marked above the permitted level, and record the incident.
    Rubricering(claims::Rubricering),
    /// Look for messages; logged with its purpose.
    Search(review::Search),
    /// Plan what is covered, and propose it.
    #[command(subcommand)]
    Redact(redact::Redact),
    /// Approve what another proposed.
    Approve(redact::Approve),
    /// Do the officer's work on a local page; the keys stay in this process.
    Desk(desk::Desk),
    /// Destroy on term, weed what is no record, or remove a breach: proposed, approved, erased, declared.
    #[command(subcommand)]
    Destroy(destroy::Destroy),
    /// What the official decided of a contact who started a conversation (toelating).
    #[command(subcommand)]
    Contact(contact::Contact),
    /// Say that what lies before a month is complete: it is not read out again.
    ClosePeriod(close_period::ClosePeriod),
    /// Make an evidence bundle.
    Export(Box<export::Export>),
    /// What a source says of its own watch: gaps with their reason, heartbeats, links.
    #[command(subcommand)]
    Capture(capture::Capture),
    /// Why somebody is given something: requests, decisions, terms, approvals.
    #[command(subcommand)]
    Case(case::CaseCommand),
    /// Tell which months of which account were secured, and in time; no key is needed.
    Coverage(coverage::Coverage),
    /// Make a package for a recipient: redacted PDFs, lists, the bundle; the log is told first.
    Disclose(Box<disclose::Disclose>),
    /// Copy a log for auditors; no key is needed.
    Mirror(mirror::Mirror),
    /// From a landing zone to the archive that follows it: receipts of custody, and the purge after them.
    #[command(subcommand)]
    Custody(custody::Custody),
    /// Tell the log of a ledger that follows, or that was promoted.
    #[command(subcommand)]
    Follower(follower::Follower),
    /// See it all work: keys, a ledger, two phones, evidence, cheats.
    Demo(demo::Demo),
    /// Put a ledger under load, and say what it takes and how long sources wait.
    Load(Box<load::Load>),
    /// Cosign checkpoints of logs that others run.
    #[command(subcommand)]
    Witness(witness::Witness),
    /// Print the public keys of a key folder as verifier keys, for standard tools and trust files.
    Keys {
        /// Key folder of the ministry, made by `zegel init`.
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
    },
    /// Change, end or recover keys.
    #[command(subcommand)]
    Key(key::Key),
    /// Receipts that were kept.
    #[command(subcommand)]
    Receipts(receipts::Receipts),
    /// Say where the log and the chains are, and what waits.
    Status {
        #[command(flatten)]
        place: Place,
    },
}

/// Runs one command.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome, CommandError> {
    match arguments.command {
        Command::Init { dir, origin, ministry, plain } => {
            let protection = if plain { Protection::Plain } else { sealed()? };
            init(&dir, &origin, &ministry, &protection)
        }
        Command::Bootstrap { place } => begin(&place).await,
        Command::Register(register) => register::run(register).await,
        Command::Append(append) => append::run(append).await,
        Command::Import(import) => import::run(import).await,
        Command::Contact(contact) => contact::run(contact).await,
        Command::ClosePeriod(closing) => close_period::run(closing).await,
        Command::Demo(demo) => demo::run(&demo),
        Command::Mirror(mirror) => mirror::run(&mirror).await,
        Command::Custody(custody) => custody::run(custody).await,
        Command::Follower(follower) => follower::run(follower).await,
        Command::Accept(accept) => records::accept(accept).await,
        Command::Classify(classify) => records::classify(classify).await,
        Command::Hold(hold) => records::hold(hold).await,
        Command::Retain(retain) => records::retain(retain).await,
        Command::Due(due) => records::due(&due).await,
        Command::Policy(policy) => records::policy(policy).await,
        Command::Classes(classes) => lists::classes(&classes).await,
        Command::Grounds(grounds) => lists::grounds(grounds).await,
        Command::Review(review) => review::run(review).await,
        Command::Claim(claim) => claims::claim(claim).await,
        Command::Clearance(clear) => clearance::run(clear).await,
        Command::Rubricering(scan) => claims::rubricering(scan).await,
        Command::Search(search) => review::search(search).await,
        Command::Redact(redact) => redact::run(redact).await,
        Command::Approve(approve) => redact::approve(approve).await,
        Command::Desk(desk) => desk::run(desk).await,
        Command::Destroy(destroy) => destroy::run(destroy).await,
        Command::Export(export) => export::run(*export).await,
        Command::Coverage(coverage) => coverage::run(&coverage),
        Command::Capture(capture) => capture::run(capture).await,
        Command::Case(case) => case::run(case).await,
        Command::Disclose(disclose) => disclose::run(*disclose).await,
        Command::Load(load) => load::run(*load).await,
        Command::Witness(witness) => witness::run(witness).await,
        Command::Key(key) => key::run(key).await,
        Command::Keys { keys } => receipts::keys(&keys),
        Command::Receipts(receipts) => receipts::run(receipts),
        Command::Status { place } => status::run(&place).await,
    }
}

/// What protects a new key unless `--plain` says otherwise.
fn sealed() -> Result<Protection, CommandError> {
    Ok(Protection::Sealed(Passphrases::of_environment().map_err(KeyError::from)?))
}

fn init(dir: &std::path::Path, origin: &str, ministry: &str, protection: &Protection) -> Result<Outcome, CommandError> {
    let folder = KeyFolder::create(dir, origin, ministry, protection)?;
    let config = folder.ledger_config();
    let text = format!(
        "keys of {origin} are in {}\nroot key {}\nnext: zegel-ledger serve --config {}\nin earnest, move root.key and recovery.key off line",
        folder.path().display(),
        folder.ministry().root_key,
        config.display()
    );
    Ok(Outcome::done(text, json!({ "ministry": folder.ministry(), "folder": folder.path(), "ledger_config": config })))
}

async fn begin(place: &Place) -> Result<Outcome, CommandError> {
    let folder = KeyFolder::open(&place.keys)?;
    let origin = &folder.ministry().origin;
    let (text, is_new) = match bootstrap(&folder, &place.ledger).await? {
        Bootstrap::Created => (format!("log {origin} has begun"), true),
        Bootstrap::AlreadyThere => (format!("log {origin} had begun already, under this root"), false),
    };
    Ok(Outcome::done(text, json!({ "origin": origin, "created": is_new })))
}
