//! The comparison in words: findings with their counts, and the contradictions themselves.
//!
//! Invariant: nothing here says which of two captures is right.

use super::sighting::What;
use super::{Compared, Difference};
use crate::bundle::calendar::Moment;
use crate::bundle::findings::{About, Finding, Findings, Severity};
use crate::bundle::{Place, Sentence};
use crate::hash::Hash;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Contradictions that are listed; the rest is counted.
const LISTED_MAX: usize = 2_000;

/// A holder: whose captures were compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HolderReport {
    /// Origin of the log.
    pub log: String,
    /// Id of the custodian.
    pub custodian: String,
    /// His name, if his registration is open.
    pub name: Option<String>,
    /// Messages of his that were compared.
    pub messages: u64,
    /// Of those, the ones that another holder has too.
    pub seen_by_others: u64,
}

/// One sighting of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SightingReport {
    /// Number of the bundle, as they were given, from 0.
    pub bundle: u32,
    /// Origin of the log.
    pub log: String,
    /// Where it stands.
    pub place: Place,
    /// Id of the custodian.
    pub custodian: String,
    /// The time that it carries.
    pub time: String,
}

/// What one message or pair of sightings shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// The finding that it belongs to.
    pub id: &'static str,
    /// The sightings: two that differ, or the one that stands alone.
    pub sightings: Vec<SightingReport>,
}

/// What several holders have, compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Corroboration {
    /// Whose captures.
    pub holders: Vec<HolderReport>,
    /// Messages that were compared.
    pub compared: u64,
    /// Messages that were not: something of them is covered, or their time is not known.
    pub not_compared: u64,
    /// There were more than could be compared.
    pub is_partial: bool,
    /// What was found, gravest first.
    pub findings: Vec<Finding>,
    /// The sightings behind the findings, at most 2,000.
    pub contradictions: Vec<Contradiction>,
    /// Contradictions beyond those listed.
    pub contradictions_not_listed: u64,
    /// What a comparison does not prove.
    pub does_not_prove: Vec<Sentence>,
}

struct Writer<'a> {
    compared: &'a Compared,
    findings: Findings,
    contradictions: Vec<Contradiction>,
    not_listed: u64,
}

pub(super) fn write(compared: &Compared) -> Corroboration {
    let mut writer = Writer { compared, findings: Findings::default(), contradictions: Vec::new(), not_listed: 0 };
    writer.alike();
    writer.messages();
    for (one, other) in compared.corroborator.splits.found() {
        writer.findings.add(Finding::custodian_split(one, other));
    }
    if compared.corroborator.not_compared > 0 {
        let nl = "Berichten zijn niet vergeleken: er is iets van gelakt, of hun tijd is niet bekend.";
        let en = "Messages were not compared: something of them is covered, or their time is not known.";
        let finding = Finding::of("NOT_COMPARED", Severity::Info, About::Completeness, nl.into(), en.into());
        writer.findings.add(finding.times(compared.corroborator.not_compared));
    }
    Corroboration {
        holders: holders(compared),
        compared: compared.corroborator.sightings.len() as u64,
        not_compared: compared.corroborator.not_compared,
        is_partial: compared.is_partial(),
        findings: writer.findings.into_sorted(),
        contradictions: writer.contradictions,
        contradictions_not_listed: writer.not_listed,
        does_not_prove: does_not_prove(),
    }
}

fn does_not_prove() -> Vec<Sentence> {
    vec![
        Sentence::new(
            "Dat waarnemingen van één bericht zijn, is een leeshulp: zij volgt uit woorden, tijden en afzenders, of uit het kenmerk van de chatdienst. Niets is samengevoegd.",
            "That sightings are of one message is a reading aid: it follows from words, times and senders, or from the chat service's id. Nothing was merged.",
        ),
        Sentence::new(
            "Welke van twee opnamen klopt, zegt een vergelijking niet. Wat maar één houder heeft, kan bij een ander zijn gewist, of nooit zijn aangekomen.",
            "Which of two captures is right a comparison does not say. What only one holder has can have been deleted for another, or never have arrived there.",
        ),
    ]
}

