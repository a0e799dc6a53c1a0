//! The package that a recipient gets, made in a hidden folder and put in its place when all of it is there.

use super::files::Files;
use super::inventory::{file_name, inventory, production_report};
use super::wording::Regime;
use super::{Bundle, DisclosureError, Printer};
use crate::disk;
use crate::documents::{Attachments, Document, Reading, Zone};
use crate::handover::{rsmf, sip};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use zegel_verifier::hash::Hash;

/// What a recipient may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Documents, lists and the evidence bundle.
    Documents,
    /// For an archive: MDTO sidecars beside the documents, and a pakbon.
    Sip,
    /// For investigators' tools: RSMF, one file a document, with the files that are shown.
    Rsmf,
    /// Numbers only: how many documents and lines a month, no names and no words. For an inspector of coverage.
    Counts,
}

impl Content {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Documents, Self::Sip, Self::Rsmf, Self::Counts];

    /// As in the event.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Sip => "sip",
            Self::Rsmf => "rsmf",
            Self::Counts => "counts",
        }
    }

    /// The form of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|content| content.word() == word)
    }
}

/// What is to be packed.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The bundle, which goes along.
    pub bundle: &'a Path,
    /// Under which regime.
    pub regime: Regime,
    /// What the recipient may see.
    pub content: Content,
    /// The ministry's name of the case.
    pub case: &'a str,
    /// What the request is about; for the productierapport.
    pub matter: &'a str,
    /// In which zone times are told.
    pub zone: &'a Zone,
    /// The folder to make. It must not be there.
    pub out: &'a Path,
}

/// A package that is whole, and not yet where anybody takes it from.
#[derive(Debug)]
pub struct Packed {
    folder: TempDir,
    out: PathBuf,
    /// SHA-256 of its `SHA256SUMS`: the name of exactly this package.
    pub sha256: Hash,
    /// How many documents.
    pub documents: usize,
    /// How many files, its list of sums not counted.
    pub files: usize,
}

impl Packed {
    /// Puts the package in its place. Whoever calls this has told the log.
    ///
    /// # Errors
    /// [`DisclosureError::Io`].
    pub fn release(self) -> Result<PathBuf, DisclosureError> {
        let made = self.folder.keep();
        fs::rename(&made, &self.out).inspect_err(|_| {
            // Not put in its place: nothing of it may stay.
            let _ = fs::remove_dir_all(&made);
        })?;
        disk::sync_folder_of(&self.out)?;
        Ok(self.out)
    }
}

/// Makes a package.
///
/// # Errors
/// [`DisclosureError`].
pub fn pack(reading: &mut Reading, wanted: &Wanted<'_>) -> Result<Packed, DisclosureError> {
    if wanted.out.exists() {
        return Err(DisclosureError::Exists { path: wanted.out.display().to_string() });
    }
    let documents = reading.documents().to_vec();
    check_grounds(&documents, wanted.regime)?;
    let parent = wanted.out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = tempfile::Builder::new().prefix(".zegel-").tempdir_in(parent)?;
    let mut files = Files::new(folder.path());
    match wanted.content {
        Content::Documents => write_documents(&mut files, reading, &documents, wanted)?,
        Content::Counts => files.write("aantallen.csv", |out| counts(out, &documents))?,
        Content::Sip => sip::write(&mut files, reading, &documents, wanted)?,
        Content::Rsmf => rsmf::write(&mut files, reading, &documents, wanted)?,
    }
    let about = about(reading, &documents, wanted);
    files.write("lees-mij.txt", |out| Ok(out.write_all(about.as_bytes())?))?;
    let count = files.count();
    let sha256 = files.finish()?;
    Ok(Packed { folder, out: wanted.out.to_owned(), sha256, documents: documents.len(), files: count })
}

