//! Borrowed views of the three messages that most of a bundle is made of, read without a copy.
//!
//! Invariant: a view is given only of bytes that [`parse`](crate::parse) accepts, and holds the same values; what is not the
//! usual form gives `None`, and `parse` decides and says why. `tests/views.rs` holds the two against each other.
//! Not here: reasons, and the messages of which there are few. Specification: `specs/encoding.md`.

use crate::grammar::month_of_event;
use crate::limits::*;
use crate::v1::{EventKind, SlotState};

/// An id, a hash or a key.
type Bytes32 = [u8; HASH_BYTES];

/// An event of a bundle that is open as a whole, or public, or withheld.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventView<'a> {
    /// Hashes between the previous event and this one.
    pub gap: Vec<&'a Bytes32>,
    /// Position in its batch.
    pub position: u32,
    /// Canonical or not: bytes of the header.
    pub header: &'a [u8],
    /// The whole body, if it is there.
    pub body: Option<BodyView<'a>>,
}

/// A whole body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyView<'a> {
    /// From which all salts follow.
    pub seed: &'a Bytes32,
    /// The slots in order.
    pub slots: Vec<SlotView<'a>>,
}

/// A slot of a whole body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotView<'a> {
    /// What stands in it.
    pub state: SlotState,
    /// Its value; empty unless the state says that there is one.
    pub value: &'a [u8],
    /// Its items; none unless the state says that there are some.
    pub items: Vec<&'a [u8]>,
}

/// An event header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderView<'a> {
    /// The kind.
    pub kind: EventKind,
    /// Conversation, where there is one.
    pub conversation: Option<&'a Bytes32>,
    /// Custodian, where there is one.
    pub custodian: Option<&'a Bytes32>,
    /// Month of occurrence.
    pub month: u32,
    /// Number in its capture.
    pub conversation_seq: u64,
    /// How many blobs it names.
    pub blobs: usize,
    /// What it commits to, or says in public.
    pub content: ContentView<'a>,
}

/// The content of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentView<'a> {
    /// Root of a sealed body.
    BodyRoot(&'a Bytes32),
    /// Content of a public event.
    Public(&'a [u8]),
}

/// Fields of a message, front to back; every method takes the next field if it has this number.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// A varint in its one encoding.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for at in 0..10 {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            if at == 9 && *byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return (*byte != 0 || at == 0).then_some(value);
            }
        }
        None
    }

    /// The key of a field below number 16 is one byte.
    fn takes(&mut self, number: u8, wire: u8) -> bool {
        let is_next = self.0.first() == Some(&(number << 3 | wire));
        if is_next {
            self.0 = &self.0[1..];
        }
        is_next
    }

    /// A number; its default is absent.
    fn number(&mut self, number: u8) -> Option<u64> {
        if !self.takes(number, 0) {
            return Some(0);
        }
        self.varint().filter(|value| *value != 0)
    }

    /// Bytes that are there even if they are empty, or not there.
    #[expect(clippy::option_option, reason = "absent is another thing than wrong")]
    fn bytes(&mut self, number: u8) -> Option<Option<&'a [u8]>> {
        if !self.takes(number, 2) {
            return Some(None);
        }
        let length = usize::try_from(self.varint()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(bytes))
    }

    /// Bytes; empty ones are absent.
    fn plain(&mut self, number: u8) -> Option<&'a [u8]> {
        match self.bytes(number)? {
            None => Some(&[]),
            Some([]) => None,
            Some(bytes) => Some(bytes),
        }
    }

    #[expect(clippy::option_option, reason = "absent is another thing than wrong")]
    fn id(&mut self, number: u8) -> Option<Option<&'a Bytes32>> {
        match self.plain(number)? {
            [] => Some(None),
            bytes => bytes.try_into().ok().map(Some),
        }
    }

    /// All items of a repeated field, at most so many.
    fn repeated<T>(&mut self, number: u8, max: usize, read: impl Fn(&'a [u8]) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        while let Some(bytes) = self.bytes(number)? {
            if items.len() == max {
                return None;
            }
            items.push(read(bytes)?);
        }
        Some(items)
    }

    /// Nothing follows.
    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

impl<'a> EventView<'a> {
    /// Reads an `EvidenceRecord` that holds an event.
    #[must_use]
    pub fn read(record: &'a [u8]) -> Option<Self> {
        let mut record = Fields(record);
        let mut fields = Fields(record.bytes(3)??);
        record.end()?;
        let gap = fields.repeated(1, GAP_HASHES_MAX, |bytes| bytes.try_into().ok())?;
        let position = fields.number(2).filter(|position| *position < BATCH_EVENTS_MAX as u64)? as u32;
        let header = fields.plain(3).filter(|header| (1..=HEADER_BYTES_MAX).contains(&header.len()))?;
        let body = match fields.bytes(4)? {
            Some(body) => Some(BodyView::read(body)?),
            None => None,
        };
        fields.end()?;
        Some(Self { gap, position, header, body })
    }
}

impl<'a> BodyView<'a> {
    /// Reads a `Body`.
    #[must_use]
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(body);
        let seed = fields.id(1)??;
        let slots = fields.repeated(2, usize::MAX, SlotView::read)?;
        fields.end()?;
        Some(Self { seed, slots })
    }

    /// A view of a body that was parsed; `None` if it breaks its grammar.
    #[must_use]
    pub fn of(body: &'a crate::v1::Body) -> Option<Self> {
        let slot = |slot: &'a crate::v1::Slot| {
            let state = SlotState::try_from(slot.state).ok()?;
            Some(SlotView { state, value: &slot.value, items: slot.items.iter().map(Vec::as_slice).collect() })
        };
        let slots = body.slots.iter().map(slot).collect::<Option<_>>()?;
        Some(Self { seed: body.seed.as_slice().try_into().ok()?, slots })
    }
}

impl<'a> SlotView<'a> {
    fn read(slot: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(slot);
        let state = SlotState::try_from(i32::try_from(fields.number(1)?).ok()?).ok()?;
        let value = fields.plain(2).filter(|value| value.len() <= SLOT_BYTES_MAX)?;
        let item = |item: &'a [u8]| (item.len() <= SLOT_BYTES_MAX).then_some(item);
        let items = fields.repeated(3, LIST_ITEMS_MAX, item)?;
        fields.end()?;
        let fits =
            (state == SlotState::SlotValue || value.is_empty()) && (state == SlotState::SlotList) != items.is_empty();
        fits.then_some(Self { state, value, items })
    }
}

impl<'a> HeaderView<'a> {
    /// Reads an `EventHeader`.
    #[must_use]
    pub fn read(header: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(header);
        let kind = i32::try_from(fields.number(1)?).ok().filter(|kind| *kind != 0)?;
        let view = Self {
            kind: EventKind::try_from(kind).ok()?,
            conversation: fields.id(2)?,
            custodian: fields.id(3)?,
            month: u32::try_from(fields.number(4)?).ok().filter(|month| month_of_event(*month).is_ok())?,
            conversation_seq: fields.number(5)?,
            blobs: fields.repeated(6, BLOBS_MAX, |blob| (blob.len() == HASH_BYTES).then_some(()))?.len(),
            content: match fields.bytes(7)? {
                Some(root) => ContentView::BodyRoot(root.try_into().ok()?),
                None => ContentView::Public(fields.bytes(8)?.filter(|bytes| bytes.len() <= PUBLIC_BYTES_MAX)?),
            },
        };
        fields.end()?;
        Some(view)
    }
}
