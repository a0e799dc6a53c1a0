//! What an export covers by what was decided before: a manifest of the log, and what is gone from the scope with the acts that declare it.

use super::{Cover, ExportError, Spot};
use crate::acts::Acts;
use crate::clearance;
use crate::keys::ArchiveKey;
use crate::reading::{NO_MONTH, Purpose, places, read};
use crate::source::Source;
use std::collections::BTreeMap;
use zegel_proto::v1::{RedactionItem, Scope};
use zegel_verifier::hash::Hash;

impl Cover {
    /// What a manifest covers that was logged before; `None` if the log has none under this id.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn of_logged(
        officer: &mut Source,
        keys: &[ArchiveKey],
        scope: &Scope,
        manifest: Hash,
    ) -> Result<Option<Self>, ExportError> {
        let purpose = Purpose::reading("zegel export", "manifest of an export");
        let reading = read(officer, keys, &[bare(scope)], &purpose).await?;
        Ok(Acts::of(&reading).manifest(manifest).map(Self::of_manifest).transpose()?)
    }

    /// What is gone from the scope is withheld as gone, with the acts that declare it. Nothing more is read of a log that ended nothing.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn settle(
        &mut self,
        officer: &mut Source,
        keys: &[ArchiveKey],
        scope: &Scope,
    ) -> Result<(), ExportError> {
        let purpose = Purpose::reading("zegel export", "what has ended of the scope");
        let reading = read(officer, keys, &[bare(scope)], &purpose).await?;
        let acts = Acts::of(&reading);
        let (ended, forever) = (acts.endings(), acts.forever());
        self.show(clearance::of_id(&acts, &scope.id));
        if ended.is_empty() && forever.is_empty() {
            return Ok(());
        }
        let there = places(officer.connection(), scope, &reading).await?;
        let ended: BTreeMap<_, _> = ended.into_iter().filter(|(spot, _)| there.contains(spot)).collect();
        if !ended.is_empty() {
            let declarations = acts.declarations_of(&ended);
            if self.shows_grounds {
                self.show(acts.grounds_of(&ended, &scope.id));
            }
            self.end(ended.into_iter().map(|(spot, end)| (spot, end.code())), declarations)?;
        }
        let is_there = |item: &RedactionItem| there.contains(&Spot { entry: item.entry, position: item.position });
        let forever: Vec<_> = forever.into_iter().filter(is_there).collect();
        if !forever.is_empty() {
            let resealed = acts.reseals_of(&forever);
            self.forever(forever, resealed)?;
        }
        Ok(())
    }
}

/// The same id without its chats: the acts are all that is wanted.
fn bare(scope: &Scope) -> Scope {
    Scope { from_month: NO_MONTH, to_month: NO_MONTH, ..scope.clone() }
}
