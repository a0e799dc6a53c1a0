//! Which months of which account were secured, and in time: the log's own record held against the ministry's rule.
//!
//! A moment of securing is a file that was read out, or a heartbeat of a gateway. Between two moments, and between the
//! beginning of a key function and the first, at most so many days may lie (policy `readout_cadence_days`, 31 if none is
//! set). Memory: one bit of a tree a day with a moment, bounded; what goes beyond is left out, and counted.
//!
//! Not here: whether a read-out saw all that was on a device, which no log can say. Specification: `specs/findings.md`.

use super::ShownEvent;
use super::calendar::Moment;
use super::plain::plain;
use crate::commit::ShownBody;
use crate::hash::Hash;
use crate::kinds::{capture, register};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use zegel_proto::parse;
use zegel_proto::v1::{Account, Channel, EventKind, GapDetail, ReadoutChat};

/// Policy that says how many days may lie between two moments.
pub const CADENCE_POLICY: &str = "readout_cadence_days";
/// The rule of the ministries: at most a month.
pub const CADENCE_DAYS: u64 = 31;
/// Days with a moment, and declared gaps, that are kept of one bundle.
const KEPT_MAX: usize = 100_000;
/// Months of all accounts that are told.
const MONTHS_MAX: usize = 10_000;
const DAY_MS: u64 = 86_400_000;

/// How a month came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Timeliness {
    /// All of it, in time.
    Secured,
    /// All of it, but longer after the moment before than the rule allows.
    Late,
    /// Not all of it, and the term is over.
    Missed,
    /// Not all of it yet, and the term is running.
    Running,
    /// An account that is not for business, or a month outside the key function.
    OutOfScope,
}

/// One month of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountMonth {
    /// Id of the custodian.
    pub custodian: String,
    /// whatsapp, signal, …
    pub channel: String,
    /// Number or identifier; empty if none is registered.
    pub account: String,
    /// Year × 100 + month.
    pub month: u32,
    /// How it came out.
    pub status: Timeliness,
    /// Most days between two moments that touch the month.
    pub days_between: u64,
    /// Reasons of declared gaps that touch the month.
    pub gaps: Vec<String>,
}

/// What is known of one custodian.
#[derive(Clone, Debug, Default)]
struct Held {
    accounts: Vec<Account>,
    /// First and last day of the key function.
    from: Option<u64>,
    to: Option<u64>,
    /// Days with a moment, by channel.
    moments: BTreeMap<i32, BTreeSet<u64>>,
    /// First day, last day, reason.
    gaps: BTreeSet<(u64, u64, String)>,
}

/// Takes moments, gaps and registrations as they pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secured {
    custodians: BTreeMap<Hash, Held>,
    kept: usize,
    last_received_ms: u64,
}

impl Secured {
    pub(super) fn event(&mut self, event: &ShownEvent<'_>) {
        self.last_received_ms = self.last_received_ms.max(event.received_at_ms);
        let Some(custodian) = event.facts.custodian.filter(|_| event.in_scope && self.kept < KEPT_MAX) else { return };
        let Some((binding, body)) = event.body else { return };
        let held = self.custodians.entry(custodian).or_default();
        let day = binding.occurred_at_ms / DAY_MS;
        let new = match event.facts.kind {
            EventKind::CustodianRegistered | EventKind::CustodianChanged => held.registered(body),
            EventKind::ReadoutManifest | EventKind::GatewayHeartbeat if day != 0 => {
                held.moments.entry(binding.channel).or_default().insert(day)
            }
            EventKind::GapDeclared => held.gap(body),
            EventKind::ReadoutClosed => held.skipped(body, day),
            _ => false,
        };
        self.kept += usize::from(new);
    }

