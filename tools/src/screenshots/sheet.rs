//! The sheet beside a folder of screenshots: CSV, as a spreadsheet writes it, or TOML.
//!
//! A column or key that is not known refuses the sheet: a misspelt one would be a statement that is lost.

use super::ScreenshotError;
use serde::Deserialize;

/// What is said of one image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Row {
    /// Name of the file.
    pub file: String,
    /// Who made the screenshot.
    pub made_by: String,
    /// When.
    pub made_at: String,
    /// The time of the first message that is shown, as read off by a person.
    pub shown_from: String,
    /// The time of the last one.
    pub shown_to: String,
    /// What it says, typed over.
    pub transcription: String,
    /// By whom.
    pub transcribed_by: String,
}

/// What is said of all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sheet {
    /// One each.
    #[serde(rename = "screenshot")]
    pub rows: Vec<Row>,
}

impl Sheet {
    /// Reads a sheet, by the ending of its name.
    ///
    /// # Errors
    /// [`ScreenshotError::Sheet`].
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, ScreenshotError> {
        let wrong = |reason: String| ScreenshotError::Sheet { name: name.into(), reason };
        let text = std::str::from_utf8(bytes).map_err(|error| wrong(error.to_string()))?;
        let text = text.trim_start_matches('\u{feff}');
        if name.to_ascii_lowercase().ends_with(".toml") {
            return toml::from_str(text).map_err(|error| wrong(error.message().to_owned()));
        }
        // A Dutch spreadsheet puts semicolons where others put commas.
        let header = text.lines().next().unwrap_or_default();
        let delimiter = if header.contains(';') { b';' } else { b',' };
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::Headers).from_reader(text.as_bytes());
        let rows = reader.deserialize().collect::<Result<_, _>>();
        Ok(Self { rows: rows.map_err(|error| wrong(error.to_string()))? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_and_toml_say_the_same() {
        let csv =
            "\u{feff}file;made_by;made_at;transcription;transcribed_by\r\na.png;Anna;2026-05-04;\"Ja;\nhoor\";Bram\r\n";
        let toml = "[[screenshot]]\nfile = \"a.png\"\nmade_by = \"Anna\"\nmade_at = \"2026-05-04\"\n\
                    transcription = \"Ja;\\nhoor\"\ntranscribed_by = \"Bram\"\n";
        let from_csv = Sheet::parse("vel.csv", csv.as_bytes()).expect("a sheet");
        assert_eq!(from_csv, Sheet::parse("vel.toml", toml.as_bytes()).expect("a sheet"));
        assert_eq!(from_csv.rows[0].transcription, "Ja;\nhoor");
    }

    #[test]
    fn a_misspelt_column_refuses_the_sheet() {
        for (name, text) in
            [("vel.csv", "file,made_bij\na.png,Anna\n"), ("vel.toml", "[[screenshot]]\nfil = \"a.png\"\n")]
        {
            let refused = Sheet::parse(name, text.as_bytes());
            assert!(matches!(refused, Err(ScreenshotError::Sheet { name: found, .. }) if found == name));
        }
    }
}
