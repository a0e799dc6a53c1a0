//! The timeline: one line per event of the scope, with █ for what is covered.
//!
//! Only used in a second pass, after the whole bundle was verified; the time is as told by the source, in UTC and no more
//! exact than it says.

use super::holders::{Holders, Seen};
use super::{Form, Language};
use serde::Serialize;
use std::io::{self, Write};
use zegel_proto::parse;
use zegel_proto::v1::{Attachment, Binding, Precision, ProofClass};
use zegel_verifier::bundle::calendar::Moment;
use zegel_verifier::bundle::names::Names;
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::bundle::{Observer, ShownEvent};
use zegel_verifier::commit::{Shown, ShownBody};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{Family, chat, family};

/// What stands for a covered part.
const COVERED: &str = "█████";

/// One line.
#[derive(Serialize)]
struct Line {
    entry: u64,
    position: u32,
    kind: &'static str,
    month: u32,
    conversation: Option<String>,
    custodian: Option<String>,
    time: Option<String>,
    precision: Option<&'static str>,
    sender: Option<String>,
    display_name: Option<String>,
    text: Option<String>,
    attachments: Vec<String>,
    proof_class: Option<&'static str>,
    withheld: bool,
    /// Other holders whose capture has this message.
    also_held_by: Vec<AlsoHeld>,
}

/// Another holder of a message, and where the two captures contradict.
#[derive(Serialize)]
struct AlsoHeld {
    custodian: String,
    differs: Vec<&'static str>,
}

/// Prints events as they pass.
pub(super) struct Timeline<W> {
    out: W,
    language: Language,
    form: Form,
    names: Names,
    holders: Holders,
    /// The conversation of the last line.
    conversation: Option<Hash>,
    written: io::Result<()>,
}

impl<W: Write> Timeline<W> {
    pub(super) fn new(out: W, language: Language, form: Form, holders: Holders) -> Self {
        Self { out, language, form, names: Names::default(), holders, conversation: None, written: Ok(()) }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.written.and_then(|()| self.out.flush())
    }

    /// A heading where the timeline goes over to another conversation.
    fn head(&mut self, conversation: Option<Hash>) -> io::Result<()> {
        let changed = conversation.filter(|_| self.form == Form::Text && conversation != self.conversation);
        let Some(id) = changed else { return Ok(()) };
        self.conversation = changed;
        let id_text = id.to_string();
        writeln!(self.out, "\n── {} ──", self.names.of(id).unwrap_or(&id_text))
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        if self.form == Form::Json {
            serde_json::to_writer(&mut self.out, line)?;
            return writeln!(self.out);
        }
        let time = line.time.as_deref().unwrap_or("—");
        let name = line.display_name.as_deref().or(line.sender.as_deref()).unwrap_or("");
        let class = line.proof_class.unwrap_or("");
        write!(self.out, "{time}  [{class}] {}  {}", line.kind, printable(name))?;
        if let Some(sender) = line.sender.as_ref().filter(|_| line.display_name.is_some()) {
            write!(self.out, " <{}>", printable(sender))?;
        }
        if line.withheld {
            write!(self.out, ": {COVERED} ({})", self.language.of("als geheel gelakt", "withheld as a whole"))?;
        }
        if let Some(text) = &line.text {
            write!(self.out, ": {}", printable(text))?;
        }
        for attachment in &line.attachments {
            write!(self.out, " [{}: {}]", self.language.of("bijlage", "attachment"), printable(attachment))?;
        }
        for also in &line.also_held_by {
            let (with, name) = (self.language.of("ook bij", "also held by"), printable(&also.custodian));
            write!(self.out, " ⟨{with} {name}{}⟩", self.contradiction(&also.differs))?;
        }
        writeln!(self.out)
    }

