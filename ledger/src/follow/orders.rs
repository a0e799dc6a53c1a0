//! Orders to erase that a primary has carried out: believed here again, and carried out here.
//!
//! A primary can say that it erased; what goes here goes by the signatures of an officer and an approver. An order is judged
//! by the registry as of the size at which the primary believed it, once the replica has that size. An archive believes a purge
//! for a receipt of custody, and does not carry it out: it is the one who holds what went.
//!
//! Invariants: nothing of a round's orders is carried out before all of them are believed; an order that replaces what another one put is
//! carried out after that one, however they come; of an event that comes blank, what its orders leave is put in its place, unless one of
//! them takes all of it. What if we stop in between? An order that was not carried out comes again.

use crate::erase::{EraseError, check_content};
use crate::log::Log;
use crate::sequencer::{Fault, ReplicaError};
use crate::store::{Alone, Believed, KeptOrder, Store, StoreError};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use zegel_proto::parse;
use zegel_proto::v1::{ErasureOrder, EventHeader, ReplicatedEntry};
use zegel_verifier::erasure::{Erasure, Resealed};
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::registry::Registry;

/// Bytes of an order: a million places, and who signed.
const ORDER_BYTES_MAX: usize = 64 << 20;

/// Orders of one round.
pub(super) struct Orders {
    carried_out: Vec<Vec<u8>>,
    text: Vec<u8>,
    pending: Vec<Pending>,
    /// Places of the pending ones.
    named: HashMap<(u64, u32), Left>,
}

/// An order that came.
struct Pending {
    order: Erasure,
    /// Entries of the log when the primary believed it.
    size: u64,
    text: String,
}

/// What orders leave of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Nothing,
    Part,
}

/// Ends what was begun before this process.
pub(crate) fn finish(store: &Arc<Store>) -> Result<(), StoreError> {
    for id in store.broken_off()? {
        let KeptOrder { size, text } = store.order(id)?;
        let order = Erasure::parse(&text).map_err(|_| StoreError::Row { what: "an order to erase" })?;
        let believed = Believed { places: &order.places, resealed: &order.resealed, text: &text, size };
        store.erase(believed, &store.alone())?;
    }
    Ok(())
}

impl Orders {
    /// Those that were carried out here, or are not going to be.
    pub(super) fn of(store: &Store) -> Result<Self, StoreError> {
        let kept_from = store.kept_from()?.into_iter();
        let believed = store.order_ids(0)?.into_iter().map(|(_, id)| id);
        let carried_out = believed.chain(kept_from).map(Hash::to_vec).collect();
        Ok(Self { carried_out, text: Vec::new(), pending: Vec::new(), named: HashMap::new() })
    }

    /// Their ids.
    pub(super) fn carried_out(&self) -> Vec<Vec<u8>> {
        self.carried_out.clone()
    }

    /// Takes a piece of an order.
    pub(super) fn take(&mut self, piece: ErasureOrder) -> Result<(), Fault> {
        self.text.extend_from_slice(&piece.text);
        if self.text.len() > ORDER_BYTES_MAX {
            return Err(Fault::GroupTooLarge { what: "bytes of an order", max: ORDER_BYTES_MAX });
        }
        if !piece.last {
            return Ok(());
        }
        let text = String::from_utf8(std::mem::take(&mut self.text));
        let text = text.map_err(|_| Fault::Incomplete { wanted: "order to erase that is text" })?;
        let order = Erasure::parse(&text)?;
        for place in &order.places {
            let left = if order.resealed.contains_key(place) { Left::Part } else { Left::Nothing };
            let known = self.named.entry(*place).or_insert(left);
            if left == Left::Nothing {
                *known = left;
            }
        }
        self.pending.push(Pending { order, size: piece.size, text });
        Ok(())
    }

    /// Whether an order of this round names a place.
    pub(super) fn names(&self, place: (u64, u32)) -> bool {
        self.named.contains_key(&place)
    }

    /// Attachments of events of an entry that came blank, and of which these orders leave a part.
    pub(super) fn attachments(&self, entry: &ReplicatedEntry) -> Vec<Hash> {
        let is_left = |position: u32| self.named.get(&(entry.index, position)) == Some(&Left::Part);
        let left = entry.erased.iter().filter(|form| is_left(form.position));
        let headers = left.filter_map(|form| entry.headers.get(form.position as usize));
        let headers = headers.filter_map(|header| parse::<EventHeader>(header).ok());
        headers.flat_map(|header| header.blobs).filter_map(|blob| Hash::read(&blob)).collect()
    }

