//! RSMF 2.0.0: a document as the mail message that investigators' tools take in, with the manifest and the files in a zip.
//!
//! What is covered is `█` with its grounds, as in every other form. Ids of participants are numbers: a name may be a key in
//! nobody's database. Index, position and class of each line stand in `custom`. Memory: one document; files pass by.

use crate::disclose::files::Files;
use crate::disclose::{DisclosureError, Wanted};
use crate::documents::{Attached, Document, Line, Part, Reading, Zone};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, SeekFrom, Write};
use zegel_proto::v1::EventKind;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// Bytes of a line of base64, before it is written as 76 characters (RFC 2045).
const LINE_BYTES: usize = 57;
const BOUNDARY: &str = "----=_zegel_rsmf";

#[derive(Serialize)]
struct Manifest {
    version: &'static str,
    participants: Vec<Participant>,
    conversations: Vec<Conversation>,
    events: Vec<Event>,
    eventcollectionid: String,
}

#[derive(Serialize)]
struct Participant {
    id: String,
    display: String,
}

#[derive(Serialize)]
struct Conversation {
    id: String,
    display: String,
    platform: String,
    #[serde(rename = "type")]
    kind: &'static str,
    participants: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    custodian: String,
}

#[derive(Serialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    body: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant: Option<String>,
    conversation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    deleted: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<File>,
    custom: Vec<Custom>,
}

#[derive(Serialize)]
struct File {
    id: String,
    display: String,
    size: u64,
}

#[derive(Serialize)]
struct Custom {
    name: &'static str,
    value: String,
}

/// Writes one file a document, and the bundle beside them.
pub(crate) fn write(
    files: &mut Files<'_>,
    reading: &mut Reading,
    documents: &[Document],
    wanted: &Wanted<'_>,
) -> Result<(), DisclosureError> {
    files.folder("rsmf")?;
    for document in documents {
        let lines = reading.lines(document)?;
        let package = reading.report().export.parts_sha256.clone();
        let manifest = manifest(document, &lines, wanted.zone, &package);
        let mut zip = zipped(&manifest, &lines, wanted)?;
        let name = format!("rsmf/{:05}.rsmf", document.number);
        files.write(&name, |out| message(out, document, (&manifest, &lines), &mut zip))?;
    }
    files.copy(wanted.bundle, "bewijspakket")
}

fn words(parts: &[Part]) -> String {
    let word = |part: &Part| match part {
        Part::Open(text) => text.clone(),
        Part::Covered(grounds) => format!("█ [{}] ", grounds.join(" ")),
    };
    parts.iter().map(word).collect::<String>().trim_end().to_owned()
}

fn manifest(document: &Document, lines: &[Line], zone: &Zone, package: &str) -> Manifest {
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.sender.is_empty()) {
        let next = format!("P{}", ids.len() + 1);
        ids.entry(words(&line.sender)).or_insert(next);
    }
    let conversation = document.conversation.to_string();
    let channels: Vec<String> = document.channels.iter().cloned().collect();
    let events = lines.iter().map(|line| event(line, &ids, &conversation, zone)).collect();
    let mut participants: Vec<Participant> =
        ids.iter().map(|(display, id)| Participant { id: id.clone(), display: display.clone() }).collect();
    participants.sort_by(|one, other| one.id.cmp(&other.id));
    Manifest {
        version: "2.0.0",
        conversations: vec![Conversation {
            id: conversation,
            display: document.name(),
            platform: if channels.is_empty() { "onbekend".into() } else { channels.join(", ") },
            kind: if ids.len() > 2 { "channel" } else { "direct" },
            participants: participants.iter().map(|participant| participant.id.clone()).collect(),
            custodian: document.custodians.iter().cloned().collect::<Vec<_>>().join(", "),
        }],
        participants,
        events,
        eventcollectionid: format!("{package}/{}", document.number),
    }
}

