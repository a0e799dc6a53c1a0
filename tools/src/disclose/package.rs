//! The package that a recipient gets, made in a hidden folder and put in its place when all of it is there.

use super::inventory::{file_name, inventory, production_report};
use super::wording::Regime;
use super::{Bundle, DisclosureError, Printer};
use crate::disk;
use crate::reading::{Document, Reading, Zone};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use zegel_verifier::hash::{Hash, sha256};

/// What a recipient may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Documents, lists and the evidence bundle.
    Documents,
    /// Numbers only: how many documents and lines a month, no names and no words. For an inspector of coverage.
    Counts,
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
    let mut files = Files { folder: folder.path(), sums: Vec::new() };
    match wanted.content {
        Content::Documents => write_documents(&mut files, reading, &documents, wanted)?,
        Content::Counts => files.write("aantallen.csv", |out| counts(out, &documents))?,
    }
    let about = about(reading, &documents, wanted);
    files.write("lees-mij.txt", |out| Ok(out.write_all(about.as_bytes())?))?;
    let count = files.sums.len();
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
    fs::create_dir(files.folder.join("documenten"))?;
    let printer = Printer::new(Bundle::from(reading.report()), wanted.regime, wanted.zone)?;
    for document in documents {
        let lines = reading.lines(document)?;
        let pdf = printer.print(document, &lines)?;
        files.write(&file_name(document), |out| Ok(out.write_all(&pdf)?))?;
    }
    files.write("inventarislijst.csv", |out| inventory(out, documents, wanted.regime))?;
    if wanted.regime == Regime::Woo {
        files.write("productierapport.csv", |out| production_report(out, documents, wanted.matter, wanted.case))?;
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

/// Files of the package, with the list of their sums.
struct Files<'a> {
    folder: &'a Path,
    sums: Vec<(String, Hash)>,
}

impl Files<'_> {
    fn write(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), DisclosureError>,
    ) -> Result<(), DisclosureError> {
        let path = self.folder.join(name);
        let mut out = BufWriter::new(File::create_new(&path)?);
        write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        self.sum(name)
    }

    fn sum(&mut self, name: &str) -> Result<(), DisclosureError> {
        use sha2::Digest;
        let mut hasher = sha2::Sha256::new();
        let mut file = File::open(self.folder.join(name))?;
        let mut block = vec![0; 65_536];
        loop {
            match file.read(&mut block)? {
                0 => break,
                read => hasher.update(&block[..read]),
            }
        }
        self.sums.push((name.to_owned(), Hash(hasher.finalize().into())));
        Ok(())
    }

    /// Copies the bundle, which has been verified: a folder two levels deep, or one file.
    fn copy(&mut self, from: &Path, name: &str) -> Result<(), DisclosureError> {
        if from.is_dir() {
            fs::create_dir(self.folder.join(name))?;
            let mut items = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
            items.sort_by_key(fs::DirEntry::file_name);
            for item in items {
                self.copy(&item.path(), &format!("{name}/{}", item.file_name().to_string_lossy()))?;
            }
            return Ok(());
        }
        let is_bundle = name == "bewijspakket";
        let name = if is_bundle { "bewijspakket.zip" } else { name };
        fs::copy(from, self.folder.join(name))?;
        self.sum(name)
    }

    /// Writes the list of sums, in the form that `sha256sum --check` reads.
    fn finish(mut self) -> Result<Hash, DisclosureError> {
        self.sums.sort();
        let list: String = self.sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
        let path = self.folder.join("SHA256SUMS");
        disk::write_new(&path, list.as_bytes(), disk::Readers::Everyone)?;
        Ok(sha256(&[list.as_bytes()]))
    }
}
