//! One case: what is given, what must come of it, and whether it did.
#![allow(dead_code)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// What came of a case: values, or the reason in the words of the vectors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Accepted(Value),
    Refused(Value),
}

impl Outcome {
    pub(crate) fn of<T, E>(
        result: Result<T, E>,
        values: impl FnOnce(T) -> Value,
        reason: impl FnOnce(E) -> Value,
    ) -> Self {
        match result {
            Ok(value) => Self::Accepted(values(value)),
            Err(error) => Self::Refused(reason(error)),
        }
    }
}

/// A file of `specs/vectors/`.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) family: String,
    pub(crate) given: Value,
    about: String,
    wanted: Outcome,
    /// What the Rust is known to do instead, until it is mended.
    today: Option<Outcome>,
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/vectors")
}

/// Every case, in the order of the names.
pub(crate) fn read_all() -> Vec<Case> {
    let folders = fs::read_dir(folder()).expect("specs/vectors is there").map(|entry| entry.expect("readable").path());
    let mut files: Vec<PathBuf> = folders
        .filter(|path| path.is_dir())
        .flat_map(|path| fs::read_dir(path).expect("readable").map(|entry| entry.expect("readable").path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Case {
    let text = fs::read_to_string(path).expect("readable");
    let file: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    let family = file["family"].as_str().expect("a family").to_owned();
    assert_eq!(path.parent().and_then(Path::file_name).expect("a folder"), family.as_str(), "{name}");
    let wanted = match file["expect"].as_str() {
        Some("accept") => Outcome::Accepted(file["values"].clone()),
        Some("refuse") => Outcome::Refused(file["error"].clone()),
        other => panic!("{name} expects {other:?}"),
    };
    let today = file.get("rust_today").map(|today| match today.get("error") {
        Some(error) => Outcome::Refused(error.clone()),
        None => Outcome::Accepted(Value::Null),
    });
    Case {
        name,
        family,
        about: file["about"].as_str().expect("about").to_owned(),
        given: file["given"].clone(),
        wanted,
        today,
    }
}

impl Case {
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self.wanted, Outcome::Refused(_))
    }

    /// What is wrong with an outcome, if anything is.
    pub(crate) fn judge(&self, found: &Outcome) -> Option<String> {
        let Some(today) = &self.today else {
            return (*found != self.wanted).then(|| self.report(found, &self.wanted));
        };
        let as_known = match (today, found) {
            (Outcome::Accepted(Value::Null), Outcome::Accepted(_)) => true,
            _ => today == found,
        };
        if as_known {
            eprintln!("KNOWN DISAGREEMENT {}/{}: {} ({found:?})", self.family, self.name, self.about);
            return None;
        }
        Some(format!("{}\n  (or mended: then remove rust_today in its maker)", self.report(found, today)))
    }

    fn report(&self, found: &Outcome, wanted: &Outcome) -> String {
        format!("{}/{}: {}\n  found  {found:?}\n  wanted {wanted:?}", self.family, self.name, self.about)
    }
}

pub(crate) fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap_or_else(|| panic!("hex is wanted, found {text}"));
    assert!(text.len().is_multiple_of(2), "{text}");
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(byte).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> Value {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

pub(crate) fn unbase64(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().expect("base64")).expect("base64")
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("text is wanted, found {value}"))
}

pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("a number is wanted, found {value}"))
}

pub(crate) fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("an array is wanted, found {value}"))
}

pub(crate) fn nothing<T>(_: T) -> Value {
    json!({})
}
