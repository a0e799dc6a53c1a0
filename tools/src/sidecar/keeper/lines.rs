//! What each session of a gateway carries, since when nothing was heard of it, and what the log is told of that. Pure: the clock
//! comes in, what is to be said goes out.
//!
//! A *line* is the list of custodians of one session. One that broke off stays until each custodian on it is opened again, on
//! whichever line; who is not falls silent with it. Of a custodian whom several lines carry nothing is said while one of them does;
//! a gap of his begins when he was heard of last on any line that names him, whichever of them broke off first.

use super::super::judge::CLOCKS_APART_MS;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use zegel_proto::source::v1::Open;
use zegel_proto::v1::EventKind;

/// A line, as it lies on disk.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::sidecar) struct Line {
    pub(in crate::sidecar) custodians: Vec<String>,
    tool: String,
    heard_ms: u64,
    is_open: bool,
    is_silent: bool,
    session: String,
    /// Milliseconds that its clock is ahead, as last logged.
    ahead_ms: i64,
    #[serde(skip)]
    beaten_ms: u64,
    /// Of the session that carries it; 0: that has ended.
    #[serde(skip)]
    number: u64,
}

/// The lines of each gateway, by its name.
pub(in crate::sidecar) type Gateways = BTreeMap<String, Vec<Line>>;

/// Reads what lies on disk; of before sessions were told apart each gateway has one line.
pub(super) fn read(bytes: &[u8]) -> Result<Gateways, serde_json::Error> {
    serde_json::from_slice(bytes).or_else(|reason| {
        let before: BTreeMap<String, Line> = serde_json::from_slice(bytes).map_err(|_| reason)?;
        Ok(before.into_iter().map(|(name, line)| (name, vec![line])).collect())
    })
}

/// What the log is told of custodians.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) gateway: String,
    pub(super) kind: EventKind,
    pub(super) custodians: Vec<String>,
    pub(super) reason: &'static str,
    pub(super) from_ms: u64,
    pub(super) note: String,
    pub(super) session: String,
    pub(super) tool: String,
}

/// All lines.
pub(super) struct Lines {
    pub(super) gateways: Gateways,
    silence_ms: u64,
    /// When this process began.
    began_ms: u64,
    last: u64,
}

impl Line {
    fn is_late(&self, now: u64, silence_ms: u64) -> bool {
        now.saturating_sub(self.heard_ms) > silence_ms
    }

    fn said(&self, gateway: &str, kind: EventKind, custodians: Vec<String>) -> Said {
        let (gateway, session, tool) = (gateway.into(), self.session.clone(), self.tool.clone());
        Said { gateway, kind, custodians, reason: "", from_ms: 0, note: String::new(), session, tool }
    }

    fn gap(&self, gateway: &str, custodians: Vec<String>, began_ms: u64) -> Said {
        let reason = if self.heard_ms < began_ms { "source_down" } else { "gateway_silent" };
        Said { reason, from_ms: self.heard_ms, ..self.said(gateway, EventKind::GapDeclared, custodians) }
    }

    fn stopped(&self, gateway: &str, custodians: Vec<String>, note: String) -> Said {
        Said { note, ..self.said(gateway, EventKind::CaptureStopped, custodians) }
    }

    /// What is to be said of its clock, which is so much ahead.
    fn clock(&mut self, gateway: &str, ahead: i64) -> Option<Said> {
        let is_apart = ahead.unsigned_abs() > CLOCKS_APART_MS;
        if ahead.abs_diff(self.ahead_ms) <= CLOCKS_APART_MS || !is_apart && self.ahead_ms == 0 {
            return None;
        }
        self.ahead_ms = if is_apart { ahead } else { 0 };
        let side = if ahead > 0 { "ahead of" } else { "behind" };
        let note = if is_apart {
            format!("clock_apart: the gateway's clock is {} ms {side} the source's", ahead.unsigned_abs())
        } else {
            "the gateway's clock and the source's agree again".into()
        };
        Some(Said { note, ..self.said(gateway, EventKind::GatewayHeartbeat, self.custodians.clone()) })
    }
}

