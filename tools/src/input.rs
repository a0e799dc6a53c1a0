//! One event per line, as JSON: what `zegel append` reads from standard input.
//!
//! A field that is absent is *unknown*: the source's format cannot show it. `null` is *none*: there was none. Example:
//!
//! ```json
//! {"kind": "MESSAGE_CREATED", "custodian": "J. Jansen", "conversation": "Ploeg 3", "channel": "WHATSAPP",
//!  "proof_class": "C_EXPORT_FILE", "at": "2022-05-03T10:11:00Z", "precision": "MINUTE", "clock": "DEVICE",
//!  "sender": "Piet", "forwarded": null, "as_written": "03-05-2022 12:11 - Piet: ", "text": "Akkoord, morgen verder.",
//!  "attachments": [{"name": "foto.jpg", "media_type": "image/jpeg", "path": "media/foto.jpg"},
//!                  {"name": "STK-1.webp", "state": "MISSING"}]}
//! ```
//!
//! Specification: `specs/input.md`.

use crate::event::{Field, Occurred};
use crate::officer::{OfficerError, Register};
use crate::record::{Attached, Record};
use crate::source::{Source, SourceError};
use serde::{Deserialize, Deserializer};
use std::fs::File;
use std::path::{Path, PathBuf};
use thiserror::Error;
use zegel_proto::v1::{Channel, ChatDetail, Clock, EventKind, Precision, ProofClass};
use zegel_verifier::kinds::{Family, family};

/// Why a line is no record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InputError {
    /// Not the JSON that is documented.
    #[error("not a record: {reason}")]
    Malformed {
        /// What the parser says, with its column.
        reason: String,
    },
    /// A word that the enumeration does not have.
    #[error("{field} is {found:?}, which is not a value that it may have")]
    Value {
        /// The field.
        field: &'static str,
        /// What was found.
        found: String,
    },
    /// A time that cannot be read, or lies before 1970.
    #[error("at is {found:?}, wanted a time such as 2022-05-03T10:11:00Z, not before 1970")]
    Time {
        /// What was found.
        found: String,
    },
    /// A name without an id.
    #[error(transparent)]
    Name(#[from] OfficerError),
    /// An attachment's file.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What the operating system says.
        reason: String,
    },
    /// An attachment that could not be kept.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl<'a, T: Deserialize<'a>> Deserialize<'a> for Field<T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer).map(Field::or_none)
    }
}

/// One line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputRecord {
    /// Name of a chat kind, as in `event.proto`.
    pub kind: String,
    /// Registered name of the custodian, or the id.
    pub custodian: String,
    /// Registered title of the conversation, or the id.
    pub conversation: String,
    /// WHATSAPP, SIGNAL, MATRIX, SMS, THREEMA or OTHER.
    pub channel: String,
    /// `A_NATIVE_SIGNED`, `B_GATEWAY`, `C_EXPORT_FILE` or `D_SCREENSHOT`.
    pub proof_class: String,
    /// When, in RFC 3339; absent: not known.
    pub at: Option<String>,
    /// MILLISECOND, SECOND (the default), MINUTE, DAY or MONTH.
    pub precision: Option<String>,
    /// DEVICE (the default), SERVER, SOURCE or PERSON.
    pub clock: Option<String>,
    /// The local time was ambiguous.
    #[serde(default)]
    pub ambiguous: bool,
    /// Who sent it.
    #[serde(default)]
    pub sender: Field<String>,
    /// What the device called the sender.
    #[serde(default)]
    pub display_name: Field<String>,
    /// Who could read it.
    #[serde(default)]
    pub audience: Field<String>,
    /// Identifier on the channel.
    #[serde(default)]
    pub native_id: Field<String>,
    /// What it answers.
    #[serde(default)]
    pub reply_to: Field<String>,
    /// Mark of forwarding.
    #[serde(default)]
    pub forwarded: Field<String>,
    /// What it acts on.
    #[serde(default)]
    pub target: Field<String>,
    /// What the app's line says.
    #[serde(default)]
    pub detail: Field<InputDetail>,
    /// What came along.
    #[serde(default)]
    pub attachments: Field<Vec<InputAttachment>>,
    /// The source's bytes before the text.
    #[serde(default)]
    pub as_written: Field<String>,
    /// The text.
    #[serde(default)]
    pub text: Field<String>,
}

/// What the app's line says, parsed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InputDetail {
    /// added, removed, left, subject, …
    pub what: String,
    /// Who did it.
    pub subject: String,
    /// To whom, or the new value.
    pub targets: Vec<String>,
    /// The app's own mark was there.
    pub certain: bool,
    /// Marked as edited.
    pub edited: bool,
    /// Addressed to an AI service of the app.
    pub meta_ai: bool,
}

/// An attachment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputAttachment {
    /// File name as the source wrote it; may be absent for media that was left out.
    #[serde(default)]
    pub name: String,
    /// Media type, if stated.
    #[serde(default)]
    pub media_type: String,
    /// The file, seen from the folder that the caller names. With it the attachment is present.
    pub path: Option<PathBuf>,
    /// Without a path: `LEFT_OUT` or `MISSING`.
    pub state: Option<String>,
}

impl InputRecord {
    /// Reads a line.
    ///
    /// # Errors
    /// [`InputError::Malformed`].
    pub fn parse(line: &str) -> Result<Self, InputError> {
        serde_json::from_str(line).map_err(|reason| InputError::Malformed { reason: reason.to_string() })
    }

