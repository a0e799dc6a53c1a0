//! A set of screenshots as a session reads it: in the order of what they show, as far as anybody says.

use super::sheet::{Row as SheetRow, Sheet};
use super::{IMAGE_BYTES_MAX, IMAGES_MAX, SHEET_BYTES_MAX, ScreenshotError, image};
use crate::event::{Field, Occurred};
use crate::import::alignment::{Alignment, Fingerprint, FingerprintKey, Known, Row, by_identity};
use crate::import::parcel::Entry;
use crate::import::reader::{CaptureIds, FileFacts, MediaStore, Reader, Tally};
use crate::import::{Depth, ImportError, Parcel};
use crate::record::{Attached, Record};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::path::PathBuf;
use zegel_proto::limits::SLOT_BYTES_MAX;
use zegel_proto::v1::{Channel, ChatDetail, Clock, EventKind, Precision, ProofClass};
use zegel_verifier::hash::{Hash, sha256};

/// What a sheet beside the images is called.
const SHEETS: [&str; 2] = ["screenshots.csv", "screenshots.toml"];

/// What is taken in, and what is said of all of it.
#[derive(Clone, Debug)]
pub struct ScreenshotsOrder {
    /// Images, folders of images, or ZIPs of them.
    pub paths: Vec<PathBuf>,
    /// What is said of each; beside the images it is found by its name, `screenshots.csv` or `.toml`.
    pub sheet: Option<PathBuf>,
    /// Who made those of which the sheet does not say it.
    pub made_by: Option<String>,
    /// When, the same.
    pub made_at: Option<String>,
    /// Zone of times without one.
    pub time_zone: TimeZone,
    /// Its name in the tz database.
    pub zone_name: String,
    /// Of which chat service they are.
    pub channel: Channel,
}

/// One image.
struct Shot {
    parcel: usize,
    entry: usize,
    name: String,
    media_type: &'static str,
    sha256: Hash,
    said: SheetRow,
    occurred: Occurred,
    /// The time is that of the image: what it shows is older.
    is_made: bool,
}

/// A set of screenshots.
pub struct Screenshots {
    parcels: Vec<Parcel>,
    shots: Vec<Shot>,
    channel: Channel,
    file: FileFacts,
    list: String,
}

impl Screenshots {
    /// Reads the sheet and every image.
    ///
    /// # Errors
    /// [`ScreenshotError`].
    pub fn read(order: &ScreenshotsOrder) -> Result<Self, ScreenshotError> {
        let mut found = Found::default();
        for path in &order.paths {
            found.parcels.push(Parcel::open(path, Depth::Nested)?);
        }
        if let Some(path) = &order.sheet {
            found.take_sheet(&mut Parcel::open(path, Depth::Flat)?, 0)?;
        }
        found.take_sheets_beside()?;
        let mut shots = found.shots(order)?;
        shots.sort_by(|one, other| one.sort_key().cmp(&other.sort_key()));
        let list: String = shots.iter().map(|shot| format!("{}  {}\n", shot.sha256, shot.name)).collect();
        let named = |file: SheetFile| (file.name, sha256(&[&file.bytes]), file.bytes.len() as u64);
        let (name, sha256, bytes) = found.sheet_file.map_or_else(
            || (format!("{} screenshots", shots.len()), sha256(&[list.as_bytes()]), list.len() as u64),
            named,
        );
        let file = FileFacts {
            name,
            title: None,
            sha256,
            bytes,
            time_zone: order.zone_name.clone(),
            date_order: "ymd".into(),
        };
        Ok(Self { parcels: found.parcels, shots, channel: order.channel, file, list })
    }
}

#[derive(Default)]
struct Found {
    parcels: Vec<Parcel>,
    sheet: Sheet,
    sheet_file: Option<SheetFile>,
}

/// The sheet that was read.
struct SheetFile {
    name: String,
    /// Name and parcel.
    shown: String,
    bytes: Vec<u8>,
}