/// Custodians of a line whom no other line that is such carries.
fn alone(lines: &[Line], at: usize, is_such: impl Fn(&Line) -> bool) -> Vec<String> {
    let others = lines.iter().enumerate().filter(|(other, line)| *other != at && is_such(line));
    let others: BTreeSet<&String> = others.flat_map(|(_, line)| &line.custodians).collect();
    lines[at].custodians.iter().filter(|custodian| !others.contains(custodian)).cloned().collect()
}

/// Custodians, each with those whom the same line carried last, of all lines that name them.
fn by_last(lines: &[Line], custodians: impl IntoIterator<Item = String>) -> Vec<(&Line, Vec<String>)> {
    let mut last: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        for custodian in &line.custodians {
            let found = last.entry(custodian).or_default();
            *found = (*found).max((line.heard_ms, at));
        }
    }
    let mut found: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for custodian in custodians {
        if let Some((_, at)) = last.get(custodian.as_str()) {
            found.entry(*at).or_default().push(custodian);
        }
    }
    found.into_iter().map(|(at, custodians)| (&lines[at], custodians)).collect()
}

impl Lines {
    pub(super) fn new(gateways: Gateways, silence_ms: u64, began_ms: u64) -> Self {
        Self { gateways, silence_ms, began_ms, last: 0 }
    }

    /// A session has begun, which gets this id unless it goes on with a line that broke off. Gives the number of its line, and
    /// whether another process served that before, and did not close it.
    pub(super) fn opened(&mut self, open: &Open, session: String, now: u64) -> (Vec<Said>, u64, bool) {
        let (name, silence_ms, began_ms) = (open.gateway.as_str(), self.silence_ms, self.began_ms);
        let lines = self.gateways.entry(name.to_owned()).or_default();
        let is_carried = |line: &Line| line.is_open && line.number != 0 && !line.is_late(now, silence_ms);
        let wanted: BTreeSet<String> = open.custodians.iter().cloned().collect();
        let carried = lines.iter().filter(|line| is_carried(line)).flat_map(|line| line.custodians.iter().cloned());
        let carried: BTreeSet<String> = carried.collect();
        let waited = lines.iter().filter(|line| line.is_open && !is_carried(line)).flat_map(|line| &line.custodians);
        let waited = waited.filter(|custodian| wanted.contains(*custodian) && !carried.contains(*custodian));
        let waited: BTreeSet<String> = waited.cloned().collect();
        // Before they leave the lines: of each the one that counts is the one that was heard last.
        let gaps = by_last(lines, waited).into_iter().filter(|(line, _)| line.is_late(now, silence_ms));
        let mut said: Vec<Said> = gaps.map(|(line, found)| line.gap(name, found, began_ms)).collect();
        let (mut same, mut took_over) = (None, false);
        for line in lines.iter_mut().filter(|line| !is_carried(line)) {
            let before: BTreeSet<String> = std::mem::take(&mut line.custodians).into_iter().collect();
            let found: BTreeSet<String> = before.intersection(&wanted).cloned().collect();
            line.custodians = before.difference(&wanted).cloned().collect();
            if found.is_empty() || !line.is_open {
                continue;
            }
            took_over |= line.heard_ms < began_ms;
            if found == wanted && !line.is_silent {
                same = Some(line.clone());
            }
        }
        lines.retain(|line| !line.custodians.is_empty() || line.number != 0);
        self.last += 1;
        let is_new = same.is_none();
        let line = Line {
            custodians: open.custodians.clone(),
            tool: format!("{name} {}", open.version),
            heard_ms: now,
            is_open: true,
            number: self.last,
            ..same.unwrap_or_else(|| Line { session, beaten_ms: now, ..Line::default() })
        };
        if is_new {
            let custodians = open.custodians.iter().filter(|custodian| !carried.contains(*custodian)).cloned();
            said.push(line.said(name, EventKind::CaptureStarted, custodians.collect()));
        }
        lines.push(line);
        (said, self.last, took_over)
    }

    fn find(&mut self, name: &str, number: u64) -> Option<(&mut Vec<Line>, usize)> {
        let lines = self.gateways.get_mut(name)?;
        let at = lines.iter().position(|line| line.number == number)?;
        Some((lines, at))
    }