    /// Whether an order came in this round.
    pub(super) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Believes and carries out what the replica is far enough for. While the store is copied, nothing, and it comes again: waiting would hold up what
    /// there is to follow.
    pub(super) fn carry_out(self, log: &Log, store: &Arc<Store>) -> Result<(), ReplicaError> {
        if !self.is_pending() {
            return Ok(());
        }
        let Some(registry) = log.registry() else { return Ok(()) };
        let Some(alone) = store.alone_now() else {
            tracing::debug!(orders = self.pending.len(), "the store is being copied: orders to erase wait for that");
            return Ok(());
        };
        let ready: Vec<Pending> = self.pending.into_iter().filter(|pending| pending.size <= log.size()).collect();
        ready.iter().try_for_each(|pending| pending.believe(registry, store))?;
        let ended = ready.iter().flat_map(|pending| ended_by(&pending.order)).collect();
        let mut ended = Ended { ended, kept: Kept::Unread };
        in_sequence(ready).iter().try_for_each(|pending| pending.carry_out(&mut ended, store, &alone))
    }
}

impl Pending {
    /// Two signatures of this log, over events that may go.
    fn believe(&self, registry: &Registry, store: &Store) -> Result<(), ReplicaError> {
        self.order.verify(registry, self.size).map_err(Fault::from)?;
        for (entry, position) in self.order.places.iter().copied() {
            let checked =
                if entry < self.size { check_content(store, entry, position) } else { not_content(entry, position) };
            match checked {
                Ok(()) => {}
                Err(EraseError::Store(reason)) => return Err(reason.into()),
                Err(_) => return Err(Fault::NotContent { entry, position }.into()),
            }
        }
        Ok(())
    }

    fn carry_out(&self, ended: &mut Ended, store: &Arc<Store>, alone: &Alone<'_>) -> Result<(), ReplicaError> {
        let Self { order, size, text } = self;
        let mut left = Vec::new();
        for (place @ (entry, position), new) in &order.resealed {
            if store.is_blank(*entry, *position)? && !ended.contains(*place, store)? {
                left.push((*place, new));
            }
        }
        store.put_forms(&left, alone)?;
        let believed = Believed { places: &order.places, resealed: &order.resealed, text, size: *size };
        if store.has_gone(believed)? {
            store.keep_order(believed)?;
        } else if order.receipt.is_some() && store.is_archive()? {
            store.keep_from(text)?;
            tracing::info!(origin = order.origin, events = order.places.len(), "purged at the primary, and kept here");
        } else {
            let erased = store.erase(believed, alone)?;
            tracing::info!(origin = order.origin, events = erased.events, "erased, as the primary did");
        }
        Ok(())
    }
}

/// Events of which nothing is left, by the orders of a round and by those that are kept.
struct Ended {
    ended: HashSet<(u64, u32)>,
    kept: Kept,
}

/// Whether the orders that are kept were read: they are when the first event is blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Unread,
    Read,
}

impl Ended {
    fn contains(&mut self, place: (u64, u32), store: &Store) -> Result<bool, StoreError> {
        if self.kept == Kept::Unread {
            for (_, id) in store.order_ids(0)? {
                let order = Erasure::parse(&store.order(id)?.text);
                let order = order.map_err(|_| StoreError::Row { what: "an order to erase" })?;
                self.ended.extend(ended_by(&order));
            }
            self.kept = Kept::Read;
        }
        Ok(self.ended.contains(&place))
    }
}

fn ended_by(order: &Erasure) -> impl Iterator<Item = (u64, u32)> + '_ {
    order.places.iter().copied().filter(|place| !order.resealed.contains_key(place))
}

/// Orders as they can have been carried out: one that puts a sealed form before the one that replaces it, the others as they came. Orders in a
/// circle, which nobody can carry out, come last.
fn in_sequence(orders: Vec<Pending>) -> Vec<Pending> {
    let made = |new: &Resealed| sha256(&[&new.ciphertext]).to_vec();
    let forms = |number: usize| orders[number].order.resealed.iter();
    let by: HashMap<_, usize> = (0..orders.len())
        .flat_map(|number| forms(number).map(move |(place, new)| ((*place, made(new)), number)))
        .collect();
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); orders.len()];
    let mut waits_for = vec![0usize; orders.len()];
    for (number, waits_for) in waits_for.iter_mut().enumerate() {
        let before = forms(number).filter_map(|(place, new)| by.get(&(*place, new.replaces.clone())));
        for before in before.copied().filter(|before| *before != number) {
            behind[before].push(number);
            *waits_for += 1;
        }
    }
    let mut ready: BTreeSet<usize> = (0..orders.len()).filter(|number| waits_for[*number] == 0).collect();
    let mut sequence = Vec::with_capacity(orders.len());
    while let Some(number) = ready.pop_first() {
        sequence.push(number);
        for next in behind[number].iter().copied() {
            waits_for[next] -= 1;
            if waits_for[next] == 0 {
                ready.insert(next);
            }
        }
    }
    sequence.extend((0..orders.len()).filter(|number| waits_for[*number] > 0));
    let mut orders: Vec<Option<Pending>> = orders.into_iter().map(Some).collect();
    sequence.into_iter().filter_map(|number| orders[number].take()).collect()
}

