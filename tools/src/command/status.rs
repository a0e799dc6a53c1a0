//! `zegel status`: where the log and the chains are.

use super::{CommandError, Outcome, Place};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::Register;
use zegel_tools::source::{Backoff, ClientCertificate, Connection, Source, SourceError};
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::checkpoint::ClaimedCheckpoint;

/// Opens source and officer, which checks registry, checkpoint and chains, and sends what waited.
pub(crate) async fn run(place: &Place) -> Result<Outcome, CommandError> {
    let keys = KeyFolder::open(&place.keys)?;
    let register = Register::open(&keys.register())?;
    let mut chains = Vec::new();
    let mut lines = Vec::new();
    let mut checkpoint = None;
    for actor in [Actor::Source, Actor::Officer] {
        let source = Source::of_folder(&keys, actor, &place.ledger).await?;
        let (batches, waiting) = (source.head().next_batch_seq, source.waiting()?);
        lines.push(format!("{}: {batches} batches in the log, {waiting} waiting", actor.name()));
        chains.push(json!({ "actor": actor.name(), "batches": batches, "waiting": waiting }));
        checkpoint = source.checkpoint().map(|found| (found.size(), found.root()));
    }
    let origin = &keys.ministry().origin;
    let (cosigned, standing) = cosigned(&keys, place, checkpoint.is_some()).await?;
    lines.extend(standing);
    match &checkpoint {
        Some((size, root)) => lines.insert(0, format!("{origin}: {size} entries, root {root}")),
        None => lines.insert(0, format!("{origin}: has not begun")),
    }
    let log = keys.ministry().log_vkey()?;
    lines.insert(1, format!("log key {log}"));
    let document = json!({
        "origin": origin,
        "log": log,
        "begun": checkpoint.is_some(),
        "size": checkpoint.map(|(size, _)| size),
        "root": checkpoint.map(|(_, root)| root.to_string()),
        "cosigned": cosigned,
        "chains": chains,
        "custodians": register.custodians().count(),
        "conversations": register.conversations().count(),
    });
    Ok(Outcome::done(lines.join("\n"), document))
}

/// How the log stands with its witnesses, by the ledger's word.
async fn cosigned(keys: &KeyFolder, place: &Place, has_begun: bool) -> Result<(Value, Vec<String>), CommandError> {
    if !has_begun {
        return Ok((Value::Null, Vec::new()));
    }
    let ca = keys.tls_ca()?;
    let origin = &keys.ministry().origin;
    let client = ClientCertificate::of_folder(keys, Actor::Officer)?;
    let connection = Connection::as_client(&place.ledger, Some(&ca), client.as_ref(), origin, Backoff::default())
        .map_err(SourceError::from)?;
    let answer = connection.checkpoints().await.map_err(SourceError::from)?;
    let size = ClaimedCheckpoint::parse(&answer.cosigned).ok().map(|cosigned| cosigned.claimed_size());
    let age_s = size.map(|_| now_ms().saturating_sub(answer.cosigned_at_ms) / 1_000);
    let mut lines = Vec::new();
    if !answer.witnesses.is_empty() {
        lines.push(match (size, age_s) {
            (Some(size), Some(age_s)) => format!("cosigned: {size} entries, {age_s} s ago"),
            _ => "cosigned: not yet".into(),
        });
    }
    let mut witnesses = Vec::new();
    for witness in &answer.witnesses {
        let kind = if witness.is_auditor { "auditor" } else { "witness" };
        let (name, size) = (plain(&witness.name), witness.size);
        let problem = plain(&witness.problem);
        let state = if problem.is_empty() { format!("cosigned {size} entries") } else { problem.clone() };
        lines.push(format!("{kind} {name}: {state}"));
        let problem = Some(problem).filter(|problem| !problem.is_empty());
        witnesses.push(json!({ "name": name, "kind": kind, "size": size, "problem": problem }));
    }
    Ok((json!({ "size": size, "age_s": age_s, "witnesses": witnesses }), lines))
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