fn holders(compared: &Compared) -> Vec<HolderReport> {
    let mut counts: BTreeMap<(u32, Hash), (u64, u64)> = BTreeMap::new();
    for number in 0..compared.corroborator.sightings.len() as u32 {
        let own = compared.capture(number);
        let count = counts.entry((own.log, own.custodian)).or_default();
        count.0 += 1;
        count.1 += u64::from(compared.has_others(number));
    }
    let report = |((log, custodian), (messages, seen_by_others)): ((u32, Hash), (u64, u64))| HolderReport {
        log: compared.corroborator.logs[log as usize].clone(),
        custodian: custodian.to_string(),
        name: compared.name(custodian).map(String::from),
        messages,
        seen_by_others,
    };
    counts.into_iter().map(report).collect()
}

impl Compared {
    fn has_others(&self, sighting: u32) -> bool {
        let own = self.capture(sighting);
        let is_other =
            |other: u32| (self.capture(other).log, self.capture(other).custodian) != (own.log, own.custodian);
        self.matches.of(sighting).iter().any(|(other, _)| is_other(*other))
    }
}

impl Writer<'_> {
    /// Conversations of different ids that were compared as one.
    fn alike(&mut self) {
        for alike in &self.compared.matches.alike {
            let name = |capture: u32| {
                let id = self.compared.captures[capture as usize].conversation;
                self.compared.name(id).map_or_else(|| id.to_string(), |name| format!("«{name}»"))
            };
            let (one, other, messages) = (name(alike.one), name(alike.other), alike.messages);
            let nl = format!(
                "Gesprek {one} en gesprek {other} hebben {messages} berichten gemeen en zijn als één gesprek vergeleken; dat zij dat zijn, is een voorstel."
            );
            let en = format!(
                "Conversation {one} and conversation {other} share {messages} messages and were compared as one; that they are is a proposal."
            );
            self.findings.add(Finding::of("CONVERSATIONS_ALIKE", Severity::Info, About::Completeness, nl, en));
        }
    }

    fn messages(&mut self) {
        let spans = self.spans();
        let matched_versions = self.matched_versions();
        for number in 0..self.compared.corroborator.sightings.len() as u32 {
            let own = &self.compared.corroborator.sightings[number as usize];
            if self.compared.has_others(number) {
                self.several(number);
                continue;
            }
            match matched_versions.get(&(own.capture, own.subject)).copied() {
                Some(other) if own.what == What::Deleted => self.deleted(number, Some(other)),
                Some(other) => self.version(number, other),
                None if own.what == What::Deleted && own.is_later => self.deleted(number, None),
                None => self.alone(number, &spans),
            }
        }
    }

    /// First and last time of each capture.
    fn spans(&self) -> Vec<(u64, u64)> {
        let mut spans = vec![(u64::MAX, 0); self.compared.captures.len()];
        for sighting in &self.compared.corroborator.sightings {
            let span: &mut (u64, u64) = &mut spans[sighting.capture as usize];
            *span = (span.0.min(sighting.at_ms), span.1.max(sighting.at_ms));
        }
        spans
    }

    /// For messages of which one version is paired: the sighting that it is paired with.
    fn matched_versions(&self) -> HashMap<(u32, u64), u32> {
        let mut versions = HashMap::new();
        for (number, sighting) in (0u32..).zip(&self.compared.corroborator.sightings) {
            if let Some((other, _)) = self.compared.matches.of(number).first() {
                versions.insert((sighting.capture, sighting.subject), *other);
            }
        }
        versions
    }

    fn add(&mut self, id: &'static str, severity: Severity, about: About, words: (&str, &str), sightings: &[u32]) {
        self.findings.add(Finding::of(id, severity, about, words.0.into(), words.1.into()));
        if severity == Severity::Info && id != "WHITE_SPACE_DIFFERS" {
            return;
        }
        if self.contradictions.len() >= LISTED_MAX {
            self.not_listed += 1;
            return;
        }
        let sightings = sightings.iter().map(|number| self.sighting(*number)).collect();
        self.contradictions.push(Contradiction { id, sightings });
    }

    fn sighting(&self, number: u32) -> SightingReport {
        let (own, capture) = (&self.compared.corroborator.sightings[number as usize], self.compared.capture(number));
        SightingReport {
            bundle: own.bundle,
            log: self.compared.corroborator.logs[capture.log as usize].clone(),
            place: Place::event(own.spot.1, own.spot.2),
            custodian: capture.custodian.to_string(),
            time: Moment::at(own.at_ms).to_string(),
        }
    }

    /// A message that several have: once for all of them, at the first; and each contradiction between two.
    fn several(&mut self, number: u32) {
        let all: BTreeSet<u32> = self.compared.matches.of(number).iter().map(|(other, _)| *other).collect();
        if all.first().is_none_or(|first| *first > number) {
            let words = (
                "Een bericht staat in de opnamen van meer dan één houder.",
                "A message stands in the captures of more than one holder.",
            );
            self.add("SEEN_BY_SEVERAL", Severity::Info, About::Authenticity, words, &[]);
        }
        let later = self.compared.matches.of(number).iter().filter(|(other, _)| *other > number);
        for (other, differs) in later.cloned().collect::<Vec<_>>() {
            differs.into_iter().for_each(|differs| self.differs(differs, number, other));
        }
    }

    fn differs(&mut self, differs: Difference, one: u32, other: u32) {
        let (id, severity, words) = match differs {
            Difference::Time => (
                "TIME_DIFFERS",
                Severity::Warning,
                (
                    "Eén bericht, en twee houders hebben het op tijden die een minuut of meer uiteenliggen.",
                    "One message, and two holders have it at times a minute or more apart.",
                ),
            ),
            Difference::WhiteSpace => (
                "WHITE_SPACE_DIFFERS",
                Severity::Info,
                ("Eén bericht, met andere witruimte.", "One message, with other white space."),
            ),
            Difference::Text => (
                "TEXT_DIFFERS",
                Severity::Warning,
                (
                    "Eén bericht, en twee houders hebben er een andere inhoud van.",
                    "One message, and two holders have another content of it.",
                ),
            ),
            Difference::Deleted => return self.deleted(one, Some(other)),
        };
        self.add(id, severity, About::Authenticity, words, &[one, other]);
    }

    fn deleted(&mut self, number: u32, other: Option<u32>) {
        let words = (
            "Bij één houder is een bericht verwijderd dat een andere houder heeft, of dat hij zelf eerder had.",
            "For one holder a message is deleted that another holder has, or that he had himself before.",
        );
        let sightings: Vec<u32> = [Some(number), other].into_iter().flatten().collect();
        self.add("DELETED_FOR_ONE", Severity::Warning, About::Completeness, words, &sightings);
    }

    fn version(&mut self, number: u32, other: u32) {
        let words = (
            "Eén houder heeft van een bericht een versie die de ander niet heeft.",
            "One holder has a version of a message that the other has not.",
        );
        self.add("VERSION_OF_ONE", Severity::Warning, About::Authenticity, words, &[number, other]);
    }

    /// Only where another holder's capture spans the moment does the silence of that capture say anything.
    fn alone(&mut self, number: u32, spans: &[(u64, u64)]) {
        let own = &self.compared.corroborator.sightings[number as usize];
        let mine = self.compared.capture(number);
        let beside = self.compared.matches.beside[own.capture as usize].iter().filter(|other| {
            let other = self.compared.captures[**other as usize];
            (other.log, other.custodian) != (mine.log, mine.custodian)
        });
        let is_spanned = beside.clone().any(|other| {
            let (first, last) = spans[*other as usize];
            (first..=last).contains(&own.at_ms)
        });
        if is_spanned {
            let words = (
                "Een bericht staat bij één houder, en niet bij een ander wiens opname van dat gesprek ervoor begint en erna doorgaat.",
                "A message stands with one holder, and not with another whose capture of that conversation begins before it and goes on after it.",
            );
            self.add("SEEN_BY_ONE", Severity::Warning, About::Completeness, words, &[number]);
        } else {
            let words = (
                "Een bericht staat bij één houder, en geen opname van een ander bestrijkt dat moment.",
                "A message stands with one holder, and no other's capture spans that moment.",
            );
            self.add("ONE_CAPTURE_ONLY", Severity::Info, About::Completeness, words, &[number]);
        }
    }
}
