//! What a load registers before it begins: its sources, by the root; custodians, by the officer; conversations, by the
//! sources themselves, together with the first message of each capture.

use super::mill::{Mill, chunks};
use super::sealing::{in_parallel, seal_into};
use super::{Load, LoadError};
use crate::event::{CustodianEntry, public};
use crate::keys::{Actor, Identity};
use crate::officer::key_added;
use crate::source::{Source, now_ms};
use zegel_proto::v1::{ActorRegistered, EventKind, Role};

impl Load {
    /// Registers sources and custodians that are missing.
    pub(super) async fn register(&mut self) -> Result<(), LoadError> {
        if self.officer.registry().is_none() {
            return Err(LoadError::NotBegun);
        }
        let origin = self.keys.ministry().origin.clone();
        let sources = self.world.want_sources(self.plan.sources);
        if !sources.is_empty() {
            let mut root = Source::of_folder(&self.keys, Actor::Root, &self.ledger).await?;
            let mut drafts = Vec::new();
            for source in &sources {
                let identity: &Identity = &source.identity;
                let name = format!("load {}", source.number);
                let actor = ActorRegistered { actor: identity.actor().to_vec(), role: Role::Source as i32, name };
                drafts.push(public(EventKind::ActorRegistered, &actor)?);
                drafts.push(key_added(&origin, identity)?);
            }
            root.append(drafts).await?;
        }
        let mut drafts = Vec::new();
        for number in self.world.want_custodians(self.plan.custodians) {
            let entry = CustodianEntry { name: format!("Proefpersoon {number}"), ..CustodianEntry::default() };
            drafts.push(entry.draft(self.world.names().custodian(number), now_ms())?);
        }
        if !drafts.is_empty() {
            self.officer.append(drafts).await?;
        }
        self.officer.refresh().await?;
        self.world.registered_people()
    }

    /// Registers conversations and begins captures that this load needs and that are not there.
    pub(super) async fn open_captures(&mut self) -> Result<(), LoadError> {
        let (ground, folder) = (self.ground()?, self.world.sealed());
        crate::disk::create_folder(&folder)?;
        let (done, watch) = (std::sync::atomic::AtomicU64::new(0), &self.watch);
        let total = u64::from(self.plan.conversations);
        let open = |mill: &mut Mill| {
            let chats = mill.unopened();
            if chats.is_empty() {
                return Ok(());
            }
            seal_into(&folder, mill.source.number, |writer| {
                chunks(&chats).try_for_each(|chats| {
                    writer.write(&mill.open(chats)?)?;
                    let opened = chats.len() as u64;
                    let before = done.fetch_add(opened, std::sync::atomic::Ordering::Relaxed);
                    watch("wrapping dossier keys", before + opened, total);
                    Ok(())
                })
            })
        };
        in_parallel(&ground, &mut self.world.sources[..self.plan.sources as usize], open)?;
        self.world.registered_conversations(self.plan.conversations);
        self.world.save()?;
        self.send_rest("beginning captures").await
    }
}
