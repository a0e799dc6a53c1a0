//! On which ground each part is covered: the items of the manifest that the export binds, by place.
//!
//! Gathered in the pass that verifies, used in the one that shows: a manifest is logged after what it covers. That every
//! covered part has an item, and the reverse, is the verifier's rule; here an item only gives a part its words.
//! Memory: 32 bytes an item (a run of words is one item), the codes once.

use super::ShownEvent;
use crate::kinds::records;
use zegel_proto::parse;
use zegel_proto::v1::{EventKind, RedactionItem};

#[derive(Clone, Copy, Debug)]
struct Item {
    entry: u64,
    position: u32,
    slot: u32,
    /// First covered item of a list, and how many; 0: the slot, or with slot 0 the event, as a whole.
    first: u32,
    count: u32,
    /// Index into the codes.
    codes: u32,
}

/// The grounds of all covered parts.
#[derive(Clone, Debug, Default)]
pub struct Grounds {
    items: Vec<Item>,
    codes: Vec<Vec<String>>,
}

impl Grounds {
    /// Takes the items of an open part of a manifest.
    pub fn event(&mut self, event: &ShownEvent<'_>) {
        let Some((_, body)) = event.body.filter(|_| event.facts.kind == EventKind::RedactionManifest) else { return };
        for item in body.items(records::ITEMS).iter().flatten() {
            if let Ok(item) = parse::<RedactionItem>(item) {
                self.take(item);
            }
        }
    }

    fn take(&mut self, item: RedactionItem) {
        let known = self.codes.iter().position(|codes| *codes == item.grounds);
        let codes = known.unwrap_or_else(|| {
            self.codes.push(item.grounds);
            self.codes.len() - 1
        });
        let (entry, position, slot) = (item.entry, item.position, item.slot);
        let (first, count) = (item.first_item, item.item_count);
        self.items.push(Item { entry, position, slot, first, count, codes: codes as u32 });
    }

    /// The codes under which a part is covered; `item` is `None` for a slot as a whole, slot 0 is the whole event.
    #[must_use]
    pub fn of(&self, (entry, position): (u64, u32), slot: u32, item: Option<u32>) -> &[String] {
        let wanted = (entry, position, slot);
        // The verifier has seen to it that items ascend.
        let from = self.items.partition_point(|of| (of.entry, of.position, of.slot) < wanted);
        let of_slot = self.items[from..].iter().take_while(|of| (of.entry, of.position, of.slot) == wanted);
        let mut covering = of_slot.filter(|of| match item {
            None => of.count == 0,
            Some(item) => (of.first..of.first + of.count).contains(&item),
        });
        covering.next().map_or(&[], |of| &self.codes[of.codes as usize])
    }
}