    /// Every month of every account, by custodian, account and month.
    pub(super) fn months(&self, cadence: Option<&str>) -> Vec<AccountMonth> {
        let cadence = cadence.and_then(|days| days.parse().ok()).unwrap_or(CADENCE_DAYS);
        let as_of = self.last_received_ms / DAY_MS;
        let mut months = Vec::new();
        for (custodian, held) in &self.custodians {
            held.months((*custodian, cadence, as_of), &mut months);
        }
        months
    }
}

impl Held {
    /// The newest registration counts. The key function's days stand in its basis: `van=2026-01-01 tot=2026-12-31`.
    fn registered(&mut self, body: &ShownBody) -> bool {
        let accounts = body.items(register::ACCOUNTS).iter().flatten();
        self.accounts = accounts.filter_map(|account| parse(account).ok()).collect();
        let basis = String::from_utf8_lossy(body.value(register::BASIS).unwrap_or_default()).into_owned();
        let day = |key: &str| basis.split_whitespace().find_map(|word| day_number(word.strip_prefix(key)?));
        (self.from, self.to) = (day("van="), day("tot="));
        true
    }

    fn gap(&mut self, body: &ShownBody) -> bool {
        let Some(Ok(gap)) = body.value(capture::DETAIL).map(parse::<GapDetail>) else { return false };
        let to = if gap.to_ms == 0 { gap.from_ms } else { gap.to_ms };
        gap.from_ms != 0 && self.gaps.insert((gap.from_ms / DAY_MS, to / DAY_MS, plain(&gap.reason)))
    }

    /// Chats that a read-out passed over; private and party-political ones are no gap.
    fn skipped(&mut self, body: &ShownBody, day: u64) -> bool {
        let chats = body.items(capture::ITEMS).iter().flatten().filter_map(|chat| parse::<ReadoutChat>(chat).ok());
        let reasons = chats.map(|chat| plain(&chat.skipped_reason));
        let reasons = reasons.filter(|reason| !matches!(reason.as_str(), "" | "private" | "party"));
        let new: Vec<bool> = reasons.map(|reason| self.gaps.insert((day, day, reason))).collect();
        new.contains(&true)
    }

    fn months(&self, (custodian, cadence, as_of): (Hash, u64, u64), months: &mut Vec<AccountMonth>) {
        let none = BTreeSet::new();
        let mut accounts = self.accounts.clone();
        for channel in self.moments.keys().map(|channel| channel_name(*channel)) {
            if !accounts.iter().any(|account| account.channel == channel) {
                accounts.push(Account { channel: channel.into(), purpose: "business".into(), ..Account::default() });
            }
        }
        let first = self.moments.values().filter_map(BTreeSet::first).min().copied();
        let Some(begin) = self.from.or(first) else { return };
        let end = self.to.map_or(as_of, |to| to.min(as_of));
        let all = month_of_day(begin.min(first.unwrap_or(begin)));
        for account in &accounts {
            let moments = self.moments.iter().find(|(channel, _)| channel_name(**channel) == account.channel);
            let moments = moments.map_or(&none, |(_, moments)| moments);
            let mut month = all;
            while month <= month_of_day(as_of) && months.len() < MONTHS_MAX {
                let (from, to) = (first_day(month), first_day(next(month)) - 1);
                let is_in_scope = account.purpose == "business" && to >= begin && from <= end;
                let (status, days_between) = match is_in_scope {
                    true => judge(moments, (begin, to.min(end), from), as_of, cadence),
                    false => (Timeliness::OutOfScope, 0),
                };
                let gaps = self.gaps.iter().filter(|(first, last, _)| *first <= to && *last >= from);
                months.push(AccountMonth {
                    custodian: custodian.to_string(),
                    channel: plain(&account.channel),
                    account: plain(&account.identifier),
                    month,
                    status,
                    days_between,
                    gaps: gaps.map(|(_, _, reason)| reason.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
                });
                month = next(month);
            }
        }
    }
}

/// How the days from `from` to `to` came out, and the longest time between two moments that touch them.
fn judge(moments: &BTreeSet<u64>, (begin, to, from): (u64, u64, u64), as_of: u64, cadence: u64) -> (Timeliness, u64) {
    let from = from.max(begin);
    // What was written on a day is secured by a moment on a later one.
    let before = moments.range(..=from).next_back().copied().unwrap_or(begin).max(begin.min(from));
    let after = moments.range(to + 1..).next().copied();
    let mut last = before;
    let mut longest = 0;
    let within = moments.range(from + 1..).copied().take_while(|moment| *moment <= to);
    for moment in within.chain(after) {
        longest = longest.max(moment.saturating_sub(last));
        last = moment;
    }
    match after {
        Some(_) if longest <= cadence => (Timeliness::Secured, longest),
        Some(_) => (Timeliness::Late, longest),
        None => {
            let waits = as_of.saturating_sub(last);
            let status = match (waits > cadence, longest > cadence) {
                (true, _) => Timeliness::Missed,
                (false, true) => Timeliness::Late,
                (false, false) => Timeliness::Running,
            };
            (status, longest.max(waits))
        }
    }
}

fn channel_name(channel: i32) -> &'static str {
    match Channel::try_from(channel) {
        Ok(Channel::Whatsapp) => "whatsapp",
        Ok(Channel::Signal) => "signal",
        Ok(Channel::Matrix) => "matrix",
        Ok(Channel::Sms) => "sms",
        Ok(Channel::Threema) => "threema",
        _ => "other",
    }
}