fn not_content(entry: u64, position: u32) -> Result<(), EraseError> {
    Err(EraseError::NotContent { entry, position })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replicated::Unsent;
    use crate::store::{NoFaults, bytes_read};
    use std::collections::BTreeMap;

    /// An order that puts form `new` in the place of form `old`, at each of these positions of entry 4.
    fn order(name: &str, forms: &[(u32, u8, u8)]) -> Pending {
        let form = |(position, old, new): &(u32, u8, u8)| {
            let replaces = sha256(&[&[*old; 40]]).to_vec();
            ((4, *position), Resealed { replaces, ciphertext: vec![*new; 40], wrap: vec![*new; 9] })
        };
        let resealed: BTreeMap<_, _> = forms.iter().map(form).collect();
        let places = resealed.keys().copied().collect();
        Pending { order: Erasure { places, resealed, ..Erasure::default() }, size: 9, text: name.into() }
    }

    fn names(orders: Vec<Pending>) -> Vec<String> {
        in_sequence(orders).into_iter().map(|pending| pending.text).collect()
    }

    #[test]
    fn an_order_comes_after_the_one_whose_form_it_replaces_and_none_is_lost() {
        let first = || order("first", &[(0, 0, 1), (1, 0, 1)]);
        let second = || order("second", &[(0, 1, 2)]);
        let third = || order("third", &[(0, 2, 3), (7, 0, 1)]);
        let other = || order("other", &[(9, 1, 2)]);
        let wanted = ["first", "second", "third"];
        assert_eq!(names(vec![first(), second(), third()]), wanted);
        assert_eq!(names(vec![third(), second(), first()]), wanted);
        assert_eq!(names(vec![second(), third(), first()]), wanted);
        // The same form of another event is another form.
        assert_eq!(names(vec![other(), first(), second()]), ["other", "first", "second"]);
        assert_eq!(names(vec![second(), other(), first()]), ["other", "first", "second"]);
        assert_eq!(names(vec![first(), second(), other()]), ["first", "second", "other"]);
        // Nobody can have carried these out.
        let circle = vec![order("one", &[(0, 1, 2)]), order("two", &[(0, 2, 1)]), first()];
        assert_eq!(names(circle), ["first", "one", "two"]);
    }

    #[test]
    fn a_round_in_which_nothing_is_ordered_and_a_look_for_what_was_broken_off_read_no_order() {
        const ORDERS: u8 = 40;
        const ORDER_BYTES: usize = 1 << 20;
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Arc::new(Store::open(folder.path(), "log", Arc::new(NoFaults)).expect("a store"));
        let store = open();
        for number in 0..ORDERS {
            let text = char::from(b'0' + number).to_string().repeat(ORDER_BYTES);
            let believed = Believed { places: &[], resealed: &BTreeMap::new(), text: &text, size: 9 };
            store.keep_order(believed).expect("kept");
        }
        store.flush_truth();
        drop(store);
        let store = open();
        let all = u64::from(ORDERS) * ORDER_BYTES as u64;
        let read = bytes_read(|| {
            let known = Orders::of(&store).expect("ids").carried_out();
            assert_eq!(known.len(), usize::from(ORDERS));
            assert_eq!(Unsent::of(&known).ids(&store), Ok(Vec::new()));
        });
        let looked = bytes_read(|| assert_eq!(store.broken_off(), Ok(Vec::new())));
        // The blocks in which lists end may hold the first orders as well: a few, however many there are.
        for read in [read, looked] {
            assert!(read < all / 8, "{read} of {all} bytes");
        }
        // One that is not there is given once.
        let mut unsent = Unsent::of(&Orders::of(&store).expect("ids").carried_out()[1..]);
        assert_eq!((unsent.ids(&store).map(|ids| ids.len()), unsent.ids(&store)), (Ok(1), Ok(Vec::new())));
        // The neighbour: who looks at them all reads them all, and it is seen.
        let ids = store.order_ids(0).expect("ids");
        let read =
            bytes_read(|| ids.iter().for_each(|(_, id)| assert_eq!(store.order(*id).expect("an order").size, 9)));
        assert!(read > all / 2, "{read} of {all} bytes");
    }
}
