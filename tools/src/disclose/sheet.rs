//! A document as paragraphs: its head, then line after line as a person reads a chat.

use super::font::{Fonts, Weight};
use super::layout::{Paragraph, Piece, Role};
use super::picture::{PICTURE_BYTES_MAX, Picture};
use super::wording::{self, Regime};
use super::{DisclosureError, pdf};
use crate::documents::{Attached, Attachments, Document, Line, Part, Zone};
use std::collections::BTreeSet;
use zegel_verifier::bundle::Report;

/// Characters of the title in a file's metadata: PDF/A has no strings of more than 32,767 bytes.
const TITLE_CHARS_MAX: usize = 200;
/// Pictures of one document; the others are named.
const PICTURES_MAX: usize = 300;

/// What every document of a bundle says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Its name: the hash over its evidence.
    pub parts_sha256: String,
    /// The case; may be empty.
    pub case: String,
    /// When it was signed, in milliseconds since 1970.
    pub made_ms: u64,
}

impl From<&Report> for Bundle {
    fn from(report: &Report) -> Self {
        let made = report.export.signed_at.parse::<jiff::Timestamp>().ok();
        let made_ms = made.and_then(|made| u64::try_from(made.as_millisecond()).ok()).unwrap_or(0);
        Self { parts_sha256: report.export.parts_sha256.clone(), case: report.export.case.clone(), made_ms }
    }
}

/// Prints the documents of one bundle.
pub struct Printer<'a> {
    fonts: Fonts,
    bundle: Bundle,
    regime: Regime,
    zone: &'a Zone,
}

impl<'a> Printer<'a> {
    /// A printer of documents of a bundle.
    ///
    /// # Errors
    /// [`DisclosureError::Font`].
    pub fn new(bundle: Bundle, regime: Regime, zone: &'a Zone) -> Result<Self, DisclosureError> {
        Ok(Self { fonts: Fonts::new()?, bundle, regime, zone })
    }

    /// A document as PDF, with the pictures that are in the bundle.
    ///
    /// # Errors
    /// [`DisclosureError::Pdf`].
    pub fn print(
        &self,
        document: &Document,
        lines: &[Line],
        files: &mut Attachments,
    ) -> Result<Vec<u8>, DisclosureError> {
        let mut album = Album { files, left: PICTURES_MAX };
        let mut paragraphs = self.head(document);
        paragraphs.extend(lines.iter().map(|line| self.line(line, &document.custodians, &mut album)));
        let hash = &self.bundle.parts_sha256;
        let foot = format!("Weergave van bewijspakket {hash}. Controleer het pakket zelf.");
        let title = self.fonts.visible(&format!("Document {}: {}", document.number, document.name()));
        let title: String = title.chars().take(TITLE_CHARS_MAX).collect();
        pdf::print(&pdf::About { title, made_ms: self.bundle.made_ms, foot }, &paragraphs, &self.fonts)
    }

    fn head(&self, document: &Document) -> Vec<Paragraph> {
        let of = |set: &std::collections::BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
        let case = Some(self.bundle.case.as_str()).filter(|case| !case.is_empty());
        let counts = format!(
            "{} regels: {} geheel zichtbaar, {} deels gelakt, {} geheel gelakt",
            document.open + document.in_part + document.withheld,
            document.open,
            document.in_part,
            document.withheld
        );
        let facts = [
            case.map(|case| format!("Zaak {case}")),
            Some(format!("Document {}", document.number)),
            Some(wording::assessment(self.regime, document.assessment()).to_owned()),
        ];
        let head = facts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
        let read = format!("{} · gelezen van: {}", of(&document.channels), of(&document.custodians));
        let times = format!(
            "Tijden in {}. Een zwart vlak zegt op welke grond er iets onder stond; zijn breedte zegt niets.",
            self.zone.name()
        );
        let several = (document.custodians.len() > 1).then(|| {
            "Gelezen van meer dan een toestel: een bericht dat op elk staat, staat hier eenmaal. Waar dat niet zo is, staat erbij van wie het komt.".to_owned()
        });
        let remarks = [Some(head), Some(read), several, Some(counts), Some(times)].into_iter().flatten();
        let remarks = remarks.map(|remark| Paragraph::words(Role::Remark, self.flat(&remark)));
        let title = Paragraph::words(Role::Title, self.flat(&document.name()));
        std::iter::once(title).chain(remarks).collect()
    }

    /// One row: what a stranger called a chat begins no new paragraph.
    fn flat(&self, text: &str) -> String {
        self.fonts.visible(text).replace('\n', " ")
    }

    fn line(&self, line: &Line, holders: &BTreeSet<String>, album: &mut Album<'_>) -> Paragraph {
        let words = |text: String| Piece::Words(text, Weight::Regular);
        let mark = if line.is_ambiguous { "?" } else { "" };
        let clock = self.zone.clock(line.at_ms, line.exact());
        let mut pieces = vec![words(format!("{}{mark}  ", if clock.is_empty() { "--:--".into() } else { clock }))];
        if let Some(grounds) = &line.withheld {
            pieces.push(Piece::Bar(wording::bar(grounds)));
            pieces.extend(self.held(line, holders));
            return Paragraph { role: Role::Text, pieces, said: 0..0 };
        }
        pieces.extend(line.sender.iter().map(|part| self.part(part, Weight::Bold)));
        if !line.sender.is_empty() {
            pieces.push(words("  ".into()));
        }
        pieces.extend(self.what(line).map(words));
        let begin = pieces.len();
        pieces.extend(line.text.iter().map(|part| self.part(part, Weight::Regular)));
        let said = begin..pieces.len();
        if let Some(Piece::Words(last, _)) = pieces.last_mut() {
            // The line end with which a record ends begins no row.
            last.truncate(last.trim_end_matches('\n').len());
        }
        pieces.extend(self.held(line, holders));
        pieces.extend(line.attachments.iter().flat_map(|file| self.attached(file, album)));
        Paragraph { role: Role::Text, pieces, said }
    }