impl Found {
    /// Takes a sheet. A second one that says something else is refused: its statements would be lost.
    fn take_sheet(&mut self, parcel: &mut Parcel, entry: usize) -> Result<(), ScreenshotError> {
        let held = &parcel.entries()[entry];
        let (name, shown) = (held.base().to_owned(), format!("{} of {}", held.name, parcel.path().display()));
        let bytes = parcel.bytes(entry, SHEET_BYTES_MAX)?;
        match &self.sheet_file {
            Some(other) if other.bytes == bytes => {}
            Some(other) => return Err(ScreenshotError::ManySheets { name: shown, other: other.shown.clone() }),
            None => {
                self.sheet = Sheet::parse(&name, &bytes)?;
                self.sheet_file = Some(SheetFile { name, shown, bytes });
            }
        }
        Ok(())
    }

    fn take_sheets_beside(&mut self) -> Result<(), ScreenshotError> {
        let mut parcels = std::mem::take(&mut self.parcels);
        for parcel in &mut parcels {
            for entry in 0..parcel.entries().len() {
                if self.is_sheet(&parcel.entries()[entry]) {
                    self.take_sheet(parcel, entry)?;
                }
            }
        }
        self.parcels = parcels;
        Ok(())
    }

    fn is_sheet(&self, entry: &Entry) -> bool {
        let is_named = self.sheet_file.as_ref().is_some_and(|file| file.name == entry.base());
        !entry.is_debris() && (is_named || SHEETS.contains(&entry.base()))
    }

    /// What the sheet says, by the name of the file.
    fn said(&mut self) -> Result<HashMap<String, Said>, ScreenshotError> {
        let mut said = HashMap::new();
        for row in std::mem::take(&mut self.sheet.rows) {
            let name = row.file.clone();
            if said.insert(name.clone(), Said(Some(row))).is_some() {
                return Err(ScreenshotError::RowTwice { name });
            }
        }
        Ok(said)
    }

    fn shots(&mut self, order: &ScreenshotsOrder) -> Result<Vec<Shot>, ScreenshotError> {
        let mut parcels = std::mem::take(&mut self.parcels);
        let mut said = self.said()?;
        let (mut shots, mut by_hash): (Vec<Shot>, HashMap<Hash, String>) = (Vec::new(), HashMap::new());
        for (number, parcel) in parcels.iter_mut().enumerate() {
            for entry in 0..parcel.entries().len() {
                let held = &parcel.entries()[entry];
                let name = held.base().to_owned();
                if held.is_debris() || self.is_sheet(held) {
                    continue;
                }
                let bytes = parcel.bytes(entry, IMAGE_BYTES_MAX)?;
                let media_type =
                    image::media_type(&bytes).ok_or_else(|| ScreenshotError::NotAnImage { name: name.clone() })?;
                let sha256 = sha256(&[&bytes]);
                if let Some(other) = by_hash.insert(sha256, name.clone()) {
                    return Err(ScreenshotError::Twice { name, other });
                }
                let row = said.get_mut(&name).map_or(Ok(SheetRow::default()), |said| said.of_image(&name))?;
                let row = order.filled(row);
                let (occurred, is_made) = order.occurred(&name, &row)?;
                shots.push(Shot { parcel: number, entry, name, media_type, sha256, said: row, occurred, is_made });
            }
        }
        self.parcels = parcels;
        if let Some(name) = said.into_iter().filter(|(_, said)| said.0.is_some()).map(|(name, _)| name).min() {
            return Err(ScreenshotError::NotThere { name });
        }
        match shots.len() {
            0 => Err(ScreenshotError::NoImages),
            1..=IMAGES_MAX => Ok(shots),
            found => Err(ScreenshotError::TooMany { found, max: IMAGES_MAX }),
        }
    }
}

/// What is said of the files of one name, until one is there.
struct Said(Option<SheetRow>);

impl Said {
    /// For the first image of that name; of a second nobody knows which is meant.
    fn of_image(&mut self, name: &str) -> Result<SheetRow, ScreenshotError> {
        self.0.take().ok_or_else(|| ScreenshotError::Ambiguous { name: name.into() })
    }
}

