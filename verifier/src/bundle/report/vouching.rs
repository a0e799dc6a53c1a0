//! Who vouched for the checkpoint in which a bundle ends, for what, and when; and who did not.
//!
//! Invariant: what a witness saw is told as what it saw, and what an auditor replayed as what it replayed: neither says
//! anything of the other. Times are by the clock of whoever cosigned.

use super::Sentence;
use crate::bundle::calendar::Moment;
use crate::bundle::walk::Outcome;
use crate::trust::Vouched;

/// Whose word it is that the snapshot, on which completeness rests, lacks nothing.
pub(super) fn completeness(outcome: &Outcome) -> Vec<Sentence> {
    let auditors: Vec<&Vouched> = outcome.vouched.iter().filter(|vouched| vouched.is_auditor).collect();
    if auditors.is_empty() {
        return vec![Sentence::new(
            "Dat het logboek daarbij niets heeft weggelaten, is zijn eigen woord: niemand van buiten heeft het nagerekend.",
            "That nothing is missing from the snapshot is the ledger's word.",
        )];
    }
    let replayed = |auditor: &&Vouched| {
        let (name, time) = (&auditor.name, time_of(auditor));
        Sentence::new(
            format!(
                "Controleur {name} heeft op {time} verklaard dat hij elke regel van het logboek tot hier heeft nagerekend en geen fout vond."
            ),
            format!(
                "Auditor {name} declared at {time} to have replayed every entry up to this checkpoint, and found no fault."
            ),
        )
    };
    let mut sentences: Vec<Sentence> = auditors.iter().map(replayed).collect();
    sentences.push(Sentence::new(
        "Dat er niets ontbreekt, is daarmee niemands woord in de keten: niet dat van de zorgdrager, niet dat van het logboek. Het is nagerekend door wie het vertrouwensbestand als controleur noemt.",
        "That nothing is missing from the snapshot is thereby nobody's word in the chain: not the ministry's, not the ledger's. It was computed by whom the trust file names as auditor.",
    ));
    sentences
}

/// Who saw that there is one log.
pub(super) fn immutability(outcome: &Outcome) -> Vec<Sentence> {
    let mut sentences: Vec<Sentence> = outcome.vouched.iter().map(cosigned).collect();
    if !outcome.absent.is_empty() {
        let absent = outcome.absent.join(", ");
        sentences.push(Sentence::new(
            format!("Niet medeondertekend, hoewel het vertrouwensbestand hen noemt: {absent}."),
            format!("Not cosigned, though the trust file names them: {absent}."),
        ));
    }
    sentences.push(match &outcome.demand {
        Some(demand) => Sentence::new(
            format!("Het vertrouwensbestand eist medeondertekening door {demand}; daaraan is voldaan."),
            format!("The trust file demands cosignatures of {demand}; that is met."),
        ),
        None => Sentence::new(
            "Het vertrouwensbestand eist geen medeondertekening.",
            "The trust file demands no cosignature.",
        ),
    });
    sentences
}

fn cosigned(vouched: &Vouched) -> Sentence {
    let (name, time) = (&vouched.name, time_of(vouched));
    let (nl, en) = if vouched.is_auditor { ("Controleur", "Auditor") } else { ("Getuige", "Witness") };
    Sentence::new(
        format!(
            "{nl} {name} heeft deze stand van het logboek op {time} medeondertekend en had van dit logboek geen andere geschiedenis gezien."
        ),
        format!("{en} {name} cosigned this checkpoint at {time}, and had seen no other history of this log."),
    )
}

fn time_of(vouched: &Vouched) -> Moment {
    Moment::at(vouched.time_s.saturating_mul(1_000))
}
