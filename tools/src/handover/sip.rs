//! A SIP as the MDTO-SIP-specificatie has it: folders are aggregations, every object and file has its sidecar, and a pakbon
//! says what should have arrived.
//!
//! A conversation is a dossier, one of its days a record, with the PDF that people read and the lines as JSON. The evidence
//! bundle is a record of its own, to which the others refer as additional metadata. Names: `[A-Za-z0-9_-]` and an ending.

use super::sidecar::{InformationObject, Origin, Reference};
use super::xml::Xml;
use crate::disclose::files::{Files, zip_bundle};
use crate::disclose::{Bundle, DisclosureError, Printer, Wanted};
use crate::documents::{Attachments, Day, Document, Reading};
use std::collections::BTreeSet;
use std::io::Write;
use zegel_verifier::hash::Hash;

const PDF: (&str, &str) = ("Acrobat PDF/A - Portable Document Format 2a", "fmt/476");
const JSON: (&str, &str) = ("JSON Data Interchange Format", "fmt/817");
const ZIP: (&str, &str) = ("ZIP Format", "x-fmt/263");

/// What is counted for the pakbon.
#[derive(Default)]
struct Shipped {
    objects: usize,
    files: usize,
    bytes: u64,
    /// Names with sums of all that is no sidecar, for the digest of the whole.
    sums: Vec<(String, Hash)>,
}

struct Sip<'a, 'b> {
    files: &'a mut Files<'b>,
    origin: Origin,
    /// When the bundle was signed, as xsd:dateTime: what is written here depends on no clock.
    at: String,
    shipped: Shipped,
    attachments: Attachments,
}

/// Writes the SIP and its pakbon.
pub(crate) fn write(
    files: &mut Files<'_>,
    reading: &mut Reading,
    documents: &[Document],
    wanted: &Wanted<'_>,
) -> Result<(), DisclosureError> {
    let report = reading.report().clone();
    let origin = Origin { log: report.log.origin.clone(), ministry: report.log.ministry.clone() };
    let (at, attachments) = (report.export.signed_at.clone(), Attachments::of(wanted.bundle)?);
    let mut sip = Sip { files, origin, at, shipped: Shipped::default(), attachments };
    let evidence = sip.evidence(wanted, &report.export.parts_sha256)?;
    let printer = Printer::new(Bundle::from(&report), wanted.regime, wanted.zone)?;
    for (number, of_one) in documents.chunk_by(|one, next| one.conversation == next.conversation).enumerate() {
        sip.dossier(number + 1, of_one, (reading, &printer), &evidence)?;
    }
    sip.packing_slip(wanted)
}

impl Sip<'_, '_> {
    fn sidecar(&mut self, path: &str, text: &str) -> Result<(), DisclosureError> {
        self.files.write(path, |out| Ok(out.write_all(text.as_bytes())?))
    }

    /// Describes a file that has been written, and counts it.
    fn described(
        &mut self,
        path: &str,
        name: &str,
        format: (&str, &str),
        of: &Reference,
    ) -> Result<Reference, DisclosureError> {
        let facts = self.files.facts(path)?;
        let own = Reference { name: name.into(), id: format!("{}/{name}", of.id) };
        let text = self.origin.file(&own, format, facts, &self.at, of);
        self.shipped.files += 1;
        self.shipped.bytes += facts.0;
        self.shipped.sums.push((path.to_owned(), facts.1));
        self.sidecar(&format!("{path}.bestand.mdto.xml"), &text)?;
        Ok(own)
    }

    fn object(&mut self, folder: &str, name: &str, object: &InformationObject<'_>) -> Result<(), DisclosureError> {
        self.shipped.objects += 1;
        let text = self.origin.information_object(object);
        self.sidecar(&format!("{folder}/{name}.mdto.xml"), &text)
    }

    /// The evidence bundle, as one file.
    fn evidence(&mut self, wanted: &Wanted<'_>, parts_sha256: &str) -> Result<Reference, DisclosureError> {
        let own = Reference { name: "Bewijspakket".into(), id: parts_sha256.into() };
        self.files.folder("sip/Bewijspakket")?;
        let path = "sip/Bewijspakket/Bewijspakket.zip";
        self.files.write(path, |out| zip_bundle(wanted.bundle, out))?;
        let file = self.described(path, "Bewijspakket.zip", ZIP, &own)?;
        let object = InformationObject {
            own: own.clone(),
            level: "Archiefstuk",
            description:
                "Bewijspakket van Zegel (BagIt, zegel-evidence/v1): wie op de weergaven steunt, controleert dit pakket"
                    .into(),
            period: None,
            exported: self.at.clone(),
            part_of: None,
            parts: &[],
            files: &[file],
            evidence: None,
            custodians: Vec::new(),
            grounds: Vec::new(),
        };
        self.object("sip/Bewijspakket", "Bewijspakket", &object)?;
        Ok(own)
    }

