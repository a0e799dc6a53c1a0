//! `zegel key`: keys that change, end, or are lost.

use super::append::bar;
use super::{CommandError, Outcome, Place, sealed};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::path::{Path, PathBuf};
use zegel_keys::{KeyUri, Protection, UriError};
use zegel_tools::hex;
use zegel_tools::keys::{Actor, KeyFolder, NewKey, Share, Threshold};
use zegel_tools::officer::{self, Officer, OldKey, Revocation, RootWord, Rotated};
use zegel_tools::rewrap::{RewrapOrder, rewrap};
use zegel_verifier::hash::Hash;

/// What is done with a key.
#[derive(Subcommand)]
pub(crate) enum Key {
    /// Make another key, tell the log, take it into use, and retire the old one once all that it signed is in the log.
    Rotate {
        /// Whose.
        #[arg(value_enum)]
        who: Who,
        /// Let the old key go on beside the new one, until `zegel key retire`.
        #[arg(long)]
        keep_old: bool,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        new: New,
    },
    /// End an overlap: retire every key of an actor but the one in use.
    Retire {
        /// Whose.
        #[arg(value_enum)]
        who: Who,
        #[command(flatten)]
        place: Place,
    },
    /// Revoke a key: it signs nothing more.
    Revoke {
        /// The public key, in hexadecimal.
        #[arg(long, value_parser = hash)]
        key: Hash,
        /// Why.
        #[arg(long, value_enum)]
        reason: Reason,
        /// With compromised: the first entry that is in doubt.
        #[arg(long, value_name = "ENTRY", required_if_eq("reason", "compromised"))]
        since: Option<u64>,
        #[command(flatten)]
        place: Place,
    },
    /// Make another archive key: what is captured from now on is wrapped to it too.
    AddArchive {
        #[command(flatten)]
        place: Place,
        /// Leave it without a passphrase: for a demonstration.
        #[arg(long)]
        plain: bool,
    },
    /// Retire an archive key: nothing new is wrapped to it. It still opens what was: keep it.
    RetireArchive {
        /// Id of the key (SHA-256 of its public half), as in ministry.json.
        #[arg(long, value_parser = hash)]
        key: Hash,
        #[command(flatten)]
        place: Place,
    },
    /// Make the certificate by which a ledger knows a client, and print its table for the ledger's configuration.
    AddClient {
        /// Name of the files: tls-NAME.pem and tls-NAME.key. For an actor of the folder its own name: officer, root, source, …
        #[arg(long)]
        name: String,
        /// Id of the actor as which it acts; default: the actor of that name.
        #[arg(long, value_parser = hash)]
        actor: Option<Hash>,
        /// Folder of the files; default: the key folder, where `zegel` finds those of its actors.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Key folder of the ministry, made by `zegel init`.
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
        /// Leave its key without a passphrase: for a demonstration.
        #[arg(long)]
        plain: bool,
    },
    /// Split an archive key into shares, of which so many are needed to have it again. The key file stays: destroy it
    /// yourself, once the shares are with their keepers.
    Split {
        /// Id of the key (SHA-256 of its public half), as in ministry.json.
        #[arg(long, value_parser = hash)]
        key: Hash,
        /// How many shares give the key again: at least 2.
        #[arg(long, value_name = "K")]
        needed: u8,
        /// How many shares are made: at most 32.
        #[arg(long, value_name = "N")]
        shares: u8,
        /// Folder for the shares: each is a text file of mode 600.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Key folder of the ministry, made by `zegel init`.
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
    },
    /// Join shares to the archive key that they name, in its file in the key folder.
    Join {
        /// Files with shares.
        #[arg(required = true, value_name = "SHARE")]
        shares: Vec<PathBuf>,
        /// Only say whether they give the key: write nothing.
        #[arg(long, conflicts_with = "plain")]
        check: bool,
        /// Key folder of the ministry, made by `zegel init`.
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
        /// Leave the key without a passphrase: for a demonstration.
        #[arg(long)]
        plain: bool,
    },
    /// Wrap what exists to an archive key that was added later: so that it opens all, and no longer what came after it only. Told to the log
    /// first. Broken off, it goes on where it was when it is asked again.
    Rewrap {
        /// Id of the archive key that everything is to be wrapped to; in use.
        #[arg(long, value_name = "KEY", value_parser = hash)]
        to: Hash,
        /// Id of a retired archive key that nothing is to be wrapped to any more.
        #[arg(long, value_name = "KEY", value_parser = hash)]
        without: Option<Hash>,
        /// Why: stands in the log.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        place: Place,
    },
    /// Make an ML-DSA-44 key with which the ledger cosigns its checkpoints, and print its line for trust files.
    AddPostQuantum {
        /// Key folder of the ministry, made by `zegel init`.
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
        /// Leave it without a passphrase: for a demonstration.
        #[arg(long)]
        plain: bool,
    },
    /// Replace a root key that is lost or stolen, by the word of the recovery key.
    RecoverRoot {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        new: New,
    },
}