fn check_grounds(documents: &[Document], regime: Regime) -> Result<(), DisclosureError> {
    for document in documents {
        if let Some(ground) = document.grounds.iter().find(|ground| !regime.knows(ground)) {
            let (document, ground) = (document.number, ground.clone());
            return Err(DisclosureError::OtherGround { document, ground, regime: regime.code() });
        }
    }
    Ok(())
}

fn write_documents(
    files: &mut Files<'_>,
    reading: &mut Reading,
    documents: &[Document],
    wanted: &Wanted<'_>,
) -> Result<(), DisclosureError> {
    files.folder("documenten")?;
    let about = Bundle::from(reading.report());
    let made_ms = about.made_ms;
    let printer = Printer::new(about, wanted.regime, wanted.zone)?;
    let mut attachments = Attachments::of(wanted.bundle)?;
    for document in documents {
        let lines = reading.lines(document)?;
        let pdf = printer.print(document, &lines, &mut attachments)?;
        files.write(&file_name(document), |out| Ok(out.write_all(&pdf)?))?;
    }
    files.write("inventarislijst.csv", |out| inventory(out, documents, wanted.regime, made_ms))?;
    if wanted.regime == Regime::Woo {
        files.write("productierapport.csv", |out| {
            production_report(out, documents, (wanted.matter, wanted.case), made_ms)
        })?;
    }
    files.copy(wanted.bundle, "bewijspakket")
}

/// Documents and lines a month: what coverage is judged by, without a name or a word.
fn counts(out: &mut dyn Write, documents: &[Document]) -> Result<(), DisclosureError> {
    let mut months: std::collections::BTreeMap<String, [usize; 4]> = std::collections::BTreeMap::new();
    for document in documents {
        let month = document.day.iso().chars().take(7).collect::<String>();
        let counted = months.entry(month).or_default();
        counted[0] += 1;
        counted[1] += document.open;
        counted[2] += document.in_part;
        counted[3] += document.withheld;
    }
    let mut list = csv::WriterBuilder::new().delimiter(b';').terminator(csv::Terminator::CRLF).from_writer(out);
    list.write_record(["Maand", "Documenten", "Zichtbaar", "Deels gelakt", "Geheel gelakt"])?;
    for (month, counted) in months {
        let month = if month.is_empty() { "onbekend".into() } else { month };
        let counted = counted.map(|count| count.to_string());
        list.write_record(std::iter::once(&month).chain(&counted))?;
    }
    Ok(list.flush()?)
}

fn about(reading: &Reading, documents: &[Document], wanted: &Wanted<'_>) -> String {
    let report = reading.report();
    let export = &report.export;
    let what = match wanted.content {
        Content::Documents => "documenten/ (PDF), inventarislijst.csv, bewijspakket/",
        Content::Sip => "sip/ (MDTO 1.0.1), pakbon.xml",
        Content::Rsmf => "rsmf/ (RSMF 2.0.0, een bestand per document), bewijspakket/",
        Content::Counts => "aantallen.csv: aantallen per maand, zonder namen en zonder inhoud",
    };
    format!(
        "Zaak: {}\nRegime: {}\nOntvanger: {}\nMinisterie: {}\nDocumenten: {}\nInhoud: {what}\n\n\
         Dit is een weergave. Wie erop steunt, controleert het bewijspakket zelf:\n\
         zegel-verifier verify bewijspakket --trust ministerie.txt\n\
         Naam van het bewijspakket: {}\nLog: {}, {} regels, wortel {}\n\n\
         Een document is een gesprek op een dag ({}). De PDF's bevatten niets van wat gelakt is.\n\
         Dat dit pakket is verstrekt, staat in het log van het ministerie, met de SHA-256 van SHA256SUMS.\n",
        wanted.case,
        wanted.regime.code(),
        export.recipient,
        report.log.ministry,
        documents.len(),
        export.parts_sha256,
        report.log.origin,
        report.log.checkpoint_size,
        report.log.checkpoint_root,
        wanted.zone.name(),
    )
}