    /// Looks names up, puts attachments into the source's spool, and gives the neutral record.
    ///
    /// # Errors
    /// [`InputError`].
    pub fn record(self, register: &Register, source: &Source, folder: &Path) -> Result<Record, InputError> {
        let kind = value("kind", &self.kind, EventKind::from_str_name)?;
        if family(kind) != Family::Chat {
            return Err(InputError::Value { field: "kind", found: self.kind });
        }
        let conversation = register.conversation(&self.conversation)?;
        let custodian = register.custodian(&self.custodian)?;
        let occurred = self.occurred()?;
        let detail = match self.detail {
            Field::Unknown => Field::Unknown,
            Field::None => Field::None,
            Field::Value(detail) => Field::Value(detail.into()),
        };
        let attachments = match self.attachments {
            Field::Unknown => Field::Unknown,
            Field::None => Field::None,
            Field::Value(list) => {
                let attached = list.into_iter().map(|each| each.attached(source, folder));
                Field::Value(attached.collect::<Result<_, _>>()?)
            }
        };
        Ok(Record {
            occurred,
            channel: named("CHANNEL", "channel", &self.channel, Channel::from_str_name)?,
            proof_class: named("PROOF_CLASS", "proof_class", &self.proof_class, ProofClass::from_str_name)?,
            sender: self.sender,
            display_name: self.display_name,
            audience: self.audience,
            native_id: self.native_id,
            reply_to: self.reply_to,
            forwarded: self.forwarded,
            target: self.target,
            detail,
            attachments,
            as_written: bytes(self.as_written),
            text: bytes(self.text),
            ..Record::new(kind, conversation, custodian)
        })
    }

    fn occurred(&self) -> Result<Occurred, InputError> {
        let Some(at) = &self.at else {
            return Ok(Occurred::UNKNOWN);
        };
        let bad = || InputError::Time { found: at.clone() };
        let time: jiff::Timestamp = at.parse().map_err(|_| bad())?;
        let at_ms = u64::try_from(time.as_millisecond()).ok().filter(|at_ms| *at_ms > 0).ok_or_else(bad)?;
        let precision = self.precision.as_deref().unwrap_or("SECOND");
        let clock = self.clock.as_deref().unwrap_or("DEVICE");
        Ok(Occurred {
            at_ms,
            precision: named("PRECISION", "precision", precision, Precision::from_str_name)?,
            clock: named("CLOCK", "clock", clock, Clock::from_str_name)?,
            is_ambiguous: self.ambiguous,
        })
    }
}

impl From<InputDetail> for ChatDetail {
    fn from(detail: InputDetail) -> Self {
        Self {
            what: detail.what,
            subject: detail.subject,
            targets: detail.targets,
            certain: detail.certain,
            edited: detail.edited,
            meta_ai: detail.meta_ai,
        }
    }
}

impl InputAttachment {
    fn attached(self, source: &Source, folder: &Path) -> Result<Attached, InputError> {
        let (name, media_type) = (self.name, self.media_type);
        let Some(path) = self.path else {
            return match self.state.as_deref() {
                Some("LEFT_OUT") => Ok(Attached::LeftOut { name, media_type }),
                Some("MISSING") => Ok(Attached::Missing { name, media_type }),
                other => Err(InputError::Value { field: "attachments.state", found: other.unwrap_or_default().into() }),
            };
        };
        let path = folder.join(path);
        let failed =
            |reason: std::io::Error| InputError::File { path: path.display().to_string(), reason: reason.to_string() };
        let mut file = File::open(&path).map_err(failed)?;
        let blob = source.blob_spool().store(&mut file)?;
        let own_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Attached::Present { name: if name.is_empty() { own_name } else { name }, media_type, blob })
    }
}

fn bytes(field: Field<String>) -> Field<Vec<u8>> {
    match field {
        Field::Unknown => Field::Unknown,
        Field::None => Field::None,
        Field::Value(text) => Field::Value(text.into_bytes()),
    }
}

fn value<T>(field: &'static str, text: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, InputError> {
    read(text).ok_or_else(|| InputError::Value { field, found: text.into() })
}

/// A value of an enumeration without its prefix.
fn named<T>(prefix: &str, field: &'static str, text: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, InputError> {
    value(field, text, |text| read(&format!("{prefix}_{text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"kind":"MESSAGE_CREATED","custodian":"J","conversation":"P","channel":"WHATSAPP",
        "proof_class":"C_EXPORT_FILE","at":"2022-05-03T10:11:00Z","forwarded":null,"text":"ja"}"#;

    #[test]
    fn absent_is_unknown_and_null_is_none() {
        let record = InputRecord::parse(LINE).expect("a record");
        assert_eq!(record.sender, Field::Unknown);
        assert_eq!(record.forwarded, Field::None);
        assert_eq!(record.text, Field::Value("ja".into()));
        let occurred = record.occurred().expect("a time");
        assert_eq!((occurred.at_ms, occurred.month()), (1_651_572_660_000, Ok(202_205)));
    }

    #[test]
    fn refuses_a_field_that_it_does_not_know_and_a_time_before_1970() {
        let misspelt = LINE.replace("forwarded", "forwarde");
        assert!(matches!(InputRecord::parse(&misspelt), Err(InputError::Malformed { .. })));
        let early = InputRecord::parse(&LINE.replace("2022-05", "1969-05")).expect("a record");
        assert_eq!(early.occurred(), Err(InputError::Time { found: "1969-05-03T10:11:00Z".into() }));
        let wrong = LINE.replace("\"text\"", "\"precision\":\"second\",\"text\"");
        let wrong = InputRecord::parse(&wrong).expect("a record");
        assert_eq!(wrong.occurred(), Err(InputError::Value { field: "precision", found: "second".into() }));
    }
}
