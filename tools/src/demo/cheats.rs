//! Ways to cheat with a bundle, as a clever cheater would: the bag's own checksums are made right again afterwards, so that
//! only the cryptography stands in the way.
//!
//! For the demo and for tests. Not here: verification.

use super::bagged::Bagged;
use thiserror::Error;
use zegel_proto::v1::evidence_record::Record;
use zegel_proto::v1::{EvidenceEvent, EvidenceRecord, SlotState, evidence_event};
use zegel_verifier::batch::event_leaf;
use zegel_verifier::kinds::chat;

/// Why a cheat could not be tried.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the bundle has nothing to try this on: {wanted}")]
pub struct NothingToCheat {
    /// What is needed.
    pub wanted: &'static str,
}

/// One way to cheat, and the id of the refusal that it must meet.
#[derive(Clone, Copy)]
pub struct Cheat {
    /// What is done, in Dutch.
    pub nl: &'static str,
    /// What is done, in English.
    pub en: &'static str,
    /// Ids of the refusals of which one must follow.
    pub refused_as: &'static [&'static str],
    /// Does it.
    pub apply: fn(&mut Bagged) -> Result<(), NothingToCheat>,
}

/// All of them.
pub const CHEATS: &[Cheat] = &[
    Cheat {
        nl: "één woord in een bericht veranderen",
        en: "change one word of a message",
        refused_as: &["COMMITMENT"],
        apply: change_a_word,
    },
    Cheat {
        nl: "een bericht weglaten",
        en: "leave a message out",
        refused_as: &["SEQ_GAP", "MONTH_ROOT"],
        apply: drop_a_message,
    },
    Cheat {
        nl: "twee berichten verwisselen",
        en: "swap two messages",
        refused_as: &["SEQ_GAP", "BATCH_ROOT"],
        apply: swap_two_messages,
    },
    Cheat {
        nl: "een bericht onder een andere kop zetten",
        en: "put a body under another header",
        refused_as: &["COMMITMENT", "BINDING"],
        apply: move_a_body,
    },
    Cheat {
        nl: "de laatste berichten afsnijden",
        en: "cut off the last entry with messages",
        refused_as: &["LOG_ROOT", "ENTRY", "MONTH_ROOT", "MONTH_HIDDEN", "SEQ_GAP", "EXPORT_EVENT", "BATCH_CHAIN"],
        apply: cut_the_tail,
    },
    Cheat {
        nl: "een maand uit het overzicht verbergen",
        en: "hide a month from the index",
        refused_as: &["SNAPSHOT_ROOT", "MONTH_HIDDEN", "MONTH_SURPLUS"],
        apply: hide_a_month,
    },
    Cheat {
        nl: "een bericht achterhouden zonder grond",
        en: "withhold a message without a ground",
        refused_as: &["MANIFEST"],
        apply: withhold_without_ground,
    },
    Cheat {
        nl: "een bit in de handtekening van een bron omzetten",
        en: "flip a bit in a source's signature",
        refused_as: &["BATCH_SIGNATURE", "CANONICAL"],
        apply: flip_a_signature,
    },
    Cheat {
        nl: "de verklaring van een andere uitlevering erbij doen",
        en: "attach the statement of another export",
        refused_as: &["EXPORT_STATEMENT"],
        apply: rewrap_the_statement,
    },
];

fn is_opened_message(record: &EvidenceRecord) -> bool {
    opened(record).is_some_and(|body| {
        let text = body.slots.get(chat::TEXT);
        body.slots.len() == zegel_verifier::kinds::CHAT_LAYOUT.len()
            && text.is_some_and(|slot| slot.state == SlotState::SlotList as i32)
    })
}

fn opened(record: &EvidenceRecord) -> Option<&zegel_proto::v1::Body> {
    match &record.record {
        Some(Record::Event(EvidenceEvent { body: Some(evidence_event::Body::Opened(body)), .. })) => Some(body),
        _ => None,
    }
}

fn event_mut(record: &mut EvidenceRecord) -> Option<&mut EvidenceEvent> {
    match &mut record.record {
        Some(Record::Event(event)) => Some(event),
        _ => None,
    }
}

/// Two opened messages that follow each other in one batch, with nothing left out before them.
fn two_messages(bagged: &Bagged) -> Result<usize, NothingToCheat> {
    let is_next =
        |record: &EvidenceRecord| matches!(&record.record, Some(Record::Event(event)) if event.gap.is_empty());
    let pair = |pair: &[EvidenceRecord]| pair.iter().all(|one| is_opened_message(one) && is_next(one));
    bagged.records.windows(2).position(pair).ok_or(NothingToCheat { wanted: "two opened messages in one batch" })
}