/// Where the new key is to lie.
#[derive(Args)]
pub(crate) struct New {
    /// Leave it without a passphrase: for a demonstration.
    #[arg(long, conflicts_with = "token")]
    plain: bool,
    /// In a token: pkcs11:token=LABEL;object=LABEL?module-path=FILE. The PIN is looked for like a passphrase.
    #[arg(long, value_name = "URI", value_parser = uri)]
    token: Option<KeyUri>,
}

/// Whose key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Who {
    Root,
    Recovery,
    Log,
    Officer,
    Approver,
    Source,
}

/// Why it is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reason {
    Compromised,
    Lost,
    Left,
}

impl Who {
    fn actor(self) -> Actor {
        match self {
            Self::Root => Actor::Root,
            Self::Recovery => Actor::Recovery,
            Self::Log => Actor::Log,
            Self::Officer => Actor::Officer,
            Self::Approver => Actor::Approver,
            Self::Source => Actor::Source,
        }
    }
}

impl New {
    fn key(self) -> Result<NewKey, CommandError> {
        Ok(match (self.token, self.plain) {
            (Some(uri), _) => NewKey::Token(uri),
            (None, true) => NewKey::File(Protection::Plain),
            (None, false) => NewKey::File(sealed()?),
        })
    }
}

/// Runs one of them.
pub(crate) async fn run(key: Key) -> Result<Outcome, CommandError> {
    match key {
        Key::Rotate { who, keep_old, place, new } => rotate(who, keep_old, &place, &new.key()?).await,
        Key::Retire { who, place } => {
            let rotated = officer::retire(&KeyFolder::open(&place.keys)?, who.actor(), &place.ledger).await?;
            Ok(told(who.actor(), &rotated))
        }
        Key::Revoke { key, reason, since, place } => revoke(key, reason, since, &place).await,
        Key::AddArchive { place, plain } => {
            let protection = if plain { Protection::Plain } else { sealed()? };
            let mut folder = KeyFolder::open(&place.keys)?;
            let (file, id) = officer::add_archive_key(&mut folder, &place.ledger, &protection).await?;
            let text = format!("archive key {id} is in use, in {file}: give it to its keeper");
            Ok(Outcome::done(text, json!({ "file": file, "archive_key": id.to_string() })))
        }
        Key::RetireArchive { key, place } => {
            officer::retire_archive_key(&KeyFolder::open(&place.keys)?, key, &place.ledger).await?;
            let text = format!("nothing new is wrapped to archive key {key}; keep it, it opens what was");
            Ok(Outcome::done(text, json!({ "retired": key.to_string() })))
        }
        Key::AddClient { name, actor, out, keys, plain } => {
            let protection = if plain { Protection::Plain } else { sealed()? };
            let folder = KeyFolder::open(&keys)?;
            let of_name = || Actor::ALL.into_iter().find(|each| each.name() == name).map(|each| folder.actor_id(each));
            let nobody = || CommandError::Usage { reason: format!("{name:?} is no actor of the folder: give --actor") };
            let actor = actor.or_else(of_name).ok_or_else(nobody)?;
            let certificate = folder.add_client(&name, out.as_deref().unwrap_or(folder.path()), &protection)?;
            let table = format!("[[log.client]]\ncertificate = \"{certificate}\"\nactor = \"{actor}\"");
            Ok(Outcome::done(table, json!({ "certificate": certificate.to_string(), "actor": actor.to_string() })))
        }
        Key::Rewrap { to, without, reason, place } => rewrapped(&RewrapOrder { to, without, reason }, &place).await,
        Key::Split { key, needed, shares, out, keys } => split(&keys, key, Threshold::new(needed, shares)?, &out),
        Key::Join { shares, check, keys, plain } => {
            let shares = shares.iter().map(|path| Share::read(path)).collect::<Result<Vec<_>, _>>()?;
            let folder = KeyFolder::open(&keys)?;
            if check {
                return checked(&folder, &shares);
            }
            let protection = if plain { Protection::Plain } else { sealed()? };
            let (path, key) = folder.join_archive_key(&shares, &protection)?;
            let text = format!("archive key {key} is in {} again: use it, and destroy it", path.display());
            Ok(Outcome::done(text, json!({ "file": path, "archive_key": key.to_string() })))
        }
        Key::AddPostQuantum { keys, plain } => {
            let protection = if plain { Protection::Plain } else { sealed()? };
            let (file, vkey) = KeyFolder::open(&keys)?.add_post_quantum_key(&protection)?;
            let text = format!(
                "witness post-quantum {vkey}\nabove: the line for trust files\n\
                 next: post_quantum_key = \"{file}\" in the [[log]] table of the ledger"
            );
            Ok(Outcome::done(text, json!({ "file": file, "vkey": vkey })))
        }
        Key::RecoverRoot { place, new } => {
            let (folder, new) = (KeyFolder::open(&place.keys)?, new.key()?);
            let rotated = officer::change_root(&folder, RootWord::Recovery, &place.ledger, &new).await?;
            Ok(told(Actor::Root, &rotated))
        }
    }
}

