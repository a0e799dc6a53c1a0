//! `zegel key`: keys that change, end, or are lost.

use super::{CommandError, Outcome, Place, sealed};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use zegel_keys::{KeyUri, Protection, UriError};
use zegel_tools::hex;
use zegel_tools::keys::{Actor, KeyFolder, NewKey};
use zegel_tools::officer::{self, OldKey, Revocation, RootWord, Rotated};
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
    /// Make an ML-DSA-44 key with which the ledger cosigns its checkpoints, and print its line for trust files.
    AddPostQuantum {
        /// Key folder of the ministry, made by `zegel init`.
        #[arg(long, value_name = "DIR")]
        keys: std::path::PathBuf,
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
