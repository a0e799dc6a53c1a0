//! `zegel status`: where the log and the chains are.

use super::{CommandError, Outcome, Place};
use serde_json::json;
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::Register;
use zegel_tools::source::Source;

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
        "chains": chains,
        "custodians": register.custodians().count(),
        "conversations": register.conversations().count(),
    });
    Ok(Outcome::done(lines.join("\n"), document))
}
