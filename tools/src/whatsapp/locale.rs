//! The words of the app in each language: data, in `locales/`, not code.
//!
//! All languages are read at once: a read-out does not say its language, and phrases of two do not contradict each other. A
//! language that is not here costs no record: its notices stay notices, its media stay text.

use super::LeftOut;
use super::notice::Meaning;
use serde::Deserialize;
use std::sync::OnceLock;

/// A file for each language; the order decides between templates that both fit.
const LOCALES: [(&str, &str); 4] = [
    ("nl", include_str!("locales/nl.toml")),
    ("en", include_str!("locales/en.toml")),
    ("de", include_str!("locales/de.toml")),
    ("fr", include_str!("locales/fr.toml")),
];

/// One language, as its file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Locale {
    title_before: Vec<String>,
    attached_after: Vec<String>,
    attached_before: Vec<String>,
    media_left_out: Vec<String>,
    deleted_by_exporter: Vec<String>,
    deleted: Vec<String>,
    deleted_by_admin: Vec<String>,
    edited: Vec<String>,
    waiting: Vec<String>,
    view_once: Vec<String>,
    missed_video: Vec<String>,
    missed_voice: Vec<String>,
    encryption: Vec<String>,
    exporter: Vec<String>,
    between_names: Vec<String>,
    #[serde(default)]
    rewrite: Vec<Rewrite>,
    left_out: LeftOutWords,
    #[serde(default)]
    notice: Vec<Notice>,
}

/// A verb of «you» as that of «he».
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rewrite {
    pub(super) from: String,
    pub(super) to: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeftOutWords {
    image: String,
    video: String,
    audio: String,
    sticker: String,
    gif: String,
    document: String,
    contact: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notice {
    says: String,
    means: String,
}

/// The words of all languages.
#[derive(Debug, Default)]
pub(super) struct Phrases {
    pub(super) title_before: Vec<String>,
    pub(super) attached_after: Vec<String>,
    pub(super) attached_before: Vec<String>,
    pub(super) media_left_out: Vec<String>,
    pub(super) left_out: Vec<(String, LeftOut)>,
    pub(super) deleted_by_exporter: Vec<String>,
    pub(super) deleted: Vec<String>,
    pub(super) deleted_by_admin: Vec<String>,
    pub(super) edited: Vec<String>,
    pub(super) waiting: Vec<String>,
    pub(super) view_once: Vec<String>,
    pub(super) missed_video: Vec<String>,
    pub(super) missed_voice: Vec<String>,
    pub(super) encryption: Vec<String>,
    pub(super) exporter: Vec<String>,
    pub(super) between_names: Vec<String>,
    pub(super) rewrites: Vec<Rewrite>,
    pub(super) notices: Vec<(String, Meaning)>,
}

/// The words of all languages, read once.
pub(super) fn phrases() -> &'static Phrases {
    static PHRASES: OnceLock<Phrases> = OnceLock::new();
    PHRASES.get_or_init(|| {
        let mut phrases = Phrases::default();
        // A test holds that every file can be read.
        LOCALES.iter().filter_map(|(_, text)| toml::from_str(text).ok()).for_each(|locale| phrases.take(locale));
        phrases
    })
}

impl Phrases {
    fn take(&mut self, locale: Locale) {
        self.title_before.extend(locale.title_before);
        self.attached_after.extend(locale.attached_after);
        self.attached_before.extend(locale.attached_before);
        self.media_left_out.extend(locale.media_left_out);
        self.deleted_by_exporter.extend(locale.deleted_by_exporter);
        self.deleted.extend(locale.deleted);
        self.deleted_by_admin.extend(locale.deleted_by_admin);
        self.edited.extend(locale.edited);
        self.waiting.extend(locale.waiting);
        self.view_once.extend(locale.view_once);
        self.missed_video.extend(locale.missed_video);
        self.missed_voice.extend(locale.missed_voice);
        self.encryption.extend(locale.encryption);
        self.exporter.extend(locale.exporter);
        self.between_names.extend(locale.between_names);
        self.rewrites.extend(locale.rewrite);
        let words = locale.left_out;
        self.left_out.extend([
            (words.image, LeftOut::Image),
            (words.video, LeftOut::Video),
            (words.audio, LeftOut::Audio),
            (words.sticker, LeftOut::Sticker),
            (words.gif, LeftOut::Gif),
            (words.document, LeftOut::Document),
            (words.contact, LeftOut::Contact),
        ]);
        let meanings = locale.notice.into_iter();
        self.notices.extend(meanings.filter_map(|notice| Some((notice.says, Meaning::parse(&notice.means)?))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_can_be_read_and_every_notice_means_something() {
        for (name, text) in LOCALES {
            let locale: Locale = toml::from_str(text).unwrap_or_else(|reason| panic!("{name}: {reason}"));
            for notice in &locale.notice {
                assert!(Meaning::parse(&notice.means).is_some(), "{name}: {notice:?}");
            }
        }
    }

    #[test]
    fn no_phrase_of_one_language_is_that_of_another() {
        let mut words: Vec<_> = phrases().notices.iter().map(|(says, _)| says).chain(&phrases().deleted).collect();
        let count = words.len();
        words.sort();
        words.dedup();
        assert_eq!(words.len(), count);
    }
}