fn event(line: &Line, ids: &BTreeMap<String, String>, conversation: &str, zone: &Zone) -> Event {
    let mut body = words(&line.text);
    if let Some(grounds) = &line.withheld {
        body = format!("█ [{}]", grounds.join(" "));
    } else if body.is_empty() {
        body.clone_from(&line.what);
    }
    let custom = |name, value: String| Some(Custom { name, value }).filter(|custom| !custom.value.is_empty());
    let attached = line.attachments.iter().filter_map(|file| match file {
        Attached::Open { name, size, sha256: Some(sha256), .. } => {
            Some(File { id: sha256.clone(), display: name.clone(), size: *size })
        }
        _ => None,
    });
    Event {
        id: format!("{}.{}", line.entry, line.position),
        kind: kind(line.kind()),
        body,
        participant: Some(words(&line.sender)).and_then(|sender| ids.get(&sender).cloned()),
        conversation: conversation.into(),
        timestamp: zone.rfc3339(line.at_ms),
        deleted: line.kind() == EventKind::MessageDeleted,
        attachments: attached.collect(),
        custom: [
            custom("kind", line.kind().as_str_name().into()),
            custom("entry", line.entry.to_string()),
            custom("position", line.position.to_string()),
            custom("proof_class", line.proof_class.map(String::from).unwrap_or_default()),
            custom("read_from", line.custodian.iter().chain(&line.also).cloned().collect::<Vec<_>>().join(", ")),
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

/// Joining and leaving stand in one kind of ours, whose words say which: they are shown as text.
fn kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::MessageCreated
        | EventKind::MessageEdited
        | EventKind::MessageDeleted
        | EventKind::ScreenshotAdded => "message",
        EventKind::MembershipChanged | EventKind::ConversationChanged | EventKind::SystemNoted => "disclaimer",
        _ => "unknown",
    }
}

/// `rsmf.zip`: the manifest and the files that are shown, in a file without a name.
fn zipped(manifest: &Manifest, lines: &[Line], wanted: &Wanted<'_>) -> Result<std::fs::File, DisclosureError> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut zip = ZipWriter::new(tempfile::tempfile()?);
    zip.start_file("rsmf_manifest.json", options).map_err(io::Error::other)?;
    serde_json::to_writer(&mut zip, manifest).map_err(io::Error::from)?;
    let wanted_files: BTreeSet<&String> = lines
        .iter()
        .flat_map(|line| &line.attachments)
        .filter_map(|file| if let Attached::Open { sha256, .. } = file { sha256.as_ref() } else { None })
        .collect();
    for sha256 in wanted_files {
        let Some(mut file) = Reading::attachment(wanted.bundle, sha256)? else { continue };
        zip.start_file(sha256.as_str(), options).map_err(io::Error::other)?;
        io::copy(&mut file, &mut zip)?;
    }
    let mut file = zip.finish().map_err(io::Error::other)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// The mail message: headers, a text that tools index, the zip. A header holds nothing that a stranger wrote.
fn message(
    out: &mut impl Write,
    document: &Document,
    (manifest, lines): (&Manifest, &[Line]),
    zip: &mut impl Read,
) -> Result<(), DisclosureError> {
    let first = manifest.events.iter().find_map(|event| event.timestamp.as_deref()).unwrap_or_default();
    let last = manifest.events.iter().rev().find_map(|event| event.timestamp.as_deref()).unwrap_or_default();
    write!(
        out,
        "MIME-Version: 1.0\r\nSubject: Document {}\r\nX-RSMF-Generator: zegel {}\r\nX-RSMF-Version: 2.0.0\r\n\
         X-RSMF-EventCount: {}\r\nX-RSMF-BeginDate: {first}\r\nX-RSMF-EndDate: {last}\r\n\
         Content-Type: multipart/mixed; boundary=\"{BOUNDARY}\"\r\n\r\n\
         --{BOUNDARY}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        document.number,
        env!("CARGO_PKG_VERSION"),
        manifest.events.len(),
    )?;
    let text: String = lines.iter().map(|line| format!("{}: {}\n", words(&line.sender), words(&line.text))).collect();
    encoded(out, &mut text.as_bytes())?;
    write!(
        out,
        "--{BOUNDARY}\r\nContent-Type: application/zip; name=\"rsmf.zip\"\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"rsmf.zip\"\r\n\r\n"
    )?;
    encoded(out, zip)?;
    Ok(write!(out, "--{BOUNDARY}--\r\n")?)
}

fn encoded(out: &mut impl Write, bytes: &mut impl Read) -> io::Result<()> {
    let mut line = Vec::with_capacity(LINE_BYTES);
    loop {
        line.clear();
        if bytes.by_ref().take(LINE_BYTES as u64).read_to_end(&mut line)? == 0 {
            return Ok(());
        }
        write!(out, "{}\r\n", STANDARD.encode(&line))?;
    }
}