impl ScreenshotsOrder {
    fn filled(&self, mut row: SheetRow) -> SheetRow {
        if row.made_by.is_empty() {
            row.made_by = self.made_by.clone().unwrap_or_default();
        }
        if row.made_at.is_empty() {
            row.made_at = self.made_at.clone().unwrap_or_default();
        }
        row
    }

    /// When what is shown was said, or else when it was shown; and which of the two.
    fn occurred(&self, name: &str, row: &SheetRow) -> Result<(Occurred, bool), ScreenshotError> {
        if row.made_by.is_empty() || row.made_at.is_empty() {
            return Err(ScreenshotError::Unstated { name: name.into() });
        }
        let found = row.transcription.len();
        if found > SLOT_BYTES_MAX {
            return Err(ScreenshotError::TextTooLong { name: name.into(), found, max: SLOT_BYTES_MAX });
        }
        if found > 0 && row.transcribed_by.is_empty() {
            return Err(ScreenshotError::Transcriber { name: name.into() });
        }
        let read = |text: &str| {
            let time = when(text, &self.time_zone);
            time.ok_or_else(|| ScreenshotError::Time { name: name.into(), found: text.into() })
        };
        let made = read(&row.made_at)?;
        if !row.shown_to.is_empty() {
            read(&row.shown_to)?;
        }
        if row.shown_from.is_empty() { Ok((made, true)) } else { Ok((read(&row.shown_from)?, false)) }
    }
}

/// A time as a person writes it, as exact as it is written.
fn when(text: &str, zone: &TimeZone) -> Option<Occurred> {
    let text = text.trim();
    let of = |at_ms: i64, precision: Precision, is_ambiguous: bool| {
        let at_ms = u64::try_from(at_ms).ok().filter(|at_ms| *at_ms > 0)?;
        Some(Occurred { at_ms, precision, clock: Clock::Person, is_ambiguous })
    };
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return of(time.as_millisecond(), Precision::Second, false);
    }
    let (local, precision) = if text.len() == 7 {
        (format!("{text}-01").parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight()), Precision::Month)
    } else if let Ok(date) =
        text.parse::<Date>().map_err(drop).and_then(|date| if text.len() == 10 { Ok(date) } else { Err(()) })
    {
        (date.to_datetime(jiff::civil::Time::midnight()), Precision::Day)
    } else {
        let precision = if text.matches(':').count() == 2 { Precision::Second } else { Precision::Minute };
        (text.parse::<DateTime>().ok()?, precision)
    };
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let is_ambiguous = ambiguous.is_ambiguous();
    of(ambiguous.compatible().ok()?.as_millisecond(), precision, is_ambiguous)
}

impl Shot {
    fn sort_key(&self) -> (u64, &str) {
        (self.occurred.at_ms, &self.name)
    }

    /// 16 bytes that change when what is said of it does.
    fn digest(&self) -> [u8; 16] {
        let said = &self.said;
        let parts =
            [&said.made_by, &said.made_at, &said.shown_from, &said.shown_to, &said.transcription, &said.transcribed_by];
        let full = sha256(&[&parts.map(String::as_str).join("\0").into_bytes()]).0;
        std::array::from_fn(|at| full[at])
    }

    fn detail(&self) -> ChatDetail {
        let said = &self.said;
        let mut targets = vec![format!("made: {}", said.made_at)];
        let mut add = |what: &str, value: &str| {
            if !value.is_empty() {
                targets.push(format!("{what}: {value}"));
            }
        };
        add("shown from", &said.shown_from);
        add("shown to", &said.shown_to);
        add("transcription by", &said.transcribed_by);
        let what = if self.is_made { "time_of_image" } else { "time_shown" };
        ChatDetail { what: what.into(), subject: said.made_by.clone(), targets, ..ChatDetail::default() }
    }
}

impl Reader for Screenshots {
    fn channel(&self) -> Channel {
        self.channel
    }