    /// A session sent something, by its own clock then; 0: that is not known. One that had closed carries again.
    pub(super) fn heard(&mut self, name: &str, number: u64, sent_at_ms: u64, now: u64) -> Vec<Said> {
        let (silence_ms, began_ms, mut said) = (self.silence_ms, self.began_ms, Vec::new());
        let Some((lines, at)) = self.find(name, number) else { return said };
        let is_late = lines[at].is_open && lines[at].is_late(now, silence_ms);
        if is_late || !lines[at].is_open {
            let custodians = alone(lines, at, |line| line.is_open && !line.is_late(now, silence_ms));
            let gaps = by_last(lines, custodians.clone()).into_iter();
            let gaps = gaps.filter(|(line, _)| is_late && line.is_late(now, silence_ms));
            said.extend(gaps.map(|(line, found)| line.gap(name, found, began_ms)));
            let line = &mut lines[at];
            if std::mem::take(&mut line.is_silent) || !line.is_open {
                said.push(line.said(name, EventKind::CaptureStarted, custodians));
            }
        }
        let line = &mut lines[at];
        (line.heard_ms, line.is_open) = (now, true);
        let ahead = sent_at_ms as i64 - now as i64;
        said.extend(Some(ahead).filter(|_| sent_at_ms != 0).and_then(|ahead| line.clock(name, ahead)));
        said
    }

    /// A session stops on purpose, and so do sessions that broke off before, for whom nothing else waits.
    pub(super) fn closed(&mut self, name: &str, number: u64) -> Vec<Said> {
        let Some((lines, at)) = self.find(name, number).filter(|(lines, at)| lines[*at].is_open) else {
            return Vec::new();
        };
        lines[at].is_open = false;
        let custodians = alone(lines, at, |line| line.is_open && !line.is_silent);
        let stopped: BTreeSet<&String> = custodians.iter().collect();
        let broken_off = lines.iter_mut().filter(|line| line.number == 0);
        broken_off.for_each(|line| line.custodians.retain(|custodian| !stopped.contains(custodian)));
        vec![lines[at].stopped(name, custodians, "closed by the gateway".into())]
    }

    /// A session is no more. What it carried is waited for.
    pub(super) fn ended(&mut self, name: &str, number: u64) {
        if let Some((lines, at)) = self.find(name, number) {
            lines[at].number = 0;
            lines.retain(|line| !line.custodians.is_empty() || line.number != 0);
        }
    }

