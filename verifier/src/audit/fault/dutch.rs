//! The faults in Dutch. Detail of proofs and encodings stays in English, in brackets: it is for specialists.

use super::Fault;

pub(super) fn sentence(fault: &Fault) -> String {
    use Fault as F;
    match fault {
        F::Canonical(reason) => format!("heeft niet de ene vorm die het mag hebben ({reason})"),
        F::Limit { what, found, max } => format!("te veel: {found} gevonden, ten hoogste {max} toegestaan ({what})"),
        F::Order { found, wanted } => format!("regel {found} staat waar regel {wanted} verwacht werd"),
        F::ReceivedAt { found, before } => {
            format!("ontvangen op {found} ms, de regel ervoor op {before} ms: de klok liep terug")
        }
        F::ReceivedEarly { received, created } => {
            format!("ontvangen op {received} ms, volgens de klok van de bron pas op {created} ms ondertekend")
        }
        F::Batch(reason) => format!("de verklaring van de bron deugt niet ({reason})"),
        F::Count { what, found, wanted } => format!("{found} gevonden, {wanted} verwacht ({what})"),
        F::EventsRoot { found, wanted } => {
            format!("de gebeurtenissen leiden tot {found}, de bron ondertekende {wanted}")
        }
        F::Header(reason) => format!("de kop past niet bij de soort ({reason})"),
        F::SealedForm { found, .. } => format!("een kenmerk van {found} bytes dat hier niet mag staan"),
        F::SealedRoot { found, wanted } => {
            format!("wat verzegeld is leidt tot {found}, de bron ondertekende {wanted}")
        }
        F::BodyMissing => {
            "de verzegelde inhoud is weg, en daarna is geen vernietiging, schoning, verwijdering of overdracht vastgelegd"
                .into()
        }
        F::BodyDestroyed => {
            "de verzegelde inhoud is weg; daarna is een vernietiging, schoning, verwijdering of overdracht vastgelegd, wat die noemt is verzegeld".into()
        }
        F::BodyChanged => {
            "er ligt andere verzegelde inhoud dan ondertekend is, en daarna is geen BODY_RESEALED vastgelegd".into()
        }
        F::BodyReplaced => {
            "er ligt andere verzegelde inhoud dan ondertekend is; daarna is een BODY_RESEALED vastgelegd, wat die noemt is verzegeld".into()
        }
        _ => of_the_state(fault),
    }
}

fn of_the_state(fault: &Fault) -> String {
    use Fault as F;
    match fault {
        F::BatchGap { source_id, found, wanted } => {
            format!("zending {found} van bron {source_id} komt waar zending {wanted} verwacht werd")
        }
        F::BatchAgain { source_id, found, wanted } => {
            format!("zending {found} van bron {source_id} staat al in het logboek, de volgende is {wanted}")
        }
        F::BatchPrevious { source_id, batch_seq, found, wanted } => format!(
            "zending {batch_seq} van bron {source_id} noemt {found} als vorige, de laatst vastgelegde verklaring is {wanted}"
        ),
        F::RootKey { found, wanted } => {
            format!("het begin is ondertekend met sleutel {found}, het vertrouwensbestand noemt {wanted}")
        }
        F::Genesis { found } => format!("gevonden is {found}, een logboek begint met LOG_CREATED"),
        F::Registry(reason) => format!("het register neemt dit niet aan ({reason})"),
        F::Authority(reason) => format!("de afzender mocht dit niet ({reason})"),
        F::Unregistered { what, id } => format!("{} {id} wordt gebruikt voor de registratie", dutch_id(what)),
        F::RegisteredTwice { what, id } => format!("{} {id} wordt een tweede keer geregistreerd", dutch_id(what)),
        F::SeqGap { custodian, conversation, found, wanted } => format!(
            "nummer {found} in de opname (chathouder {custodian}, gesprek {conversation}), verwacht werd {wanted}"
        ),
        F::SnapshotAhead { covers } => format!("de momentopname omvat {covers} regels, die pas erna komen"),
        F::SnapshotOld { covers } => {
            format!(
                "de momentopname omvat {covers} regels; de tabel van die omvang is niet bewaard, dus niet onderzocht"
            )
        }
        F::SnapshotRoot { found_ids, wanted_ids, found, wanted } => format!(
            "de stromen leiden tot {found_ids} rijen met wortel {found}, de momentopname heeft er {wanted_ids} met wortel {wanted}"
        ),
        _ => of_the_checkpoints(fault),
    }
}

fn of_the_checkpoints(fault: &Fault) -> String {
    use Fault as F;
    match fault {
        F::Checkpoint(reason) => format!("dit is geen controlepunt met de sleutel van dit logboek ({reason})"),
        F::NoLogKey { size } => format!("voor een controlepunt van {size} regels is geen logboeksleutel bekend"),
        F::LogKey { size, found, wanted } => {
            format!("het register noemt logboeksleutel {found} voor {size} regels, het vertrouwensbestand {wanted}")
        }
        F::LogRoot { size, signed, found } => format!(
            "het logboek ondertekende wortel {signed} voor {size} regels, deze regels leiden tot {found}: twee geschiedenissen"
        ),
        F::Inconsistent { size, reason } => {
            format!("het controlepunt van {size} regels is geen begin van dit logboek ({reason})")
        }
        F::Unproven { size } => {
            format!("het controlepunt van {size} regels is erna en zonder bewijs aangeboden: niet onderzocht")
        }
        F::Beyond { size, entries } => {
            format!("er is een controlepunt van {size} regels aangeboden, hier zijn er maar {entries}")
        }
        F::Cosignature(reason) => format!("de medeondertekening deugt niet ({reason})"),
        F::Quorum { found } => {
            format!("{found} medeondertekeningen van getuigen staan op het nieuwste controlepunt: te weinig")
        }
        F::ArchiveKeyAlone { key, added } => {
            format!(
                "archiefsleutel {key} kwam in regel {added} en daarna is niets opnieuw verzegeld: hij opent alleen wat erna kwam"
            )
        }
        F::KeyCompromised { key, from, last } => format!(
            "sleutel {key} is verdacht verklaard vanaf regel {from}; hij ondertekende zendingen tot en met regel {last}"
        ),
        F::Dwell { hours, max } => {
            format!("inhoud lag {hours} uur in de landingszone, het beleid staat {max} uur toe")
        }
        _ => "wat hierna komt is alleen op zichzelf onderzocht: de toestand van het logboek is niet meer bekend".into(),
    }
}

fn dutch_id(what: &str) -> &'static str {
    if what == "conversation" { "gesprek" } else { "chathouder" }
}