    fn dossier(
        &mut self,
        number: usize,
        documents: &[Document],
        (reading, printer): (&mut Reading, &Printer<'_>),
        evidence: &Reference,
    ) -> Result<(), DisclosureError> {
        let name = format!("Dossier-{number:05}");
        let folder = format!("sip/{name}");
        self.files.folder(&folder)?;
        let first = &documents[0];
        let own = Reference { name: first.title.clone(), id: first.conversation.to_string() };
        let mut parts = Vec::new();
        for document in documents {
            parts.push(self.record(&folder, document, (reading, printer), (&own, evidence))?);
        }
        let custodians: BTreeSet<String> = documents.iter().flat_map(|document| document.custodians.clone()).collect();
        let days: Vec<String> = documents.iter().filter_map(|document| dated(document.day)).collect();
        let object = InformationObject {
            own,
            level: "Dossier",
            description: format!("Chatgesprek; {} documenten, een per dag", documents.len()),
            period: days.iter().min().cloned().zip(days.iter().max().cloned()),
            exported: self.at.clone(),
            part_of: None,
            parts: &parts,
            files: &[],
            evidence: Some(evidence),
            custodians: custodians.into_iter().collect(),
            grounds: documents
                .iter()
                .flat_map(|document| document.grounds.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
        };
        self.object(&folder, &name, &object)
    }

    fn record(
        &mut self,
        dossier: &str,
        document: &Document,
        (reading, printer): (&mut Reading, &Printer<'_>),
        (whole, evidence): (&Reference, &Reference),
    ) -> Result<Reference, DisclosureError> {
        let name = format!("Archiefstuk-{:05}", document.number);
        let folder = format!("{dossier}/{name}");
        self.files.folder(&folder)?;
        let own = Reference { name: document.name(), id: format!("{}/{}", whole.id, document.number) };
        let lines = reading.lines(document)?;
        let pdf = printer.print(document, &lines, &mut self.attachments)?;
        let mut files = Vec::new();
        for (ending, format) in [("pdf", PDF), ("json", JSON)] {
            let file = format!("Document-{:05}.{ending}", document.number);
            let path = format!("{folder}/{file}");
            match ending {
                "pdf" => self.files.write(&path, |out| Ok(out.write_all(&pdf)?))?,
                _ => self.files.write(&path, |out| {
                    serde_json::to_writer(out, &serde_json::json!({ "document": document, "lines": &lines }))
                        .map_err(|reason| DisclosureError::Io(reason.into()))
                })?,
            }
            files.push(self.described(&path, &file, format, &own)?);
        }
        let object = InformationObject {
            own: own.clone(),
            level: "Archiefstuk",
            description: format!(
                "{} regels: {} zichtbaar, {} deels gelakt, {} geheel gelakt",
                lines.len(),
                document.open,
                document.in_part,
                document.withheld
            ),
            period: dated(document.day).map(|day| (day.clone(), day)),
            exported: self.at.clone(),
            part_of: Some(whole),
            parts: &[],
            files: &files,
            evidence: Some(evidence),
            custodians: document.custodians.iter().cloned().collect(),
            grounds: document.grounds.iter().cloned().collect(),
        };
        self.object(&folder, &name, &object)?;
        Ok(own)
    }

    /// What should have arrived.
    fn packing_slip(&mut self, wanted: &Wanted<'_>) -> Result<(), DisclosureError> {
        self.shipped.sums.sort();
        let list: String = self.shipped.sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
        let whole = zegel_verifier::hash::sha256(&[list.as_bytes()]).to_string();
        let (shipped, ministry) = (&self.shipped, &self.origin.ministry);
        let mut xml = Xml::new("pakbon", "");
        xml.leaf("identificatie", &whole[..32]);
        xml.leaf("titel", &format!("Chatgesprekken, zaak {}", wanted.case));
        xml.leaf("doellocatie", wanted.matter);
        xml.leaf("hashAlgoritme", "SHA-256 over de regels van pakbon.sha256");
        xml.leaf("hash", &whole);
        xml.leaf("aanmaakdatum", &self.at);
        xml.leaf("archiefvormer", ministry);
        xml.leaf("contact", ministry);
        xml.leaf("aantalInformatieobjecten", &shipped.objects.to_string());
        xml.leaf("aantalBestanden", &shipped.files.to_string());
        xml.leaf("aantalBestandenZonderMdto", &shipped.files.to_string());
        xml.leaf("omvangInBytes", &shipped.bytes.to_string());
        xml.leaf(
            "bijzonderheden",
            "Elk document is een weergave; het bewijspakket gaat mee en is zelfstandig te controleren",
        );
        let text = xml.finish();
        self.sidecar("pakbon.sha256", &list)?;
        self.sidecar("pakbon.xml", &text)
    }
}

/// A day as xsd:date or xsd:gYearMonth; none if it is not known.
fn dated(day: Day) -> Option<String> {
    Some(day.iso()).filter(|day| !day.is_empty())
}
