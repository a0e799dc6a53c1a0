//! A search through what was opened, in this process alone. No index outlives it. Pure: logging it comes first (`reading`).

use crate::reading::Message;

/// What is looked for; empty fields do not narrow it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Words that all stand in the text, whatever their case.
    pub words: Vec<String>,
    /// A part of the sender's name or number.
    pub sender: String,
    /// A channel: whatsapp, signal, …
    pub channel: String,
    /// First moment, in milliseconds since 1970.
    pub from_ms: Option<u64>,
    /// The moment before which it was said.
    pub before_ms: Option<u64>,
}

impl Query {
    /// Whether a message is meant. What has no known time is found unless a period is asked for.
    #[must_use]
    pub fn finds(&self, message: &Message) -> bool {
        let (text, sender) = (message.text().to_lowercase(), message.sender.to_lowercase());
        let has_period = self.from_ms.is_some() || self.before_ms.is_some();
        self.words.iter().all(|word| text.contains(&word.to_lowercase()))
            && sender.contains(&self.sender.to_lowercase())
            && (self.channel.is_empty() || self.channel == message.channel)
            && !(has_period && message.at_ms == 0)
            && self.from_ms.is_none_or(|from| message.at_ms >= from)
            && self.before_ms.is_none_or(|before| message.at_ms < before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Spot;

    fn message(sender: &str, text: &str, at_ms: u64) -> Message {
        Message {
            spot: Spot::default(),
            place: "0:0".into(),
            kind: "MESSAGE_CREATED",
            conversation: String::new(),
            custodian: String::new(),
            channel: "whatsapp",
            at_ms,
            time: String::new(),
            sender: sender.into(),
            words: text.split_inclusive(' ').map(Into::into).collect(),
            attachments: Vec::new(),
            target: String::new(),
            is_gone: false,
        }
    }

    #[test]
    fn every_field_narrows_and_none_of_them_is_skipped() {
        let found = message("Anna Jansen", "De kamerbrief over Veerhaven", 1_000);
        let query = |change: fn(&mut Query)| {
            let mut query = Query { words: vec!["KAMERBRIEF".into(), "veer".into()], ..Query::default() };
            change(&mut query);
            query.finds(&found)
        };
        assert!(query(|_| {}));
        assert!(!query(|query| query.words.push("loods".into())));
        assert!(query(|query| query.sender = "jansen".into()) && !query(|query| query.sender = "bram".into()));
        assert!(query(|query| query.channel = "whatsapp".into()) && !query(|query| query.channel = "signal".into()));
        assert!(query(|query| query.from_ms = Some(1_000)) && !query(|query| query.from_ms = Some(1_001)));
        assert!(query(|query| query.before_ms = Some(1_001)) && !query(|query| query.before_ms = Some(1_000)));
    }

    #[test]
    fn what_has_no_time_is_in_no_period() {
        let timeless = message("Anna", "ja", 0);
        assert!(Query::default().finds(&timeless));
        assert!(!Query { before_ms: Some(1), ..Query::default() }.finds(&timeless));
    }
}
