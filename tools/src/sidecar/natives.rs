//! Native identifiers that were handed over, and of whom: 12 bytes of a keyed digest of the identifier, and 4 of one that has its
//! sender as well. So it stands in rows on disk and at the ledger, and whose a message was is known after a restart too. Rows of
//! before senders were kept hold all 16 bytes of the first: of those nobody knows the sender, and nothing is said of him.

use super::newest::Newest;
use super::seen::Mac;

/// Bytes that are of the identifier alone.
const IDENTIFIER_BYTES: usize = 12;

/// What is known of the message that an event acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    NotSeen,
    /// Of who acts on it, or of nobody knows whom.
    OfSender,
    /// Of another, as far as is known.
    OfAnother,
}

/// The newest of them.
pub(super) struct Natives(Newest<[u8; 4]>);

/// An identifier and its sender, of the digest of the first and that of both.
pub(super) fn native(identifier: Mac, of_sender: Mac) -> Mac {
    std::array::from_fn(|at| if at < IDENTIFIER_BYTES { identifier[at] } else { of_sender[at - IDENTIFIER_BYTES] })
}

/// Whether both are the same identifier, whoever the senders are.
pub(super) fn is_same(one: Mac, other: Mac) -> bool {
    one[..IDENTIFIER_BYTES] == other[..IDENTIFIER_BYTES]
}

fn parts(native: Mac) -> (Mac, [u8; 4]) {
    let identifier = std::array::from_fn(|at| if at < IDENTIFIER_BYTES { native[at] } else { 0 });
    (identifier, std::array::from_fn(|at| native[IDENTIFIER_BYTES + at]))
}

impl Natives {
    /// Holds about so many.
    pub(super) fn new(most: u64) -> Self {
        Self(Newest::new(most, |_| false))
    }

    /// Notes one. Whoever hands over an identifier first is who sent it.
    pub(super) fn note(&mut self, native: Mac) {
        let (identifier, sender) = parts(native);
        let sender = self.0.get(&identifier).unwrap_or(sender);
        self.0.note(identifier, sender);
    }

    /// Notes one that is older than all of them, where there is room.
    pub(super) fn note_old(&mut self, native: Mac) {
        let (identifier, sender) = parts(native);
        self.0.note_old(identifier, sender);
    }

    /// What is known of the message of an identifier, for who acts on it: the digest of the first and that of both.
    pub(super) fn target(&self, identifier: Mac, of_sender: Mac) -> Target {
        let (place, sender) = parts(native(identifier, of_sender));
        // What stands there where no sender was kept.
        let (_, unknown) = parts(identifier);
        match self.0.get(&place) {
            None => Target::NotSeen,
            Some(found) if found == sender || found == unknown => Target::OfSender,
            Some(_) => Target::OfAnother,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_of_who_sent_it_first_and_of_nobody_else() {
        let mut natives = Natives::new(1_000);
        let of = |identifier: u8, sender: u8| native([identifier; 16], [sender; 16]);
        natives.note(of(1, 7));
        let target = |natives: &Natives, identifier: u8, sender: u8| natives.target([identifier; 16], [sender; 16]);
        assert_eq!(target(&natives, 1, 7), Target::OfSender);
        assert_eq!(target(&natives, 1, 8), Target::OfAnother);
        assert_eq!(target(&natives, 2, 7), Target::NotSeen);
        natives.note(of(1, 8));
        assert_eq!([7, 8].map(|sender| target(&natives, 1, sender)), [Target::OfSender, Target::OfAnother]);
        assert!(is_same(of(1, 7), of(1, 8)) && !is_same(of(1, 7), of(2, 7)));
    }

    #[test]
    fn of_an_identifier_that_was_kept_without_its_sender_nobody_is_called_another() {
        let identifier = |last: u8| std::array::from_fn(|at| if at < 15 { at as u8 } else { last });
        let mut natives = Natives::new(1_000);
        // As rows of before hold it: the digest of the identifier, and nothing of its sender.
        natives.note_old(identifier(15));
        assert_eq!([7, 8].map(|sender| natives.target(identifier(15), [sender; 16])), [Target::OfSender; 2]);
        // One byte off, it is a sender, and another.
        assert_eq!(natives.target(identifier(14), [7; 16]), Target::OfAnother);
    }
}
