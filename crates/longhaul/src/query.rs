//! Looking at many instances, in the order of their creation, and at one in detail.

use std::time::Duration;

use futures::future::try_join_all;
use jiff::Timestamp;
use thiserror::Error;

use crate::engine::Engine;
use crate::gaps::{BLOCK, Stretch, begins_block, end_of_block};
use crate::history::Event;
use crate::id::{InstanceId, InstanceKey};
use crate::json::Json;
use crate::keys::{EntryName, Log};
use crate::log::LogEntry;
use crate::lookup::{Found, ReadError};
use crate::payload::Payload;
use crate::platform::{Platform, Stopwatch};
use crate::record::{Head, Record, UnreadableRecord, decode_head};
use crate::status::RuntimeStatus;
use crate::store::{Store, StoreError};

/// By how much the clocks of those who create instances may differ without one being overlooked.
const SKEW: Duration = Duration::from_secs(600);
/// How many slots are read at once.
const BATCH: u64 = 32;
/// How many empty slots a search looks past, where it is not known that they are.
const PROBES: u64 = 2 * BLOCK;

/// Which instances to look at. All that is not set selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Created at this time or later.
    pub created_from: Option<Timestamp>,
    /// Created at this time or earlier.
    pub created_to: Option<Timestamp>,
    /// In one of these states; empty: in any.
    pub statuses: Vec<RuntimeStatus>,
    /// Of this orchestrator function.
    pub name: Option<String>,
    /// Whose id begins so.
    pub id_prefix: Option<String>,
    /// How many at most; None: 100.
    pub page_size: Option<usize>,
    /// Where the page before ended.
    pub continuation: Option<u64>,
}

/// Instances, the oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// As many as were asked for, or all that there are.
    pub instances: Vec<Found>,
    /// Where the next page begins, if there may be more.
    pub continuation: Option<u64>,
}

impl Page {
    /// Adds what was seen. True: the page is at its end.
    fn add(&mut self, size: usize, seen: impl Iterator<Item = (u64, Seen)>) -> bool {
        for (slot, seen) in seen {
            match seen {
                Seen::TooLate => return true,
                Seen::Nobody | Seen::Other => {}
                Seen::Selected(_) if self.instances.len() == size => {
                    self.continuation = Some(slot);
                    return true;
                }
                Seen::Selected(found) => self.instances.push(*found),
            }
        }
        false
    }
}

/// One instance in detail.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    /// Where it is stored.
    pub key: InstanceKey,
    /// What there is to report of it.
    pub head: Head,
    /// Its input, if it was asked for.
    pub input: Option<Json>,
    /// Its output, if it was asked for and there is one.
    pub output: Option<Json>,
    /// Its history, if it was asked for.
    pub history: Option<Vec<Event>>,
}

/// What to tell of an instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Its input.
    pub input: bool,
    /// Its output.
    pub output: bool,
    /// Its history, with all values in it.
    pub history: bool,
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum QueryError {
    /// The store failed, or a record is unreadable.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<StoreError> for QueryError {
    fn from(error: StoreError) -> Self {
        Self::Read(error.into())
    }
}

impl Query {
    fn selects(&self, head: &Head) -> bool {
        self.created_from.is_none_or(|from| head.created >= from)
            && self.created_to.is_none_or(|to| head.created <= to)
            && (self.statuses.is_empty() || self.statuses.contains(&head.status))
            && self.name.as_ref().is_none_or(|name| head.name == *name)
            && self.id_prefix.as_ref().is_none_or(|prefix| head.id.as_str().starts_with(prefix.as_str()))
    }
}

impl<P: Platform> Engine<P> {
    /// The instances that `query` selects, a page of them. A page costs what it looks at: the slots of the creation log
    /// from its first instance to its last, and now and then what was purged since somebody has looked last.
    ///
    /// # Errors
    /// When the store fails. Records of another format are left out.
    pub async fn list(&self, query: &Query) -> Result<Page, QueryError> {
        self.list_until(query, &|| false).await
    }

