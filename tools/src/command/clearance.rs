//! `zegel clearance`: what may be removed from a phone, once its read-out is in the log.

use super::selected::{Desk, Who};
use super::{CommandError, Outcome, Place};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use zegel_proto::v1::{EventKind, Scope, StreamType};
use zegel_tools::clearance::{Clearance, Cleared};
use zegel_tools::disclose::declaration;
use zegel_tools::disk::{self, Readers};
use zegel_tools::keys::Actor;
use zegel_tools::reading::Purpose;
use zegel_tools::source::Source;
use zegel_verifier::bundle::plain::plain;

/// Arguments of `zegel clearance`.
#[derive(Args)]
pub(crate) struct Clear {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    who: Who,
    /// Whose phone, by registered name or id.
    #[arg(long)]
    custodian: String,
    /// The statement to make: this file as JSON, and beside it the same as PDF.
    #[arg(long)]
    out: PathBuf,
}

/// Clears.
pub(crate) async fn run(clear: Clear) -> Result<Outcome, CommandError> {
    let mut desk = Desk::open(&clear.place).await?;
    let custodian = desk.officer.register().custodian(&clear.custodian)?;
    // What waits is sent while the source is opened; what waits after that has no receipt.
    let waiting = Source::of_folder(&desk.folder, Actor::Source, &clear.place.ledger).await?.waiting()?;
    let scope = Scope { stream: StreamType::StreamCustodian as i32, id: custodian.to_vec(), ..Scope::default() };
    let reading = desk.read(&[scope], &Purpose::reading(&clear.who.person, "device clearance")).await?;
    let clearance = Clearance::of(&reading, custodian, waiting)?;
    let decided = desk.officer.decide(EventKind::CorrectionNoted, &clearance.decision(&clear.who.person)).await?;
    let document = json!({
        "verklaring": "vrijgave van een apparaat",
        "origin": desk.folder.ministry().origin,
        "houder": clear.custodian,
        "handeling": decided.act.to_string(),
        "plaats": format!("{}:{}", decided.entry, decided.position),
        "verklaard_door": clear.who.person,
        "geldt_voor_wat_er_stond_op_ms": clearance.until_ms,
        "vrijgave": clearance,
    });
    let json = serde_json::to_vec_pretty(&document).unwrap_or_default();
    disk::write_new(&clear.out, &json, Readers::Owner)?;
    let lines: Vec<String> = clearance.chats.iter().map(told).collect();
    let now = jiff::Timestamp::now().as_millisecond().max(0) as u64;
    let mut words =
        vec![format!("Houder: {}", plain(&clear.custodian)), format!("Handeling {} in het log", decided.act)];
    words.extend(lines.iter().cloned());
    words.push("Wat na deze uitlezing is ontvangen blijft op het apparaat tot een volgende uitlezing.".into());
    let pdf = declaration("Vrijgave van een apparaat", &words, now)?;
    disk::write_new(&clear.out.with_extension("pdf"), &pdf, Readers::Owner)?;
    Ok(Outcome::done(lines.join("\n"), document))
}

fn told(chat: &Cleared) -> String {
    let (title, events) = (plain(&chat.title), chat.events);
    if chat.stays.is_empty() {
        format!("{title}: mag van het apparaat ({events} vastgelegd)")
    } else {
        format!("{title}: blijft op het apparaat: {}", plain(&chat.stays.join("; ")))
    }
}
