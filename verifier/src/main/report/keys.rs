//! Who signed, who vouched, and through whose hands it went.

use super::people::Naming;
use super::{Language, Seen, clock, codes, words};
use maud::{Markup, html};
use zegel_proto::v1::EventKind;
use zegel_verifier::bundle::Report;
use zegel_verifier::bundle::custody::CustodyStep;
use zegel_verifier::bundle::plain::plain;

/// The keys that signed what is shown. Their fingerprints are in the annex.
pub(super) fn signers(report: &Report, language: Language) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { (language.say(words::BY)) }
                th.n scope="col" { (language.say(words::KEY_SIGNED)) }
            } }
            tbody { @for key in &report.log.keys { tr {
                th scope="row" { (plain(&key.name)) @if !key.name.is_empty() { " " }
                    small { (codes::role(key.role).map_or("", |role| language.say(role))) }
                    @if key.compromised_from.is_some() { " " strong.bad { (language.say(words::LEAKED)) } } }
                td.n { (key.batches) }
            } } }
        }
    }
}

/// Who outside of the log vouched for its state, and who did not.
pub(super) fn witnesses(report: &Report, language: Language) -> Markup {
    let log = &report.log;
    html! {
        @if log.cosignatures.is_empty() { p { (language.say(words::NO_COSIGNER)) } }
        @else { ul { @for one in &log.cosignatures { li {
            (plain(&one.name)) " (" (language.say(if one.is_auditor { words::AUDITOR_SAW } else { words::WITNESS_SAW })) "), "
            (clock::told(&one.time, language))
        } } } }
        @if !log.not_cosigned.is_empty() {
            p { (language.say(words::DID_NOT)) ": " (plain(&log.not_cosigned.join(", "))) }
        }
    }
}

/// Read-outs and captures, step by step.
pub(super) fn custody(report: &Report, seen: &Seen, naming: Naming, language: Language) -> Markup {
    let (custody, steps) = (&report.custody, &seen.judge.steps);
    html! {
        p { (custody.events) " " (language.say(words::STEPS)) ", " (custody.heartbeats) " " (language.say(words::HEARTBEATS))
            ", " (custody.not_open) " " (language.say(words::NOT_OPEN)) "." }
        @if custody.steps.is_empty() { p { (language.say(words::NOT_EXAMINED)) "." } }
        @else { details open[custody.steps.len() <= 20] { summary { (custody.steps.len()) " " (language.say(words::STEPS)) }
            div.wide { table {
                thead { tr {
                    th scope="col" { (language.say(words::WHEN)) }
                    th scope="col" { (language.say(words::STEP)) }
                    th scope="col" { (language.say(words::BY)) }
                    th scope="col" { (language.say(words::DEVICE)) }
                    th scope="col" { (language.say(words::FILE)) }
                    th.n scope="col" { (language.say(words::NEW_KNOWN)) }
                } }
                tbody { @for step in &custody.steps { (row(step, steps.get(&step.place), (naming, language))) } }
            } }
        } }
    }
}

fn row(step: &CustodyStep, at: Option<&u64>, (naming, language): (Naming, Language)) -> Markup {
    let shown = |value: &Option<String>| match value {
        Some(value) if naming == Naming::AsWritten => plain(value),
        Some(_) => "–".to_owned(),
        None => String::new(),
    };
    let kind = EventKind::from_str_name(step.kind).map_or(step.kind, |kind| language.say(codes::kind(kind)));
    html! { tr {
        td { @if let Some(at) = at { (clock::when(*at, language)) } }
        td { (kind) }
        td { bdi { (shown(&step.operator)) } }
        td { bdi { (shown(&step.device)) } }
        td { @if let Some(file) = step.file.as_ref().filter(|_| naming == Naming::AsWritten) { bdi { (plain(&file.name)) } } }
        @if let Some(file) = &step.file { td.n data-label=(language.say(words::NEW_KNOWN)) { (file.new) " / " (file.known) } } @else { td {} }
    } }
}
