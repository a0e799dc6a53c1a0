//! What a log knows of ids, kept small: it is held in memory for as long as the log is open.
//!
//! Each id has a number of four bytes; a capture is three of them. So a million conversations with a capture each take some
//! 150 MB and not three times as much. Ids are chosen by sources, so the hashes of these tables are keyed by the process.

use crate::log::{Capture, Registered, ids_of};
use std::collections::HashMap;
use zegel_proto::v1::StreamType;
use zegel_verifier::hash::Hash;

/// What is known of one id, as a custodian's and as a conversation's: an id could be both.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    number: u32,
    is_custodian: bool,
    is_conversation: bool,
    /// Captures of the custodian.
    of_custodian: u32,
    /// Captures of the conversation.
    of_conversation: u32,
}

/// Registered ids, and the counter of each capture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ids {
    known: HashMap<Hash, Known>,
    /// Next number of a capture, by the numbers of source, custodian and conversation.
    counters: HashMap<[u32; 3], u64>,
}

impl Ids {
    fn entry(&mut self, id: Hash) -> &mut Known {
        // Four thousand million ids would take more memory than there is, long before the numbers end.
        let number = self.known.len() as u32;
        self.known.entry(id).or_insert(Known { number, ..Known::default() })
    }

    fn numbers(&self, of: &Capture) -> Option<[u32; 3]> {
        let number = |id: &Hash| self.known.get(id).map(|known| known.number);
        Some([number(&of.source)?, number(&of.custodian)?, number(&of.conversation)?])
    }

    /// The next number of a capture; `None` if it has not begun.
    pub(crate) fn next_seq(&self, of: &Capture) -> Option<u64> {
        self.counters.get(&self.numbers(of)?).copied()
    }

    /// Sets the next number of a capture; counts it, if it begins with that.
    pub(crate) fn count(&mut self, of: &Capture, next: u64) {
        let numbers = [of.source, of.custodian, of.conversation].map(|id| self.entry(id).number);
        if self.counters.insert(numbers, next).is_some() {
            return;
        }
        for (stream, id) in ids_of(of) {
            let known = self.entry(id);
            match stream {
                StreamType::StreamCustodian => known.of_custodian += 1,
                _ => known.of_conversation += 1,
            }
        }
    }

    pub(crate) fn register(&mut self, (stream, id): Registered) {
        let known = self.entry(id);
        match stream {
            StreamType::StreamCustodian => known.is_custodian = true,
            _ => known.is_conversation = true,
        }
    }

    pub(crate) fn is_registered(&self, (stream, id): &Registered) -> bool {
        let is_known = |known: &Known| match stream {
            StreamType::StreamCustodian => known.is_custodian,
            _ => known.is_conversation,
        };
        self.known.get(id).is_some_and(is_known)
    }

    /// How many captures a custodian or a conversation has: a bundle counts each, and has room for so many.
    pub(crate) fn captures_of(&self, (stream, id): &Registered) -> usize {
        let count = |known: &Known| match stream {
            StreamType::StreamCustodian => known.of_custodian,
            _ => known.of_conversation,
        };
        self.known.get(id).map_or(0, count) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_is_counted_once_for_its_custodian_and_its_conversation() {
        let mut ids = Ids::default();
        let of = Capture { source: Hash([1; 32]), custodian: Hash([2; 32]), conversation: Hash([3; 32]) };
        assert_eq!(ids.next_seq(&of), None);
        ids.count(&of, 1);
        ids.count(&of, 5);
        ids.count(&Capture { source: Hash([4; 32]), ..of }, 1);
        assert_eq!(ids.next_seq(&of), Some(5));
        assert_eq!(ids.next_seq(&Capture { custodian: Hash([3; 32]), ..of }), None);
        assert_eq!(ids.captures_of(&(StreamType::StreamCustodian, of.custodian)), 2);
        assert_eq!(ids.captures_of(&(StreamType::StreamConversation, of.conversation)), 2);
        assert_eq!(ids.captures_of(&(StreamType::StreamConversation, of.custodian)), 0);
    }

    #[test]
    fn an_id_of_a_custodian_is_no_conversation() {
        let mut ids = Ids::default();
        let id = Hash([7; 32]);
        ids.register((StreamType::StreamCustodian, id));
        assert!(ids.is_registered(&(StreamType::StreamCustodian, id)));
        assert!(!ids.is_registered(&(StreamType::StreamConversation, id)));
    }
}
