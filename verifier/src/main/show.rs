//! The timeline: one line per event of the scope, with █ for what is covered.
//!
//! Only used in a second pass, after every bundle was verified; the time is as told by the source, in UTC and no more exact
//! than it says. One bundle is printed as it passes, in the order of its log; of several, all lines are kept and sorted by
//! time, at most [`LINES_MAX`]. Every sighting has its own line: nothing is merged.

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
use zegel_verifier::corroborate::{Compared, Other};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{Family, chat, family};

/// What stands for a covered part.
const COVERED: &str = "█████";
/// Lines of a timeline of several bundles.
const LINES_MAX: usize = 1_000_000;

/// One line.
#[derive(Serialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    #[serde(skip)]
    at_ms: u64,
    #[serde(skip)]
    in_conversation: Option<Hash>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    differs: Vec<&'static str>,
}

/// Prints events: of one bundle as they pass, of several once all have.
pub(super) struct Timeline<'a, W> {
    out: W,
    language: Language,
    form: Form,
    names: Names,
    compared: &'a Compared,
    /// Lines are kept and sorted.
    pub(super) sorted: bool,
    kept: Vec<Line>,
    origin: String,
    letter: String,
    /// The conversation of the last line.
    conversation: Option<Hash>,
    written: io::Result<()>,
}

/// A, B, … Z, then by number.
pub(super) fn letter(number: usize) -> String {
    u8::try_from(number).ok().filter(|n| *n < 26).map_or_else(|| number.to_string(), |n| char::from(b'A' + n).into())
}

impl<'a, W: Write> Timeline<'a, W> {
    pub(super) fn new(out: W, language: Language, form: Form, compared: &'a Compared) -> Self {
        Self {
            out,
            language,
            form,
            names: Names::default(),
            compared,
            sorted: false,
            kept: Vec::new(),
            origin: String::new(),
            letter: String::new(),
            conversation: None,
            written: Ok(()),
        }
    }

    /// The next bundle begins.
    pub(super) fn begin(&mut self, origin: &str, letter: String, path: &std::path::Path) {
        if self.sorted && self.form == Form::Text && self.written.is_ok() {
            self.written = writeln!(self.out, "[{letter}] {} ({})", plain(&path.display().to_string()), plain(origin));
        }
        (self.origin, self.letter) = (origin.into(), letter);
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        let mut kept = std::mem::take(&mut self.kept);
        // A time that is not known comes last.
        kept.sort_by_key(|line| if line.at_ms == 0 { u64::MAX } else { line.at_ms });
        self.written?;
        self.written = Ok(());
        for line in &kept {
            self.head(line.in_conversation)?;
            self.write(line)?;
        }
        self.out.flush()
    }

    fn keep(&mut self, line: Line) -> io::Result<()> {
        if self.kept.len() >= LINES_MAX {
            return Err(io::Error::other("too many lines for one timeline: show the bundles one by one"));
        }
        self.kept.push(line);
        Ok(())
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
        if let Some(bundle) = &line.bundle {
            write!(self.out, "[{bundle}] ")?;
        }
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

    fn also_held(&self, event: &ShownEvent<'_>) -> Vec<AlsoHeld> {
        let others = self.compared.others(&self.origin, event.place).into_iter();
        let held = |Other { log, custodian, differs, .. }| AlsoHeld {
            custodian: self.compared.name(custodian).map_or_else(|| custodian.to_string(), String::from),
            log: Some(log).filter(|log| *log != self.origin),
            differs: differs.into_iter().map(zegel_verifier::corroborate::Difference::name).collect(),
        };
        others.map(held).collect()
    }

    fn contradiction(&self, differs: &[&'static str]) -> String {
        let word = |what: &&str| match *what {
            "time" => self.language.of("andere tijd", "another time"),
            "text" => self.language.of("andere inhoud", "another content"),
            "deleted" => self.language.of("bij één verwijderd", "deleted for one"),
            _ => self.language.of("andere witruimte", "other white space"),
        };
        differs.iter().map(|what| format!(", {}", word(what))).collect()
    }
}

/// Safe on one line of a terminal. The left-to-right mark that apps put before their own words moves nothing.
fn printable(text: &str) -> String {
    plain(&text.trim_end().replace('\u{200e}', "").replace("\r\n", "\n").replace('\n', " ⏎ "))
}

impl<W: Write> Observer for Timeline<'_, W> {
    fn event(&mut self, event: &ShownEvent<'_>) {
        self.names.event(event);
        if event.in_scope && self.written.is_ok() {
            let mut line = line(event, &self.names);
            line.also_held_by = self.also_held(event);
            if self.sorted {
                (line.bundle, line.log) = (Some(self.letter.clone()), Some(self.origin.clone()));
                self.written = self.keep(line);
            } else {
                self.written = self.head(event.facts.conversation).and_then(|()| self.write(&line));
            }
        }
    }
}

fn line(event: &ShownEvent<'_>, names: &Names) -> Line {
    let is_chat = family(event.facts.kind) == Family::Chat;
    let binding = event.body.map(|(binding, _)| binding);
    let body = event.body.map(|(_, body)| body).filter(|_| is_chat);
    let slot = |number| body.and_then(|body| value(body, number));
    let named = |id: Hash| names.of(id).map_or_else(|| id.to_string(), String::from);
    Line {
        bundle: None,
        log: None,
        at_ms: binding.map_or(0, |binding| binding.occurred_at_ms),
        in_conversation: event.facts.conversation,
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
        also_held_by: Vec::new(),
    }
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
