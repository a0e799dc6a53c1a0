//! `zegel close-period`: what lies before a month is complete, and is not read out again.

use super::{CommandError, Outcome, Place};
use clap::Args;
use serde_json::json;
use zegel_proto::v1::{Channel, EventKind, ProofClass};
use zegel_tools::event::{CaptureDetail, CaptureItems, CaptureRecord, Field, Occurred};
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::Register;
use zegel_tools::source::Source;

/// Arguments of `zegel close-period`.
#[derive(Args)]
pub(crate) struct ClosePeriod {
    #[command(flatten)]
    place: Place,
    /// Registered name of the custodian, or the id.
    #[arg(long)]
    custodian: String,
    /// Registered title of the conversation, or the id.
    #[arg(long)]
    conversation: String,
    /// The first month that stays open, YYYYMM: all months before it are closed.
    #[arg(long, value_name = "YYYYMM", value_parser = month_start)]
    before: u64,
    /// Who closes it: a function.
    #[arg(long)]
    operator: String,
    /// Remarks.
    #[arg(long)]
    note: Option<String>,
}

/// The first millisecond of a month in UTC, since 1970.
fn month_start(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no month: wanted YYYYMM, from 197002 on");
    let number: u32 = text.parse().ok().filter(|_| text.len() == 6).ok_or_else(wrong)?;
    let (year, month) = (i16::try_from(number / 100), i8::try_from(number % 100));
    let date =
        jiff::civil::Date::new(year.map_err(|_| wrong())?, month.map_err(|_| wrong())?, 1).map_err(|_| wrong())?;
    let start = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?.timestamp().as_millisecond();
    u64::try_from(start).ok().filter(|start| *start > 0).ok_or_else(wrong)
}

/// Closes.
pub(crate) async fn run(closing: ClosePeriod) -> Result<Outcome, CommandError> {
    let keys = KeyFolder::open(&closing.place.keys)?;
    let register = Register::open(&keys.register())?;
    let (custodian, conversation) =
        (register.custodian(&closing.custodian)?, register.conversation(&closing.conversation)?);
    let event = CaptureRecord {
        kind: EventKind::PeriodClosed,
        conversation: Some(conversation),
        custodian,
        occurred: Occurred::by_source(closing.before),
        channel: Channel::Other,
        proof_class: ProofClass::None,
        session: Field::None,
        operator: Field::Value(closing.operator),
        device: Field::None,
        tool: Field::Value(concat!("zegel ", env!("CARGO_PKG_VERSION")).into()),
        detail: CaptureDetail::None,
        items: CaptureItems::None,
        note: Field::or_none(closing.note),
    };
    let draft = event.draft().map_err(zegel_tools::source::SourceError::from)?;
    let month = draft.occurred.month().map_err(zegel_tools::source::SourceError::from)?;
    let mut source = Source::of_folder(&keys, Actor::Source, &closing.place.ledger).await?;
    let placed = source.append(vec![draft]).await?;
    let entry = placed.first().map(|placed| placed.entry);
    let text = format!("what lies before {month} is closed");
    Ok(Outcome::done(text, json!({ "closed_before": month, "entry": entry })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_six_digits_and_begins_in_utc() {
        assert_eq!(month_start("202605"), Ok(1_777_593_600_000));
        for wrong in ["202600", "202613", "26-05", "2026051", "197001", "mei", ""] {
            assert_eq!(month_start(wrong), Err(format!("{wrong:?} is no month: wanted YYYYMM, from 197002 on")));
        }
    }
}