    fn contradiction(&self, differs: &[&'static str]) -> String {
        let word = |what: &&str| match *what {
            "time" => self.language.of("andere tijd", "another time"),
            _ => self.language.of("andere witruimte", "other white space"),
        };
        differs.iter().map(|what| format!(", {}", word(what))).collect()
    }
}

/// Safe on one line of a terminal. The left-to-right mark that apps put before their own words moves nothing.
fn printable(text: &str) -> String {
    plain(&text.trim_end().replace('\u{200e}', "").replace("\r\n", "\n").replace('\n', " ⏎ "))
}

impl<W: Write> Observer for Timeline<W> {
    fn event(&mut self, event: &ShownEvent<'_>) {
        self.names.event(event);
        if event.in_scope && self.written.is_ok() {
            let line = line(event, &self.names, &self.holders);
            self.written = self.head(event.facts.conversation).and_then(|()| self.write(&line));
        }
    }
}

fn line(event: &ShownEvent<'_>, names: &Names, holders: &Holders) -> Line {
    let is_chat = family(event.facts.kind) == Family::Chat;
    let binding = event.body.map(|(binding, _)| binding);
    let body = event.body.map(|(_, body)| body).filter(|_| is_chat);
    let slot = |number| body.and_then(|body| value(body, number));
    let named = |id: Hash| names.of(id).map_or_else(|| id.to_string(), String::from);
    Line {
        entry: event.place.entry,
        position: event.place.position.unwrap_or(0),
        kind: event.facts.kind.as_str_name(),
        month: event.facts.month,
        conversation: event.facts.conversation.map(named),
        custodian: event.facts.custodian.map(named),
        time: binding.and_then(time),
        precision: binding.and_then(|binding| Precision::try_from(binding.precision).ok()).map(|p| p.as_str_name()),
        sender: slot(chat::SENDER),
        display_name: slot(chat::DISPLAY_NAME),
        text: body.and_then(text),
        attachments: body.map(attachments).unwrap_or_default(),
        proof_class: binding.and_then(proof_class),
        withheld: event.body.is_none(),
        also_held_by: holders.of(event).into_iter().map(|seen| also_held(seen, names)).collect(),
    }
}

fn also_held(seen: Seen, names: &Names) -> AlsoHeld {
    let custodian = names.of(seen.custodian).map_or_else(|| seen.custodian.to_string(), String::from);
    AlsoHeld { custodian, differs: seen.differs }
}

fn value(body: &ShownBody, slot: usize) -> Option<String> {
    match body.slots().get(slot)? {
        Shown::Covered => Some(COVERED.into()),
        Shown::Value(value) => Some(String::from_utf8_lossy(value).into_owned()),
        _ => None,
    }
}

fn text(body: &ShownBody) -> Option<String> {
    match body.slots().get(chat::TEXT)? {
        Shown::Covered => Some(COVERED.into()),
        Shown::List(items) => Some(items.iter().map(word).collect()),
        _ => None,
    }
}

fn word(item: &Option<Vec<u8>>) -> String {
    match item {
        Some(word) => String::from_utf8_lossy(word).into_owned(),
        // The white space that followed is covered with its word.
        None => format!("{COVERED} "),
    }
}

fn attachments(body: &ShownBody) -> Vec<String> {
    let name = |item: &Option<Vec<u8>>| match item.as_ref().map(|item| parse::<Attachment>(item)) {
        Some(Ok(attachment)) => attachment.name,
        Some(Err(_)) => "?".into(),
        None => COVERED.into(),
    };
    match body.slots().get(chat::ATTACHMENTS) {
        Some(Shown::Covered) => vec![COVERED.into()],
        _ => body.items(chat::ATTACHMENTS).iter().map(name).collect(),
    }
}

/// As exact as the source says.
fn time(binding: &Binding) -> Option<String> {
    if binding.occurred_at_ms == 0 {
        return None;
    }
    let at = Moment::at(binding.occurred_at_ms);
    let (hours, minutes, seconds) = at.clock();
    let date = format!("{:04}-{:02}-{:02}", at.year, at.month, at.day);
    Some(match Precision::try_from(binding.precision) {
        Ok(Precision::Millisecond) => {
            format!("{date} {hours:02}:{minutes:02}:{seconds:02}.{:03} UTC", at.of_day_ms % 1_000)
        }
        Ok(Precision::Second) => format!("{date} {hours:02}:{minutes:02}:{seconds:02} UTC"),
        Ok(Precision::Minute) => format!("{date} {hours:02}:{minutes:02} UTC"),
        Ok(Precision::Month) => format!("{:04}-{:02}", at.year, at.month),
        _ => date,
    })
}

fn proof_class(binding: &Binding) -> Option<&'static str> {
    match ProofClass::try_from(binding.proof_class) {
        Ok(ProofClass::ANativeSigned) => Some("A"),
        Ok(ProofClass::BGateway) => Some("B"),
        Ok(ProofClass::CExportFile) => Some("C"),
        Ok(ProofClass::DScreenshot) => Some("D"),
        _ => None,
    }
}