    fn proof_class(&self) -> ProofClass {
        ProofClass::DScreenshot
    }

    fn file(&self) -> &FileFacts {
        &self.file
    }

    fn records(&self) -> usize {
        self.shots.len()
    }

    fn at_ms(&self, index: usize) -> u64 {
        self.shots[index].occurred.at_ms
    }

    /// By the image itself. Nothing vanishes: a set of screenshots does not say that it is all there is.
    fn align(&self, known: &[Known], key: &FingerprintKey) -> Alignment {
        let print = |shot: &Shot| Fingerprint {
            place: key.mac(b"zegel/screenshot/place", &[&shot.sha256.0]),
            text: key.mac(b"zegel/screenshot/text", &[&shot.digest()]),
            time: key.mac(b"zegel/screenshot/time", &[&shot.occurred.at_ms.to_be_bytes()]),
        };
        let prints = self.shots.iter().map(print).collect();
        let alignment = by_identity(known, prints, |_, seq| Row::Edited(seq));
        let out_of_range = alignment.out_of_range + alignment.vanished.len() as u64;
        Alignment { vanished: Vec::new(), out_of_range, ..alignment }
    }

    fn record(&mut self, ids: CaptureIds, index: usize, row: Row, media: &MediaStore) -> Result<Record, ImportError> {
        let shot = &self.shots[index];
        let put = |reader: &mut dyn std::io::Read| Ok::<_, ImportError>(media.put(reader)?);
        let blob = self.parcels[shot.parcel].read(shot.entry, IMAGE_BYTES_MAX, put)?;
        let earlier = match row {
            Row::Edited(seq) | Row::Deleted(seq) => Some(format!("seq:{seq}")),
            Row::New | Row::Known(_) => None,
        };
        let attached = Attached::Present { name: shot.name.clone(), media_type: shot.media_type.into(), blob };
        let transcription = Some(shot.said.transcription.clone()).filter(|text| !text.is_empty());
        Ok(Record {
            occurred: shot.occurred,
            channel: self.channel,
            proof_class: ProofClass::DScreenshot,
            target: Field::or_none(earlier),
            detail: Field::Value(shot.detail()),
            attachments: Field::Value(vec![attached]),
            text: Field::or_unknown(transcription.map(String::into_bytes)),
            ..Record::new(EventKind::ScreenshotAdded, ids.conversation, ids.custodian)
        })
    }

    fn note(&self) -> Option<String> {
        Some(self.list.clone())
    }

    fn tally(&self) -> Tally {
        let made = self.shots.iter().filter(|shot| shot.is_made).count();
        let ambiguous = self.shots.iter().filter(|shot| shot.occurred.is_ambiguous).count();
        let remark = format!("{made} screenshots stand at the time of the image: what they show is older");
        Tally {
            times_ambiguous: ambiguous as u64,
            remarks: if made > 0 { vec![remark] } else { Vec::new() },
            ..Tally::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_as_exact_as_it_is_written() {
        let zone = TimeZone::get("Europe/Amsterdam").expect("bundled");
        let read =
            |text: &str| when(text, &zone).map(|occurred| (occurred.at_ms, occurred.precision, occurred.is_ambiguous));
        assert_eq!(read("2026-05-04T09:15:00+02:00"), Some((1_777_878_900_000, Precision::Second, false)));
        assert_eq!(read("2026-05-04 09:15"), Some((1_777_878_900_000, Precision::Minute, false)));
        assert_eq!(read("2026-05-04"), Some((1_777_845_600_000, Precision::Day, false)));
        assert_eq!(read("2026-05"), Some((1_777_586_400_000, Precision::Month, false)));
        assert_eq!(read("2026-10-25 02:30").map(|(_, _, is_ambiguous)| is_ambiguous), Some(true));
        for refused in ["", "gisteren", "04-05-2026", "2026-13", "2026-05-04 25:00", "1960-01-01"] {
            assert_eq!(read(refused), None, "{refused}");
        }
    }
}