fn month_of_day(day: u64) -> u32 {
    let at = Moment::at(day.saturating_mul(DAY_MS));
    (at.year.min(9_999) as u32) * 100 + at.month
}

fn next(month: u32) -> u32 {
    if month % 100 >= 12 { (month / 100 + 1) * 100 + 1 } else { month + 1 }
}

/// Day number, since 1970, of the first of a month.
fn first_day(month: u32) -> u64 {
    let (year, month) = (u64::from(month / 100), u64::from(month % 100));
    // Years begin in March, so that a leap day ends its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    (365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5).saturating_sub(719_468)
}

/// `2026-05-04` as a day number.
fn day_number(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day): (u32, u32, u64) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let is_date = (1970..=9_999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then(|| first_day(year * 100 + month) + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> u64 {
        day_number(text).expect("a day")
    }

    fn held(from: Option<&str>, moments: &[&str]) -> Held {
        let account = Account { channel: "whatsapp".into(), identifier: "+31".into(), purpose: "business".into() };
        let moments = moments.iter().map(|text| day(text)).collect();
        let moments = BTreeMap::from([(Channel::Whatsapp as i32, moments)]);
        Held { accounts: vec![account], from: from.map(day), moments, ..Held::default() }
    }

    fn told(held: &Held, as_of: &str) -> Vec<(u32, Timeliness, u64)> {
        let mut months = Vec::new();
        held.months((Hash::ZERO, CADENCE_DAYS, day(as_of)), &mut months);
        months.into_iter().map(|month| (month.month, month.status, month.days_between)).collect()
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, number) in [("1970-01-01", 0), ("1970-03-01", 59), ("2000-03-01", 11_017), ("2026-05-04", 20_577)] {
            assert_eq!(day_number(text), Some(number), "{text}");
            assert_eq!(month_of_day(number) / 100, text[..4].parse::<u32>().expect("a year"));
        }
        for bad in ["", "2026", "2026-13-01", "2026-00-10", "1969-12-31", "x-1-1", "2026-1-32"] {
            assert_eq!(day_number(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_month_is_secured_late_missed_or_running() {
        use Timeliness::{Late, Missed, Running, Secured};
        let monthly = held(Some("2026-01-01"), &["2026-01-31", "2026-03-01", "2026-04-01"]);
        assert_eq!(
            told(&monthly, "2026-04-20"),
            [(202_601, Secured, 30), (202_602, Secured, 29), (202_603, Secured, 31), (202_604, Running, 19)]
        );
        // A day more than the rule.
        let late = held(Some("2026-01-01"), &["2026-02-01", "2026-03-05"]);
        assert_eq!(told(&late, "2026-03-05"), [(202_601, Secured, 31), (202_602, Late, 32), (202_603, Late, 32)]);
        // The days up to the moment came too late, those after it still have time.
        assert_eq!(told(&held(Some("2026-01-01"), &["2026-03-05"]), "2026-03-06")[2..], [(202_603, Late, 63)]);
        let missed = held(Some("2026-01-01"), &["2026-02-01"]);
        assert_eq!(told(&missed, "2026-03-05")[1..], [(202_602, Missed, 32), (202_603, Missed, 32)]);
        assert_eq!(told(&missed, "2026-03-04")[1..], [(202_602, Running, 31), (202_603, Running, 31)]);
    }

    #[test]
    fn the_rule_is_the_policy_of_the_ministry_and_without_one_at_most_a_month() {
        let held = held(Some("2026-01-01"), &["2026-01-20", "2026-02-03"]);
        let last_received_ms = day("2026-02-03") * DAY_MS;
        let secured =
            Secured { custodians: BTreeMap::from([(Hash::ZERO, held)]), last_received_ms, ..Secured::default() };
        let first = |cadence| secured.months(cadence)[0].status;
        assert_eq!(first(None), Timeliness::Secured);
        assert_eq!((first(Some("19")), first(Some("18"))), (Timeliness::Secured, Timeliness::Late));
        assert_eq!(first(Some("een week")), Timeliness::Secured, "what is no number is no rule");
    }

    #[test]
    fn a_private_account_and_months_outside_the_function_are_out_of_scope() {
        use Timeliness::{OutOfScope, Secured};
        let mut held = held(Some("2026-02-01"), &["2026-01-10", "2026-02-10", "2026-03-02", "2026-04-01"]);
        held.to = Some(day("2026-02-28"));
        let months = told(&held, "2026-04-02");
        let statuses: Vec<Timeliness> = months.iter().map(|(_, status, _)| *status).collect();
        assert_eq!(statuses, [OutOfScope, Secured, OutOfScope, OutOfScope]);
        held.accounts[0].purpose = "private".into();
        assert!(told(&held, "2026-04-02").iter().all(|(_, status, _)| *status == OutOfScope));
    }

    #[test]
    fn a_declared_gap_stands_at_every_month_that_it_touches() {
        let mut held = held(Some("2026-01-01"), &["2026-02-01", "2026-03-01"]);
        held.gaps.insert((day("2026-01-20"), day("2026-02-03"), "device_not_handed_in".into()));
        let mut months = Vec::new();
        held.months((Hash::ZERO, CADENCE_DAYS, day("2026-03-10")), &mut months);
        let gaps: Vec<usize> = months.iter().map(|month| month.gaps.len()).collect();
        assert_eq!(gaps, [1, 1, 0]);
    }

    #[test]
    fn a_function_of_one_day_or_one_that_ends_before_it_begins_is_judged_without_harm() {
        let mut one = held(Some("2026-01-15"), &["2026-01-15", "2026-01-20"]);
        one.to = Some(day("2026-01-15"));
        assert_eq!(told(&one, "2026-01-20"), [(202_601, Timeliness::Secured, 5)]);
        one.to = Some(day("2025-01-01"));
        assert_eq!(told(&one, "2026-02-20").len(), 2);
        assert_eq!(told(&held(None, &["2026-01-31"]), "2026-01-31"), [(202_601, Timeliness::Running, 0)]);
        assert_eq!(told(&held(None, &["2026-01-31"]), "2025-01-31"), []);
    }

    #[test]
    fn a_hostile_calendar_makes_no_endless_list() {
        let mut months = Vec::new();
        held(Some("1970-01-01"), &[]).months((Hash::ZERO, 31, u64::MAX / DAY_MS), &mut months);
        assert!(months.len() <= MONTHS_MAX);
    }
}