    /// What happened, where it is more than a message.
    fn what(&self, line: &Line) -> Option<String> {
        let kind = wording::kind(line.kind()).or(line.is_edited.then_some("bewerkt"))?;
        Some(if line.what.is_empty() { format!("[{kind}] ") } else { format!("[{kind}: {}] ", self.flat(&line.what)) })
    }

    /// From whose phone it is, where not every phone of the document has it; and who has it in other words.
    fn held(&self, line: &Line, holders: &BTreeSet<String>) -> Option<Piece> {
        let own = line.custodian.as_ref()?;
        let others: Vec<&str> = line.differs.iter().map(String::as_str).collect();
        let said = if !others.is_empty() {
            format!("van {own}; bij {} staat het anders", others.join(", "))
        } else if line.also.len() + 1 < holders.len() {
            let all: Vec<&str> = std::iter::once(own).chain(&line.also).map(String::as_str).collect();
            format!("alleen van {}", all.join(", "))
        } else {
            return None;
        };
        Some(Piece::Words(format!("  ({})", self.flat(&said)), Weight::Regular))
    }

    fn part(&self, part: &Part, weight: Weight) -> Piece {
        match part {
            Part::Open(text) if weight == Weight::Bold => Piece::Words(self.flat(text), weight),
            Part::Open(text) => Piece::Words(self.fonts.visible(text), weight),
            Part::Covered(grounds) => Piece::Bar(wording::bar(grounds)),
        }
    }

    /// A file: its picture if it is one, and its name.
    fn attached(&self, file: &Attached, album: &mut Album<'_>) -> Vec<Piece> {
        let (name, sha256, size) = match file {
            Attached::Covered(grounds) => return vec![Piece::Bar(format!("bijlage: {}", wording::bar(grounds)))],
            Attached::Open { name, sha256, size, .. } => (self.flat(name), sha256, *size),
        };
        let named = |what: &str| Piece::Words(format!(" [bijlage: {name}; {what}] "), Weight::Regular);
        let Some(sha256) = sha256 else { return vec![named("niet in het pakket")] };
        match album.picture(sha256, &name) {
            Some(picture) => vec![Piece::Words(format!(" [{name}]"), Weight::Regular), Piece::Picture(picture)],
            None => vec![named(&bytes(size))],
        }
    }
}

/// A size as people tell it.
fn bytes(size: u64) -> String {
    match size {
        0..1_000 => format!("{size} bytes"),
        1_000..1_000_000 => format!("{} kB", size.div_ceil(1_000)),
        _ => format!("{},{} MB", size / 1_000_000, size % 1_000_000 / 100_000),
    }
}

/// The pictures of one document.
struct Album<'a> {
    files: &'a mut Attachments,
    left: usize,
}

impl Album<'_> {
    fn picture(&mut self, sha256: &str, name: &str) -> Option<Picture> {
        self.left = self.left.checked_sub(1)?;
        let bytes = self.files.read(sha256, PICTURE_BYTES_MAX)?;
        Picture::of(&bytes, format!("afbeelding: {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::Day;
    use zegel_proto::v1::{EventKind, Precision};
    use zegel_verifier::hash::Hash;

    fn line(sender: &str, text: Vec<Part>) -> Line {
        Line {
            kind: EventKind::MessageCreated as i32,
            at_ms: 1_651_572_660_000,
            precision: Precision::Minute as i32,
            sender: vec![Part::Open(sender.into())],
            text,
            ..Line::default()
        }
    }

    fn printed(title: &str, lines: &[Line]) -> Vec<u8> {
        let zone = Zone::named("Europe/Amsterdam").expect("a zone");
        let bundle = Bundle { parts_sha256: "ab".repeat(32), case: "Woo 17".into(), made_ms: 1_700_000_000_000 };
        let printer = Printer::new(bundle, Regime::Woo, &zone).expect("a printer");
        let document = Document::of_lines(title, Day::Unknown, Hash::ZERO, lines);
        printer.print(&document, lines, &mut Attachments::none()).expect("printed")
    }

    #[test]
    fn the_same_document_gives_the_same_bytes() {
        let lines = [line("Anna", vec![Part::Open("één".into()), Part::Covered(vec!["5.1.2e".into()])])];
        let pdf = printed("Dossier", &lines);
        assert!(pdf.starts_with(b"%PDF-"));
        assert_eq!(pdf, printed("Dossier", &lines));
    }

    #[test]
    fn whatever_a_stranger_writes_a_document_comes_of_it() {
        let zalgo = "a\u{301}".repeat(5_000);
        let long = "regel\n".repeat(1_000);
        let wide = "w".repeat(100_000);
        for text in [
            "",
            "\u{202e}fdp.exe",
            "\u{0}\u{7}",
            "👩\u{200d}👩\u{200d}👧",
            "\u{fffd}",
            "\u{10ffff}",
            &zalgo,
            &long,
            &wide,
            "(\\) endstream endobj %%EOF",
        ] {
            let pdf = printed(text, &[line(text, vec![Part::Open(text.into())])]);
            assert!(pdf.ends_with(b"%%EOF"), "{:?}", text.chars().take(20).collect::<String>());
        }
    }
}
