//! The edges of a period: what lies in the months beside it, but so near that another time zone puts it within.
//!
//! Months are those of UTC, by the clock that the source names. An order with edges is carried out on the period and the
//! month on either side of it; of those, every event that lies farther than so many hours from the period is withheld as a
//! whole, on one ground. When an event happened stands in its sealed body, so the two months are opened first, each by an
//! export of its own that stands in the log: what was looked into is told, also where nothing of it is handed over.
//! Not here: which zone a clock was in. Specification: `specs/streams.md`, `specs/bundle.md`.

use super::registrations::Others;
use super::walk::Walk;
use super::{Cover, ExportError, ExportOrder, Spot, log_acts, request, snapshot};
use crate::keys::ArchiveKey;
use crate::opening::Opening;
use crate::source::Source;
use zegel_proto::parse;
use zegel_proto::v1::evidence_event::Body as Shown;
use zegel_proto::v1::evidence_record::Record;
use zegel_proto::v1::{Binding, EventHeader, EvidenceRecord, Scope};
use zegel_verifier::bundle::calendar::{month_start_ms, next_month, previous_month, slack_ms};
use zegel_verifier::kinds::{EventFacts, Family, family};

/// More than any two clocks on earth differ.
pub const EDGE_HOURS_MAX: u32 = 48;
const HOUR_MS: u64 = 3_600_000;
/// Months of a header: 1970 to 2968.
const MONTHS: std::ops::RangeInclusive<u32> = 197_001..=296_812;

/// How much of the months beside a period is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edges {
    /// Hours on either side of the period; 1 to [`EDGE_HOURS_MAX`].
    pub hours: u32,
    /// The ground on which the rest of those months is withheld.
    pub ground: String,
}

/// The order on the wider period, with all covered that lies beyond the edges.
pub(super) async fn widen(
    officer: &mut Source,
    keys: &[ArchiveKey],
    mut order: ExportOrder,
    edges: &Edges,
) -> Result<ExportOrder, ExportError> {
    let (from, to) = (order.scope.from_month, order.scope.to_month);
    if from == 0 || edges.hours == 0 || edges.hours > EDGE_HOURS_MAX {
        return Err(ExportError::Edges { hours: edges.hours });
    }
    let span_ms = u64::from(edges.hours) * HOUR_MS;
    let (begin, end) = (month_start_ms(from), month_start_ms(next_month(to)));
    let is_near = |binding: &Binding| {
        let last = binding.occurred_at_ms.saturating_add(slack_ms(binding.precision).unwrap_or(u64::MAX));
        last.saturating_add(span_ms) >= begin && binding.occurred_at_ms < end.saturating_add(span_ms)
    };
    for month in [previous_month(from), next_month(to)].into_iter().filter(|month| MONTHS.contains(month)) {
        let beside = Scope { from_month: month, to_month: month, ..order.scope.clone() };
        // What has ended there is withheld as ended, and what is covered for good stays covered: as in the period itself.
        let mut gone = Cover::default();
        gone.shows_grounds = order.cover.shows_grounds;
        gone.settle(officer, keys, &beside).await?;
        order.cover.take_over(&gone)?;
        for spot in far(officer, keys, &order, beside, &gone, &is_near).await? {
            order.cover.withhold_far(spot, &edges.ground)?;
        }
        order.scope.from_month = order.scope.from_month.min(month);
        order.scope.to_month = order.scope.to_month.max(month);
    }
    Ok(order)
}

/// Events of a month that do not lie near the period. Looking is told to the log first.
async fn far(
    officer: &mut Source,
    keys: &[ArchiveKey],
    order: &ExportOrder,
    scope: Scope,
    gone: &Cover,
    is_near: &impl Fn(&Binding) -> bool,
) -> Result<Vec<Spot>, ExportError> {
    let month = scope.from_month;
    let recipient = format!("{} (edge of the period, not handed over)", order.recipient);
    let look = ExportOrder { scope, recipient, cover: Cover::default(), ..order.clone() };
    let all = Others::default();
    let bound = log_acts(officer, &look).await?;
    let snapshot_entry = snapshot(officer, bound.created.entry).await?;
    let asked = request(officer, &look, &bound, snapshot_entry);
    let mut stream = officer.connection().evidence(&asked).await?;
    let opening = Opening::new(&bound.logged, officer.origin(), keys);
    let mut walk = Walk::new(&asked, opening, &bound.acts, gone, &all);
    let (mut entry, mut spots) = (0, Vec::new());
    while let Some(record) = stream.message().await.map_err(ExportError::stream)? {
        let opened = match walk.take(record) {
            // Without a body nothing says when it was: it is not handed over.
            Err(ExportError::NoBody { spot }) if !bound.acts.contains(&(spot.entry, spot.position)) => {
                spots.push(spot);
                continue;
            }
            opened => opened?,
        };
        match opened.record {
            Some(EvidenceRecord { record: Some(Record::Entry(found)) }) => entry = found.index,
            Some(EvidenceRecord { record: Some(Record::Event(event)) }) => {
                let header: EventHeader = parse(&event.header)?;
                let spot = Spot { entry, position: event.position };
                if is_of(&header, spot, month)? && !event.body.as_ref().and_then(binding).is_some_and(|b| is_near(&b)) {
                    spots.push(spot);
                }
            }
            _ => {}
        }
    }
    walk.finish()?;
    Ok(spots)
}

fn is_of(header: &EventHeader, spot: Spot, month: u32) -> Result<bool, ExportError> {
    let facts = EventFacts::read(header).map_err(|reason| ExportError::Header { spot, reason })?;
    Ok(facts.month == month && matches!(family(facts.kind), Family::Chat | Family::Capture))
}

fn binding(body: &Shown) -> Option<Binding> {
    match body {
        Shown::Opened(body) => parse(&body.slots.first()?.value).ok(),
        // Covered for good in part: slot 0 is always open.
        Shown::Redacted(body) => parse(&body.slots.first()?.value).ok(),
        Shown::Sealed(_) => None,
    }
}
