//! `zegel classes`, `grounds`: new versions of the lists that decisions use. Versioned data of the log: what was decided under an older version stays.
//! The selection list is a policy (`zegel policy selection_list --file`).

use super::{CommandError, Outcome, Place};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};
use zegel_proto::v1::{ClassListPublished, GroundsListPublished, ListItem};
use zegel_tools::disk;
use zegel_tools::officer::grounds_list;

/// Arguments of `zegel classes`.
#[derive(Args)]
pub(crate) struct Classes {
    #[command(flatten)]
    place: Place,
    /// JSON: {"version": "…", "classes": [{"code": "…", "nl": "…", "en": "…", "definition": "…"}]}.
    file: PathBuf,
}

/// Grounds and markings.
#[derive(Subcommand)]
pub(crate) enum Grounds {
    /// The list in force, in the form that `publish` reads.
    Show {
        #[command(flatten)]
        place: Place,
    },
    /// Publish a new version; without a file, the list of this program, for a log that began with an older one.
    Publish {
        #[command(flatten)]
        place: Place,
        /// JSON: {"version": "…", "grounds": [{"code": "…", "nl": "…", "en": "…", "definition": "…"}]}.
        file: Option<PathBuf>,
        /// A code in force that the new list is meant to lack; may be repeated.
        #[arg(long = "drop", value_name = "CODE")]
        dropped: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListFile {
    version: String,
    #[serde(alias = "grounds", alias = "classes")]
    items: Vec<FileItem>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FileItem {
    code: String,
    nl: String,
    #[serde(default)]
    en: String,
    #[serde(default)]
    definition: String,
}

fn read(path: &Path) -> Result<(String, Vec<ListItem>), CommandError> {
    let usage = |reason: serde_json::Error| CommandError::Usage {
        reason: format!(
            "{}: {reason}; wanted a list: {{\"version\": \"…\", \"items\": [{{\"code\": \"…\", \"nl\": \"…\", …}}]}}",
            path.display()
        ),
    };
    let file: ListFile = serde_json::from_slice(&disk::read(path)?).map_err(usage)?;
    let item = |item: FileItem| ListItem {
        code: item.code,
        label_nl: item.nl,
        label_en: item.en,
        definition: item.definition,
    };
    Ok((file.version, file.items.into_iter().map(item).collect()))
}

fn published(version: &str, entry: u64) -> Outcome {
    Outcome::done(format!("list {version} stands in entry {entry}"), json!({ "version": version, "entry": entry }))
}

pub(crate) async fn classes(classes: &Classes) -> Result<Outcome, CommandError> {
    let (version, items) = read(&classes.file)?;
    let mut desk = classes.place.desk().await?;
    let entry = desk.officer.publish_classes(&ClassListPublished { version: version.clone(), items }).await?;
    Ok(published(&version, entry))
}

pub(crate) async fn grounds(grounds: Grounds) -> Result<Outcome, CommandError> {
    match grounds {
        Grounds::Show { place } => show(&place).await,
        Grounds::Publish { place, file, dropped } => {
            let list = match file {
                None => grounds_list(),
                Some(path) => {
                    let (version, items) = read(&path)?;
                    GroundsListPublished { version, items }
                }
            };
            let mut desk = place.desk().await?;
            let entry = desk.officer.publish_grounds(&list, &dropped).await?;
            Ok(published(&list.version, entry))
        }
    }
}

async fn show(place: &Place) -> Result<Outcome, CommandError> {
    let mut desk = place.desk().await?;
    let registry = desk.officer.source().registry();
    let version = registry.map(|registry| registry.ground_list().to_owned()).unwrap_or_default();
    let of = |(code, nl): (&str, &str)| FileItem {
        code: code.into(),
        nl: nl.into(),
        en: String::new(),
        definition: String::new(),
    };
    let items: Vec<FileItem> = registry.into_iter().flat_map(|registry| registry.grounds()).map(of).collect();
    let text = items.iter().map(|item| format!("{}  {}", item.code, item.nl)).collect::<Vec<_>>().join("\n");
    Ok(Outcome::done(format!("{version}\n{text}"), json!({ "version": version, "grounds": items })))
}