fn split(keys: &Path, key: Hash, of: Threshold, out: &Path) -> Result<Outcome, CommandError> {
    let files = KeyFolder::open(keys)?.split_archive_key(key, of, out)?;
    let (needed, shares) = (of.needed(), of.shares());
    let text = format!(
        "archive key {key} is in {shares} shares in {}, any {needed} of which give it again\n\
         next: give each to another keeper, see with `zegel key join --check` that they fit, then destroy the key file",
        out.display()
    );
    let document = json!({ "archive_key": key.to_string(), "needed": needed, "shares": shares, "files": files });
    Ok(Outcome::done(text, document))
}

async fn rewrapped(order: &RewrapOrder, place: &Place) -> Result<Outcome, CommandError> {
    let folder = KeyFolder::open(&place.keys)?;
    let mut officer = Officer::open(&folder, &place.ledger).await?;
    let bar = bar("envelopes");
    let report = rewrap(officer.source(), &folder.archive_keys()?, order, |done| bar.set_position(done)).await;
    bar.finish_and_clear();
    let report = report?;
    let mut text = format!("{} envelopes are wrapped to archive key {} now", report.rewrapped, order.to);
    if report.closed > 0 {
        let closed = report.closed;
        text.push_str(&format!(
            "\nfinding: {closed} open by no archive key at hand and stay as they were: bring the key that opens them"
        ));
    } else if let Some(without) = order.without {
        text.push_str(&format!("\nnothing is wrapped to archive key {without} any more"));
    }
    Ok(Outcome::with_findings(text, json!(report), usize::from(report.closed > 0)))
}

fn checked(folder: &KeyFolder, shares: &[Share]) -> Result<Outcome, CommandError> {
    let key = folder.check_archive_key(shares)?.public().id();
    let text = format!("these shares give archive key {key}; nothing was written");
    Ok(Outcome::done(text, json!({ "archive_key": key.to_string() })))
}

async fn rotate(who: Who, keep_old: bool, place: &Place, new: &NewKey) -> Result<Outcome, CommandError> {
    let mut folder = KeyFolder::open(&place.keys)?;
    let old = if keep_old { OldKey::Keep } else { OldKey::Retire };
    let rotated = match who {
        Who::Root => officer::change_root(&folder, RootWord::Root, &place.ledger, new).await?,
        Who::Log => officer::change_log_key(&mut folder, &place.ledger, new).await?,
        _ => officer::rotate(&folder, who.actor(), &place.ledger, new, old).await?,
    };
    Ok(told(who.actor(), &rotated))
}

async fn revoke(key: Hash, reason: Reason, since: Option<u64>, place: &Place) -> Result<Outcome, CommandError> {
    let why = match reason {
        Reason::Compromised => Revocation::Compromised { from_entry: since.unwrap_or(0) },
        Reason::Lost => Revocation::Lost,
        Reason::Left => Revocation::ActorLeft,
    };
    officer::revoke(&KeyFolder::open(&place.keys)?, key, why, &place.ledger).await?;
    Ok(Outcome::done(format!("key {key} is revoked"), json!({ "revoked": key.to_string(), "since": since })))
}

fn told(actor: Actor, rotated: &Rotated) -> Outcome {
    let name = actor.name();
    let mut lines = vec![format!("{name}: key {} is in use", rotated.key)];
    lines.extend(rotated.ended.iter().map(|key| format!("{name}: key {key} has ended")));
    let ended: Vec<String> = rotated.ended.iter().map(Hash::to_string).collect();
    Outcome::done(lines.join("\n"), json!({ "actor": name, "key": rotated.key.to_string(), "ended": ended }))
}

fn hash(text: &str) -> Result<Hash, String> {
    hex::parse(text).ok_or_else(|| format!("{text:?} is not 64 digits of hexadecimal"))
}

fn uri(text: &str) -> Result<KeyUri, UriError> {
    KeyUri::parse(text.as_bytes())
}