    /// The same, ended early once `is_over`: then the page is not full.
    pub(crate) async fn list_until(
        &self,
        query: &Query,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Page, QueryError> {
        let size = query.page_size.unwrap_or(100).max(1);
        let last = self.last_created().await?;
        let mut next = match (query.continuation, query.created_from) {
            (Some(slot), _) => slot.max(1),
            (None, Some(from)) => self.first_created_since(from, last).await?,
            (None, None) => 1,
        };
        let mut page = Page::default();
        let mut stretch = Stretch::default();
        while next <= last {
            if is_over() {
                page.continuation = Some(next);
                break;
            }
            if begins_block(next)
                && let Some(past) = self.past_gap(next).await?
            {
                stretch.follow(next, past);
                next = past;
                continue;
            }
            let slots = next..=last.min(next + BATCH - 1).min(end_of_block(next));
            next = slots.end() + 1;
            let seen = try_join_all(slots.clone().map(|slot| self.at_slot(slot, query))).await?;
            let is_empty = seen.iter().all(|seen| matches!(seen, Seen::Nobody));
            if let Some(ended) = stretch.walk(&slots, is_empty) {
                self.note_gap(ended).await?;
            }
            if page.add(size, slots.zip(seen)) {
                break;
            }
        }
        if let Some(ended) = stretch.end() {
            self.note_gap(ended).await?;
        }
        Ok(page)
    }

    /// How many instances `query` selects.
    ///
    /// # Errors
    /// As [`Engine::list`].
    pub async fn count(&self, query: &Query) -> Result<u64, QueryError> {
        let mut query = Query { page_size: Some(1000), ..query.clone() };
        let mut count = 0;
        loop {
            let page = self.list(&query).await?;
            count += page.instances.len() as u64;
            query.continuation = page.continuation;
            if query.continuation.is_none() {
                return Ok(count);
            }
        }
    }

    /// One instance in detail.
    ///
    /// # Errors
    /// When the store fails, or the record is unreadable.
    pub async fn details(&self, id: &InstanceId, wanted: Wanted) -> Result<Option<Details>, ReadError> {
        let Some(found) = self.lookup(id).await? else { return Ok(None) };
        self.reveal(found, wanted).await
    }

    /// What is wanted of an instance that was found. What the record's head itself holds is not read again.
    ///
    /// # Errors
    /// When the store fails, or the record is unreadable.
    pub async fn reveal(&self, found: Found, wanted: Wanted) -> Result<Option<Details>, ReadError> {
        let Found { key, head } = found;
        let here = |payload: &Payload, wanted: bool| match payload {
            _ if !wanted => Some(None),
            payload => payload.inline().map(|value| Some(value.clone())),
        };
        let input = here(&head.input, wanted.input);
        let output = head.output.as_ref().map_or(Some(None), |output| here(output, wanted.output));
        if let (Some(input), Some(output), false) = (input, output, wanted.history) {
            return Ok(Some(Details { key, head, input, output, history: None }));
        }
        // All that is told is of one record, and of what it refers to: that is gone if the instance has continued as new
        // meanwhile.
        let watch = Stopwatch::start(&self.platform);
        loop {
            let Some(stored) = self.read_patiently(&key).await? else { return Ok(None) };
            match self.details_of(&key, stored.record, wanted).await {
                Err(ReadError::Record(UnreadableRecord::Missing(what))) => {
                    let error = StoreError(UnreadableRecord::Missing(what).to_string());
                    self.pause_unless_over(&watch, error).await?;
                }
                other => return other.map(Some),
            }
        }
    }

    async fn details_of(
        &self,
        key: &InstanceKey,
        record: Record,
        wanted: Wanted,
    ) -> Result<Details, ReadError> {
        let execution = &record.head.execution;
        let input = match wanted.input {
            true => Some(self.value(key, execution, &record.head.input).await?),
            false => None,
        };
        let output = match &record.head.output {
            Some(output) if wanted.output => Some(self.value(key, execution, output).await?),
            _ => None,
        };
        let mut history = None;
        if wanted.history {
            let mut events = Vec::new();
            self.each_event(key, &record, false, |event| events.push(event)).await?;
            for event in &mut events {
                if let Some(payload) = event.event.payload_mut() {
                    *payload = self.value(key, execution, payload).await?.into();
                }
            }
            history = Some(events);
        }
        Ok(Details { key: key.clone(), head: record.head, input, output, history })
    }

    async fn at_slot(&self, slot: u64, query: &Query) -> Result<Seen, ReadError> {
        let Some(entry) = self.created_entry(slot).await? else { return Ok(Seen::Nobody) };
        if let (Some(created), Some(to)) = (entry.created, query.created_to)
            && created > crate::platform::after(to, SKEW)
        {
            return Ok(Seen::TooLate);
        }
        let Some(bytes) = self.platform.store().get(&self.hub.instance(&entry.key)).await? else {
            return Ok(Seen::Nobody);
        };
        let Ok(head) = decode_head(&bytes) else { return Ok(Seen::Other) };
        if head.created_slot != slot {
            // It has begun anew since, under another slot.
            return Ok(Seen::Nobody);
        }
        if head.purging || !query.selects(&head) {
            return Ok(Seen::Other);
        }
        if let Some(ballot) = entry.key.ballot(&head.id)
            && self.claim(&head.id).await?.is_none_or(|claim| claim.chosen != ballot)
        {
            return Ok(Seen::Other);
        }
        Ok(Seen::Selected(Box::new(Found { key: entry.key, head })))
    }

    async fn created_entry(&self, slot: u64) -> Result<Option<LogEntry>, StoreError> {
        let name = EntryName { log: Log::Created, slot };
        Ok(self.platform.store().get(&self.hub.slot(name)).await?.and_then(|bytes| LogEntry::decode(&bytes)))
    }

    async fn last_created(&self) -> Result<u64, StoreError> {
        self.last_slot(Log::Created).await
    }

    /// A slot before which nothing was created at `from` or later. The log is in the order of creation, but for the
    /// differences of clocks.
    async fn first_created_since(&self, from: Timestamp, last: u64) -> Result<u64, StoreError> {
        let from = from.saturating_sub(SKEW).unwrap_or(Timestamp::MIN);
        let (mut low, mut high) = (1, last + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.first_entry(middle, high).await? {
                Some((slot, created)) if created < from => low = slot + 1,
                // Where there is nothing to be seen, the search goes on before it: nothing is overlooked.
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// The first slot from `slot` on that is not empty, with the time of its creation. None: there is none before `end`,
    /// or not soon.
    async fn first_entry(&self, slot: u64, end: u64) -> Result<Option<(u64, Timestamp)>, StoreError> {
        let mut next = slot;
        let mut empty = 0;
        while next < end && empty < PROBES {
            if begins_block(next)
                && let Some(past) = self.past_gap(next).await?
            {
                next = past;
                continue;
            }
            // The first is nearly always there.
            let count = if empty == 0 { 1 } else { BATCH };
            let slots = next..=(next + count - 1).min(end - 1).min(end_of_block(next));
            next = slots.end() + 1;
            empty += slots.end() - slots.start() + 1;
            let entries = try_join_all(slots.clone().map(|slot| self.created_entry(slot))).await?;
            let mut created = slots.zip(entries).filter_map(|(slot, entry)| Some((slot, entry?.created?)));
            if let Some(found) = created.next() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

enum Seen {
    /// No instance, and there will be none.
    Nobody,
    /// An instance that is not asked for, or something that may become one.
    Other,
    Selected(Box<Found>),
    /// Neither this nor what follows was created in time.
    TooLate,
}
