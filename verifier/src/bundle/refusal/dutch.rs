//! The reasons in Dutch. Detail of proofs and encodings stays in English, in brackets: it is for specialists.

use super::{Place, Refusal};

fn at(place: &Place) -> String {
    match place.position {
        Some(position) => format!("Regel {} van het logboek, gebeurtenis {position}", place.entry),
        None => format!("Regel {} van het logboek", place.entry),
    }
}

pub(super) fn sentence(refusal: &Refusal) -> String {
    use Refusal as R;
    match refusal {
        R::Unreadable { file, reason } => format!("{file} kon niet worden gelezen: {reason}"),
        R::Bag(reason) => format!("De map of het zipbestand is niet heel ({reason})"),
        R::Record { part, record, reason } => format!("Deel {part}, record {record} is geen record ({reason})"),
        R::NotCanonical { part, record, reason } => {
            format!("Deel {part}, record {record} heeft niet de ene vorm die het mag hebben ({reason})")
        }
        R::NotCanonicalAt { place, reason } => {
            format!("{} heeft niet de ene vorm die het mag hebben ({reason})", at(place))
        }
        R::Order { found, wanted } => format!("Gevonden is {found}, verwacht werd {wanted}"),
        R::Format { found, wanted } => format!("Het formaat is {found:?}, deze verifier kent {wanted:?}"),
        R::Origin { found, wanted } => {
            format!("Het pakket is van logboek {found:?}, het vertrouwensbestand van {wanted:?}")
        }
        R::Limit { what, found, max } => format!("Te veel: {found} gevonden, ten hoogste {max} toegestaan ({what})"),
        _ => of_the_log(refusal),
    }
}

fn of_the_log(refusal: &Refusal) -> String {
    use Refusal as R;
    match refusal {
        R::Entry { place, reason } => format!("{} past niet op haar plaats ({reason})", at(place)),
        R::ReceivedAt { place, found, before } => {
            format!("{} is ontvangen op {found} ms, de regel ervoor op {before} ms: de klok liep terug", at(place))
        }
        R::Batch { place, reason } => format!("{}: de verklaring van de bron deugt niet ({reason})", at(place)),
        R::BatchChain { place, source_id, found, before } => {
            format!("{}: zending {found} van bron {source_id} volgt niet op zending {before}", at(place))
        }
        R::Event { place, reason } => format!("{} past niet op haar plaats in de zending ({reason})", at(place)),
        R::BatchRoot { place, found, wanted } => {
            format!("{}: de gebeurtenissen leiden tot {found}, de bron ondertekende {wanted}", at(place))
        }
        R::NothingShown { place } => format!("{}: van deze zending wordt niets getoond", at(place)),
        R::RootKey { found, wanted } => {
            format!("Het begin is ondertekend met sleutel {found}, het vertrouwensbestand noemt {wanted}")
        }
        R::Genesis { place, found } => {
            format!("{}: gevonden is {found}, een logboek begint met LOG_CREATED", at(place))
        }
        R::Registry { place, reason } => format!("{}: het register neemt dit niet aan ({reason})", at(place)),
        R::Authority { place, reason } => format!("{}: de afzender mocht dit niet ({reason})", at(place)),
        R::Header { place, reason } => format!("{}: de kop past niet bij de soort ({reason})", at(place)),
        R::OutOfScope { place, kind } => format!("{}: {kind} hoort niet in dit pakket", at(place)),
        R::RegistrationSurplus { id } => {
            format!("de registratie van {id} zit erbij, en geen gebeurtenis in de reikwijdte noemt dat id")
        }
        R::Unregistered { place, kind } => {
            format!("{}: {kind} staat voor de registratie van waar dit pakket over gaat", at(place))
        }
        R::SeqGap { place, found, wanted } => {
            format!("{}: volgnummer {found} in de opname, verwacht werd {wanted}", at(place))
        }
        R::Commitment { place, reason } => format!("{}: de inhoud is niet wat is vastgelegd ({reason})", at(place)),
        R::Binding { place, field } => format!("{}: de inhoud hoort bij een andere kop ({field})", at(place)),
        R::Body { place, reason } => format!("{}: deze inhoud mag hier niet staan ({reason})", at(place)),
        _ => of_the_snapshot(refusal),
    }
}

fn of_the_snapshot(refusal: &Refusal) -> String {
    use Refusal as R;
    match refusal {
        R::Snapshot { place, reason } => format!("{}: de momentopname deugt niet ({reason})", at(place)),
        R::SnapshotRow { index, reason } => format!("Rij {index} van de momentopname past niet ({reason})"),
        R::RowSurplus { index, stream } => format!("Rij {index} van de momentopname ({stream}) hoort hier niet"),
        R::RowMissing { stream } => format!("De rij van {stream} ontbreekt"),
        R::SnapshotRoot { found, wanted } => format!("De rijen leiden tot {found}, de momentopname heeft {wanted}"),
        R::MonthRoot { stream, month, found_count, wanted_count, found, wanted } => format!(
            "{stream}, maand {month}: {found_count} gebeurtenissen getoond ({found}), vastgelegd zijn er {wanted_count} ({wanted})"
        ),
        R::MonthHidden { stream, month, wanted_count } => {
            format!("{stream}, maand {month}: {wanted_count} gebeurtenissen vastgelegd, geen enkele getoond")
        }
        R::MonthSurplus { stream, month, found_count } => {
            format!("{stream}, maand {month}: {found_count} gebeurtenissen getoond, geen enkele vastgelegd")
        }
        R::LogRoot { found, wanted } => format!("De regels leiden tot {found}, het checkpoint heeft {wanted}"),
        R::Checkpoint(reason) => format!("Het checkpoint deugt niet ({reason})"),
        R::LogKey { found, wanted } => {
            format!("Het register noemt logboeksleutel {found}, het vertrouwensbestand {wanted}")
        }
        R::Cosignature(reason) => format!("Een medeondertekening deugt niet ({reason})"),
        R::Quorum { cosigned, wanted } => {
            let cosigned = cosigned.join(", ");
            format!("Het vertrouwensbestand eist medeondertekening door {wanted}; die van [{cosigned}] staan er")
        }
        _ => of_the_export(refusal),
    }
}

fn of_the_export(refusal: &Refusal) -> String {
    use Refusal as R;
    match refusal {
        R::ExportEvent { place, reason } => format!("{}: dit is niet de uitlevering ({reason})", at(place)),
        R::Scope => "Het pakket noemt een andere reikwijdte dan de uitlevering".into(),
        R::OtherScope => "Het pakket gaat over een ander kenmerk of andere maanden dan gevraagd".into(),
        R::ExportStatement(reason) => format!("De verklaring van uitlevering deugt niet ({reason})"),
        R::Nonce { found, wanted } => format!("De uitlevering draagt kenmerk {found:?}, gevraagd was {wanted:?}"),
        R::AsOf { found, wanted } => {
            format!("Het pakket gaat tot {found} regels, gevraagd waren er ten minste {wanted}")
        }
        R::Manifest(reason) => format!("Wat gelakt is, is niet wat de laklijst zegt ({reason})"),
        R::Attachment { file, reason } => format!("Bijlage {file} is niet wat is vastgelegd ({reason})"),
        other => other.to_string(),
    }
}