fn a_message(bagged: &Bagged) -> Result<usize, NothingToCheat> {
    bagged.records.iter().position(is_opened_message).ok_or(NothingToCheat { wanted: "an opened message" })
}

fn change_a_word(bagged: &mut Bagged) -> Result<(), NothingToCheat> {
    let at = a_message(bagged)?;
    if let Some(evidence_event::Body::Opened(body)) =
        event_mut(&mut bagged.records[at]).and_then(|event| event.body.as_mut())
        && let Some(word) = body.slots[chat::TEXT].items.first_mut()
    {
        *word = b"niets ".to_vec();
    }
    Ok(())
}

/// A clever one: the hash of what is left out takes its place in the proof.
fn drop_a_message(bagged: &mut Bagged) -> Result<(), NothingToCheat> {
    let at = two_messages(bagged)?;
    let dropped = bagged.records.remove(at);
    if let Some(Record::Event(dropped)) = dropped.record
        && let Some(next) = event_mut(&mut bagged.records[at])
    {
        next.gap = vec![event_leaf(&dropped.header).to_vec()];
    }
    Ok(())
}

fn swap_two_messages(bagged: &mut Bagged) -> Result<(), NothingToCheat> {
    let at = two_messages(bagged)?;
    let places: Vec<_> = [at, at + 1]
        .iter()
        .filter_map(|at| event_mut(&mut bagged.records[*at]).map(|e| (e.position, e.gap.clone())))
        .collect();
    bagged.records.swap(at, at + 1);
    for (offset, (position, gap)) in places.into_iter().enumerate() {
        if let Some(event) = event_mut(&mut bagged.records[at + offset]) {
            (event.position, event.gap) = (position, gap);
        }
    }
    Ok(())
}

fn move_a_body(bagged: &mut Bagged) -> Result<(), NothingToCheat> {
    let at = two_messages(bagged)?;
    let first = event_mut(&mut bagged.records[at]).and_then(|event| event.body.take());
    let second = event_mut(&mut bagged.records[at + 1]).and_then(|event| std::mem::replace(&mut event.body, first));
    if let Some(event) = event_mut(&mut bagged.records[at]) {
        event.body = second;
    }
    Ok(())
}

/// Takes away the last entry that holds messages, from its entry record to its batch end.
fn cut_the_tail(bagged: &mut Bagged) -> Result<(), NothingToCheat> {
    let last =
        bagged.records.iter().rposition(is_opened_message).ok_or(NothingToCheat { wanted: "an opened message" })?;
    let is_entry = |record: &EvidenceRecord| matches!(record.record, Some(Record::Entry(_)));
    let is_end = |record: &EvidenceRecord| matches!(record.record, Some(Record::BatchEnd(_)));
    let from = bagged.records[..last].iter().rposition(is_entry).unwrap_or(0);
    let to = last + bagged.records[last..].iter().position(is_end).unwrap_or(0);
    bagged.records.drain(from..=to);
    Ok(())
}

fn hide_a_month(bagged: &mut Bagged) -> Result<(), NothingToCheat> {
    let row = bagged.records.iter_mut().find_map(|record| match &mut record.record {
        Some(Record::Row(row)) if row.months.len() > 1 => Some(row),
        _ => None,
    });
    row.ok_or(NothingToCheat { wanted: "an id with two months" })?.months.pop();
    Ok(())
}

fn withhold_without_ground(bagged: &mut Bagged) -> Result<(), NothingToCheat> {
    let at = a_message(bagged)?;
    if let Some(event) = event_mut(&mut bagged.records[at]) {
        event.body = None;
    }
    Ok(())
}

/// The last byte of the last batch: the signature stands at the end of an entry.
fn flip_a_signature(bagged: &mut Bagged) -> Result<(), NothingToCheat> {
    let entry = bagged.records.iter_mut().find_map(|record| match &mut record.record {
        Some(Record::Entry(entry)) if entry.index > 0 => entry.entry.last_mut(),
        _ => None,
    });
    *entry.ok_or(NothingToCheat { wanted: "an entry after genesis" })? ^= 1;
    Ok(())
}

/// The hash over the parts is another: as if the statement had been made for another export.
fn rewrap_the_statement(bagged: &mut Bagged) -> Result<(), NothingToCheat> {
    let nothing = NothingToCheat { wanted: "an export statement" };
    *bagged.statement.last_mut().ok_or(nothing)? ^= 1;
    Ok(())
}
