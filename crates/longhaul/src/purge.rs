//! Deleting instances.
//!
//! The record is marked first, so that the instance is gone for its users and whoever comes across it can go on; it is
//! deleted last, so that everything it lists is found until then.

use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};

use crate::commit::WakeEntry;
use crate::engine::Engine;
use crate::history::EventKind;
use crate::id::{InstanceId, InstanceKey};
use crate::keys::{EntryName, Log};
use crate::lookup::{ReadError, Stored};
use crate::operations::OperationError;
use crate::platform::{Platform, Stopwatch};
use crate::query::{Query, QueryError};
use crate::stage::{belongings, keys};
use crate::store::{Store, StoreError};

/// How many keys are deleted at once.
const BATCH: usize = 256;

/// What a purge of many has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// How many instances it has deleted, sub-orchestrations not counted.
    pub deleted: u64,
    /// Where it stopped, if there may be more: [`Query::continuation`] of the next.
    pub continuation: Option<u64>,
}

impl<P: Platform> Engine<P> {
    /// Deletes a finished instance, and with `children` those of its sub-orchestrations that have finished.
    ///
    /// # Errors
    /// When there is no such instance, or it has not finished.
    pub async fn purge(&self, id: &InstanceId, children: bool) -> Result<(), OperationError> {
        let found = self.finished(id).await?;
        match self.purge_key(&found.key, children).await? {
            true => Ok(()),
            // It was purged or began anew meanwhile.
            false => {
                let head = self.existing(id).await?.head;
                Err(OperationError::NotFinished { id: id.clone(), status: head.status })
            }
        }
    }

    /// Deletes the finished ones among the instances that `query` selects, for as long as `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn purge_where(
        &self,
        query: &Query,
        children: bool,
        limit: Duration,
    ) -> Result<Purged, QueryError> {
        let watch = Stopwatch::start(&self.platform);
        let mut query = query.clone();
        let mut purged = Purged::default();
        loop {
            let is_over = || watch.elapsed(&self.platform) >= limit;
            let page = self.list_until(&query, &is_over).await?;
            for found in &page.instances {
                if found.head.status.is_finished() && self.purge_key(&found.key, children).await? {
                    purged.deleted += 1;
                }
                if is_over() {
                    purged.continuation = Some(found.head.created_slot);
                    return Ok(purged);
                }
            }
            query.continuation = page.continuation;
            if query.continuation.is_none() || is_over() {
                purged.continuation = query.continuation;
                return Ok(purged);
            }
        }
    }

    /// False: there is nothing, or it has not finished.
    async fn purge_key(&self, key: &InstanceKey, children: bool) -> Result<bool, ReadError> {
        let watch = Stopwatch::start(&self.platform);
        loop {
            let Some(stored) = self.read_patiently(key).await? else { return Ok(false) };
            let old = &stored.record;
            if !old.head.status.is_finished() {
                return Ok(false);
            }
            if old.head.purging {
                self.finish_purge(key, &stored).await?;
                return Ok(true);
            }
            // Somebody is yet to be told of its end.
            if old.control.outbox.is_empty() {
                let owner = self.nonce();
                let mut new = old.clone();
                new.head.purging = true;
                new.control.purges_children = children;
                new.control.epoch += 1;
                new.control.owner.clone_from(&owner);
                new.control.lease = None;
                if let Some(held) = self.overwrite(key, &stored, new, WakeEntry::Fresh, &owner).await? {
                    self.finish_purge(key, &held.stored).await?;
                    return Ok(true);
                }
            }
            self.pause_unless_over(&watch, StoreError("the instance changes all the time".into())).await?;
        }
    }

    /// Deletes what a record lists that is marked, and the record. It may have been begun before.
    pub(crate) fn finish_purge<'a>(
        &'a self,
        key: &'a InstanceKey,
        stored: &'a Stored,
    ) -> LocalBoxFuture<'a, Result<(), ReadError>> {
        async move {
            let record = &stored.record;
            if record.control.purges_children {
                self.purge_children(key, stored).await?;
            }
            let mut rubbish = keys(&belongings(&self.hub, key, record));
            rubbish.extend(keys(&record.control.garbage));
            let sent = self.messages_sent(key).await?;
            rubbish.extend((record.control.inbox.deleted + 1..=sent).map(|slot| self.hub.message(key, slot)));
            if sent > 0 {
                rubbish.push(self.hub.inbox(key));
            }
            rubbish.push(self.hub.slot(EntryName { log: Log::Created, slot: record.head.created_slot }));
            self.delete_all(rubbish).await?;
            self.release_claim(key, &record.head.id).await?;
            Ok(self.delete_all(vec![self.hub.instance(key)]).await?)
        }
        .boxed_local()
    }

    /// Those of its children that have finished, and have no other parent.
    async fn purge_children(&self, key: &InstanceKey, stored: &Stored) -> Result<(), ReadError> {
        let mut children = Vec::new();
        let read = self.each_event(key, &stored.record, false, |event| {
            if let EventKind::SubOrchestrationInstanceCreated { child, .. } = event.event {
                children.push(child.instance);
            }
        });
        match read.await {
            // An earlier try has begun to delete it, and the children are gone already.
            Err(ReadError::Record(_)) => {}
            other => other?,
        }
        for id in children {
            let Some(found) = self.lookup_any(&id).await? else { continue };
            let Some(child) = self.read_patiently(&found.key).await? else { continue };
            let is_ours = child
                .record
                .control
                .parent
                .as_ref()
                .is_some_and(|parent| parent.key == *key && !parent.forgotten);
            if is_ours && child.record.head.status.is_finished() {
                self.purge_key(&found.key, true).boxed_local().await?;
            }
        }
        Ok(())
    }

    /// Lets a chosen id go, so that it can be chosen again.
    async fn release_claim(&self, key: &InstanceKey, id: &InstanceId) -> Result<(), ReadError> {
        let Some(ballot) = key.ballot(id) else { return Ok(()) };
        let watch = Stopwatch::start(&self.platform);
        loop {
            let Some(claim) = self.claim(id).await?.filter(|claim| claim.chosen == ballot) else {
                return Ok(());
            };
            let name = self.hub.claim(id);
            let swap = self.platform.store().swap(&name, &claim.bytes, claim.choosing_nobody()).await;
            if let Err(error) = swap {
                self.pause_unless_over(&watch, error).await?;
            }
        }
    }

    /// Deletes keys that nobody refers to.
    pub(crate) async fn delete_all(&self, keys: Vec<String>) -> Result<(), StoreError> {
        let watch = Stopwatch::start(&self.platform);
        for batch in keys.chunks(BATCH) {
            while let Err(error) = self.platform.store().delete_many(batch.to_vec()).await {
                self.pause_unless_over(&watch, error).await?;
            }
        }
        Ok(())
    }
}