    /// Who is silent too long by now, and who is heard and was not said to be for so long.
    pub(super) fn look(&mut self, beat_ms: u64, now: u64) -> Vec<Said> {
        let mut said = Vec::new();
        for (name, lines) in &mut self.gateways {
            for at in 0..lines.len() {
                if !lines[at].is_open || lines[at].is_silent {
                    continue;
                }
                if lines[at].is_late(now, self.silence_ms) {
                    lines[at].is_silent = true;
                    let custodians = alone(lines, at, |line| line.is_open && !line.is_silent);
                    for (line, found) in by_last(lines, custodians) {
                        let note = format!("silent since {} (milliseconds since 1970)", line.heard_ms);
                        said.push(line.stopped(name, found, note));
                    }
                } else if now.saturating_sub(lines[at].beaten_ms) >= beat_ms {
                    lines[at].beaten_ms = now;
                    said.push(lines[at].said(name, EventKind::GatewayHeartbeat, lines[at].custodians.clone()));
                }
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EventKind::{CaptureStarted, CaptureStopped, GapDeclared};

    fn open(custodians: &str) -> Open {
        let custodians = custodians.chars().map(String::from).collect();
        Open { gateway: "wa".into(), version: "1".into(), custodians, ..Open::default() }
    }

    fn lines(gateways: Gateways, began_ms: u64) -> Lines {
        Lines::new(gateways, 100, began_ms)
    }

    /// Kind, custodians and reason of what is said of anyone.
    fn told(said: Vec<Said>) -> Vec<(EventKind, String, &'static str)> {
        let said = said.into_iter().map(|said| (said.kind, said.custodians.concat(), said.reason));
        said.filter(|(_, custodians, _)| !custodians.is_empty()).collect()
    }

    /// Custodians of each gap, its reason and its beginning.
    fn gaps(said: Vec<Said>) -> Vec<(String, &'static str, u64)> {
        let said = said.into_iter().filter(|said| said.kind == GapDeclared && !said.custodians.is_empty());
        said.map(|said| (said.custodians.concat(), said.reason, said.from_ms)).collect()
    }

    fn begin(lines: &mut Lines, custodians: &str, now: u64) -> (Vec<(EventKind, String, &'static str)>, u64) {
        let (said, number, _) = lines.opened(&open(custodians), format!("session {now}"), now);
        (told(said), number)
    }

    #[test]
    fn who_is_not_on_the_next_list_falls_silent_and_has_a_gap_when_he_is_back() {
        let mut lines = lines(Gateways::new(), 0);
        let (said, first) = begin(&mut lines, "AB", 1_000);
        assert_eq!(said, [(CaptureStarted, "AB".into(), "")]);
        lines.ended("wa", first);
        let (said, second) = begin(&mut lines, "A", 1_050);
        assert_eq!(said, [], "of who goes on there is nothing to say");
        assert_eq!(told(lines.heard("wa", second, 0, 1_140)), []);
        assert_eq!(told(lines.look(10_000, 1_140)), [(CaptureStopped, "B".into(), "")]);
        assert_eq!(told(lines.look(10_000, 1_150)), []);
        let (said, _) = begin(&mut lines, "B", 1_200);
        assert_eq!(said, [(GapDeclared, "B".into(), "gateway_silent"), (CaptureStarted, "B".into(), "")]);
    }

    #[test]
    fn after_a_crash_each_session_of_one_name_has_its_own_gap() {
        let mut before = lines(Gateways::new(), 0);
        assert_eq!(begin(&mut before, "A", 1_000).0, [(CaptureStarted, "A".into(), "")]);
        assert_eq!(begin(&mut before, "B", 1_001).0, [(CaptureStarted, "B".into(), "")]);
        let text = serde_json::to_string(&before.gateways).expect("JSON");
        let mut after = lines(serde_json::from_str(&text).expect("JSON"), 5_000);
        let (said, _, took_over) = after.opened(&open("A"), "new".into(), 6_000);
        assert_eq!((told(said), took_over), (vec![(GapDeclared, "A".into(), "source_down")], true));
        let (said, _, took_over) = after.opened(&open("B"), "new".into(), 6_000);
        assert_eq!((told(said), took_over), (vec![(GapDeclared, "B".into(), "source_down")], true));
        let (said, _, took_over) = after.opened(&open("C"), "new".into(), 6_000);
        assert_eq!((told(said), took_over), (vec![(CaptureStarted, "C".into(), "")], false));
    }

    #[test]
    fn a_gateway_of_before_sessions_were_told_apart_is_waited_for_all_the_same() {
        let before = br#"{"wa": {"custodians": ["A", "B"], "tool": "wa 1", "heard_ms": 1000, "is_open": true,
            "is_silent": false, "session": "one", "ahead_ms": 0}}"#;
        let mut lines = lines(read(before).expect("read"), 5_000);
        let (said, _, took_over) = lines.opened(&open("A"), "new".into(), 6_000);
        assert_eq!((told(said), took_over), (vec![(GapDeclared, "A".into(), "source_down")], true));
        assert_eq!(told(lines.look(10_000, 6_050)), [(CaptureStopped, "B".into(), "")]);
        // What is written is read as it was.
        let text = serde_json::to_vec(&lines.gateways).expect("JSON");
        assert_eq!(read(&text).expect("read")["wa"].len(), 2);
    }

    #[test]
    fn a_list_that_is_opened_again_at_once_goes_on_without_a_word() {
        let mut lines = lines(Gateways::new(), 0);
        let (_, first) = begin(&mut lines, "AB", 1_000);
        lines.ended("wa", first);
        assert_eq!(begin(&mut lines, "AB", 1_050).0, []);
        assert_eq!(lines.gateways["wa"].len(), 1);
        assert_eq!(lines.gateways["wa"][0].session, "session 1000");
    }

    #[test]
    fn who_is_carried_twice_is_stopped_only_where_both_have() {
        let mut lines = lines(Gateways::new(), 0);
        let (_, old) = begin(&mut lines, "A", 1_000);
        let (said, new) = begin(&mut lines, "A", 1_010);
        assert_eq!(said, []);
        // The old process closes after the new one has opened.
        assert_eq!(told(lines.closed("wa", old)), []);
        lines.ended("wa", old);
        assert_eq!(told(lines.closed("wa", new)), [(CaptureStopped, "A".into(), "")]);
        // Whoever sends something behind that carries again.
        assert_eq!(told(lines.heard("wa", new, 0, 1_020)), [(CaptureStarted, "A".into(), "")]);
        assert_eq!(told(lines.heard("wa", new, 0, 1_020)), []);
        let (_, other) = begin(&mut lines, "A", 1_030);
        assert_eq!(told(lines.look(10_000, 1_200)), [(CaptureStopped, "A".into(), "")], "once, of both");
        let back = [(GapDeclared, "A".into(), "gateway_silent"), (CaptureStarted, "A".into(), "")];
        assert_eq!(told(lines.heard("wa", other, 0, 1_300)), back);
        assert_eq!(told(lines.heard("wa", new, 0, 1_310)), []);
    }

    /// Heard without a pause from before 1,100 until 5,000.
    fn carry(lines: &mut Lines, number: u64) {
        (1_100..=5_000).step_by(100).for_each(|now| assert_eq!(told(lines.heard("wa", number, 0, now)), []));
    }

    #[test]
    fn a_gap_begins_when_a_custodian_was_heard_last_on_any_line() {
        // Two sessions overlap once, the older breaks off, the newer goes on.
        let overlapped = || {
            let mut lines = lines(Gateways::new(), 0);
            let (_, first) = begin(&mut lines, "AB", 1_000);
            let (_, second) = begin(&mut lines, "A", 1_010);
            lines.ended("wa", first);
            carry(&mut lines, second);
            (lines, second)
        };
        let (mut no_gap, second) = overlapped();
        no_gap.ended("wa", second);
        let (said, ..) = no_gap.opened(&open("A"), "third".into(), 5_050);
        assert_eq!(told(said), [], "A was carried throughout");
        let (mut one_gap, second) = overlapped();
        one_gap.ended("wa", second);
        let (said, ..) = one_gap.opened(&open("AB"), "third".into(), 5_200);
        let wanted = [("B".into(), "gateway_silent", 1_000), ("A".into(), "gateway_silent", 5_000)];
        assert_eq!(gaps(said), wanted);
        // The same over a restart, whichever line the list is found on.
        let (before, _) = overlapped();
        let text = serde_json::to_string(&before.gateways).expect("JSON");
        let read = || lines(serde_json::from_str(&text).expect("JSON"), 5_010);
        assert_eq!(gaps(read().opened(&open("A"), "third".into(), 5_050).0), []);
        let mut late = read();
        let silent = late.look(10_000, 5_200).into_iter().map(|said| (said.custodians.concat(), said.note));
        let since = |since: u64| format!("silent since {since} (milliseconds since 1970)");
        assert_eq!(silent.collect::<Vec<_>>(), [("B".into(), since(1_000)), ("A".into(), since(5_000))]);
        assert_eq!(gaps(late.opened(&open("A"), "third".into(), 6_000).0), [("A".into(), "source_down", 5_000)]);
    }

    #[test]
    fn a_session_that_hung_and_is_back_counts_what_another_carried_meanwhile() {
        let mut lines = lines(Gateways::new(), 0);
        let (_, hung) = begin(&mut lines, "A", 1_000);
        let (_, other) = begin(&mut lines, "A", 1_010);
        carry(&mut lines, other);
        lines.ended("wa", other);
        assert_eq!(gaps(lines.heard("wa", hung, 0, 6_000)), [("A".into(), "gateway_silent", 5_000)]);
        lines.ended("wa", hung);
        assert_eq!(begin(&mut lines, "A", 6_050).0, [], "nor is it said once more of the line that ended");
    }

    #[test]
    fn who_closes_on_purpose_closes_for_sessions_that_broke_off_before_too() {
        let mut lines = lines(Gateways::new(), 0);
        let (_, first) = begin(&mut lines, "AB", 1_000);
        let (_, second) = begin(&mut lines, "A", 1_010);
        lines.ended("wa", first);
        assert_eq!(told(lines.heard("wa", second, 0, 1_090)), []);
        assert_eq!(told(lines.look(10_000, 1_150)), [(CaptureStopped, "B".into(), "")]);
        assert_eq!(told(lines.closed("wa", second)), [(CaptureStopped, "A".into(), "")]);
        lines.ended("wa", second);
        let back = [(GapDeclared, "B".into(), "gateway_silent"), (CaptureStarted, "AB".into(), "")];
        assert_eq!(begin(&mut lines, "AB", 9_000).0, back);
    }
}
