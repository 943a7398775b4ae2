//! Counting the distinct values of a column in a range of partitions, with several requests at a time.
//!
//! The range is divided into sub-ranges that cover it exactly. As many are read at once as [`ScanOptions`] allow, and
//! when one of them is done and none waits, a part of what another has still before it is given away.
//!
//! | module | its part |
//! | --- | --- |
//! | `split` | where to divide a range |
//! | `days` | keys that begin with a day |
//! | `cursor` | how far the scan is, to be stored |
//! | `pace` | how many requests at a time |
//! | `share` | which sub-range gives how much away |
//!
//! # Giving away
//!
//! A sub-range that is being read has a filter and a continuation, and the continuation is of use with that filter only.
//! So the filter stays, and the giver notes a *stop*: the key from which on others read. It leaves out rows from there on,
//! and is done when it has seen one. For that it selects the partition keys as well, unless its range is a single key.
//! What it relies on is that the service sorts by partition key, which is documented, and by UTF-16 units or by code
//! points: a stop is a text that both place alike. It does not rely on row keys, nor on where pages end.
//!
//! # Tokens that are refused
//!
//! When the service refuses a continuation, that sub-range begins again, at the last partition key that it has seen; all
//! rows before that have been read. The rows of this key are read again, which changes no set of values, and are taken
//! off the count of rows.

mod cursor;
mod days;
mod pace;
mod share;
pub(crate) mod split;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;

use crate::client::{Failure, Landmark, TableClient};
use crate::distinct::{DistinctCount, DistinctValues, PARTITION_KEY, Rows};
use crate::error::Error;
use crate::page::Page;
use crate::partition_range::PartitionRange;
use crate::query::Query;
use azure_core::{Clock, HttpClient};
use cursor::SubRange;
use pace::{Era, Pace};

pub use cursor::ScanCursor;

/// How often a sub-range begins again, because its continuation was refused, without getting anywhere.
const MAX_RESTARTS: u32 = 4;

/// How a scan is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanOptions {
    /// The most requests that are under way at a time; 0 is like 1.
    pub concurrency: usize,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { concurrency: 16 }
    }
}

/// What a scan has done, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanProgress {
    /// The different values found.
    pub distinct: u64,
    /// The rows read.
    pub rows: u64,
    /// Those of them that have no value.
    pub rows_without_value: u64,
    /// The pages read, empty ones included.
    pub pages: u64,
    /// The sub-ranges that are read to their ends.
    pub sub_ranges_done: u64,
    /// All sub-ranges; more may come.
    pub sub_ranges: u64,
    /// Requests that the service refused because it was too busy.
    pub throttled: u64,
    /// Requests that failed and were repeated, for any reason.
    pub retries: u64,
    /// Sub-ranges that were begun again because their continuation was refused.
    pub restarts: u64,
}

/// A count under way.
pub struct DistinctScan<'a, H, C> {
    client: &'a TableClient<H, C>,
    /// The query, without a range and a selection.
    query: Query,
    column: String,
    values: DistinctValues,
    /// By id: what waits, and what is being read.
    open: BTreeMap<u64, Open>,
    /// Those that wait.
    waiting: VecDeque<u64>,
    in_flight: FuturesUnordered<LocalBoxFuture<'a, Answer>>,
    pace: Pace,
    /// Of everything but the open sub-ranges.
    totals: ScanCursor,
    on_hold: bool,
    /// How long a page takes, lately.
    page_time: Duration,
}

/// What came of a request.
struct Answer {
    id: u64,
    begun: Era,
    took: Duration,
    page: Result<Page, Failure>,
}

/// A sub-range in memory.
struct Open {
    part: SubRange,
    landmark: Landmark,
}

impl From<SubRange> for Open {
    fn from(part: SubRange) -> Self {
        Self { landmark: Landmark::at(part.continuation.clone()), part }
    }
}

impl<'a, H: HttpClient, C: Clock> DistinctScan<'a, H, C> {
    /// A count of the different values of `column` in the rows of `query` whose partition keys are in `range`. What the
    /// query selects is of no importance. Nothing is sent yet.
    pub fn new(
        client: &'a TableClient<H, C>,
        query: Query,
        range: &PartitionRange,
        column: impl Into<String>,
        options: ScanOptions,
    ) -> Self {
        let parts = split::into_parts(range, options.concurrency.max(1));
        let open: Vec<_> = (0..).zip(parts).map(|(id, range)| SubRange::new(id, range)).collect();
        let cursor = ScanCursor {
            next_id: open.len() as u64,
            open,
            done: 0,
            rows: Rows::default(),
            pages: 0,
            throttled: 0,
            retries: 0,
            restarts: 0,
        };
        Self::resume(client, query, column, options, cursor, DistinctValues::default())
    }

    /// Goes on from a cursor, with the values that had been found when it was made. The query and the column must be the
    /// same.
    pub fn resume(
        client: &'a TableClient<H, C>,
        query: Query,
        column: impl Into<String>,
        options: ScanOptions,
        mut cursor: ScanCursor,
        values: DistinctValues,
    ) -> Self {
        // Ids mean something to this scan only; and what comes from a store may be anything.
        let parts = std::mem::take(&mut cursor.open).into_iter().map(SubRange::bounded);
        let open: BTreeMap<_, _> =
            (0..).zip(parts).map(|(id, part)| (id, SubRange { id, giver: None, ..part }.into())).collect();
        let cursor = ScanCursor { next_id: open.len() as u64, ..cursor.bounded() };
        Self {
            client,
            query,
            column: column.into(),
            values,
            waiting: open.keys().copied().collect(),
            open,
            in_flight: FuturesUnordered::new(),
            pace: Pace::new(options.concurrency),
            totals: cursor,
            on_hold: false,
            page_time: Duration::ZERO,
        }
    }

    /// Reads all that is left.
    ///
    /// # Errors
    ///
    /// As [`DistinctScan::step`].
    pub async fn finish(&mut self) -> Result<DistinctCount, Error> {
        while self.step().await? {}
        let ScanProgress { distinct, rows, rows_without_value, pages, retries, .. } = self.progress();
        Ok(DistinctCount { distinct, rows, rows_without_value, pages, retries })
    }

    /// Keeps requests under way until one of them comes back, and takes in what it brings. False: none is under way any
    /// more, since everything is read or the scan is on hold. A call that is dropped before it ends loses nothing.
    ///
    /// # Errors
    ///
    /// Any [`Error`] but those of parsing. After one the scan may be resumed from its cursor.
    pub async fn step(&mut self) -> Result<bool, Error> {
        self.begin_requests();
        let Some(Answer { id, begun, took, page }) = self.in_flight.next().await else { return Ok(false) };
        match page {
            Ok(page) => {
                self.pace.answered();
                self.page_time = match self.page_time {
                    Duration::ZERO => took,
                    before => (before * 7 + took) / 8,
                };
                self.take_page(id, &page)?;
            }
            Err(failure) => self.take_failure(id, begun, failure)?,
        }
        Ok(true)
    }

    /// From now on no request is begun; [`DistinctScan::step`] waits for those that are under way.
    pub fn hold(&mut self) {
        self.on_hold = true;
    }

    /// How long a page takes, about and lately; zero while there has been none.
    pub fn page_time(&self) -> Duration {
        self.page_time
    }

    /// Whether all requests under way wait for the service to recover.
    pub fn is_pausing(&self) -> bool {
        let now = self.client.clock().now();
        let under_way = self.open.iter().filter(|(id, _)| !self.waiting.contains(id));
        let mut pauses = under_way.map(|(_, open)| open.part.not_before.is_some_and(|then| then > now));
        !self.in_flight.is_empty() && pauses.all(|pauses| pauses)
    }

    /// Whether everything is read.
    pub fn is_done(&self) -> bool {
        self.open.is_empty()
    }

    /// How far the scan is. What is under way counts as not begun.
    pub fn cursor(&self) -> ScanCursor {
        ScanCursor { open: self.open.values().map(|open| open.part.clone()).collect(), ..self.totals.clone() }
    }

    /// The values found.
    pub fn values(&self) -> &DistinctValues {
        &self.values
    }

    /// The values found, to note that they are saved.
    pub fn values_mut(&mut self) -> &mut DistinctValues {
        &mut self.values
    }

    /// What has been done, with what was done before the cursor that this was resumed from.
    pub fn progress(&self) -> ScanProgress {
        let totals = &self.totals;
        ScanProgress {
            distinct: self.values.len(),
            rows: totals.rows.rows,
            rows_without_value: totals.rows.without_value,
            pages: totals.pages,
            sub_ranges_done: totals.done,
            sub_ranges: totals.done + self.open.len() as u64,
            throttled: totals.throttled,
            retries: totals.retries,
            restarts: totals.restarts,
        }
    }

    fn begin_requests(&mut self) {
        if self.on_hold {
            return;
        }
        self.give_away();
        while self.in_flight.len() < self.pace.limit() {
            let Some(id) = self.waiting.pop_front() else { break };
            self.request(id);
        }
    }

    /// Divides what is being read among the requests that would otherwise not be made.
    fn give_away(&mut self) {
        let idle = self.pace.limit().saturating_sub(self.in_flight.len() + self.waiting.len());
        let shares = share::among(self.open.values().map(|open| &open.part), idle);
        for (id, points) in shares {
            let Some(Open { part, .. }) = self.open.get_mut(&id) else { continue };
            let parts = split::at(&part.unread(), &points);
            part.stop = points.into_iter().next();
            let giver = Some(id);
            for range in parts.into_iter().skip(1) {
                let id = self.totals.next_id;
                self.totals.next_id += 1;
                self.open.insert(id, SubRange { giver, ..SubRange::new(id, range) }.into());
                self.waiting.push_back(id);
            }
        }
    }

    /// Begins a request for the next page of a sub-range.
    fn request(&mut self, id: u64) {
        let Some(Open { part, .. }) = self.open.get(&id) else { return };
        let (client, begun) = (self.client, self.pace.era());
        let filter = match &self.query.filter {
            Some(filter) => Some(part.range.narrow(filter)),
            None => part.range.filter(),
        };
        let mut select = vec![self.column.clone()];
        if !part.is_one_key() && self.column != PARTITION_KEY {
            select.push(PARTITION_KEY.to_owned());
        }
        let query = Query { filter, select, ..self.query.clone() };
        let (from, not_before) = (part.continuation.clone(), part.not_before);
        let page = async move {
            if let Some(pause) = not_before.and_then(|then| until(client.clock().now(), then)) {
                client.clock().sleep(pause).await;
            }
            let begin = client.clock().now();
            let page = client.try_page(&query, from.as_ref()).await;
            let took = until(begin, client.clock().now()).unwrap_or_default();
            Answer { id, begun, took, page }
        };
        self.in_flight.push(page.boxed_local());
    }

    fn take_page(&mut self, id: u64, page: &Page) -> Result<(), Error> {
        let Some(Open { part, landmark }) = self.open.get_mut(&id) else { return Ok(()) };
        let added =
            self.values.add_before(page, &self.column, part.stop.as_deref()).map_err(Error::BadPage)?;
        part.pages += 1;
        (part.tries, part.not_before) = (0, None);
        self.totals.pages += 1;
        self.totals.rows += added.rows;
        let is_barren = part.pages == 1 && added.rows == Rows::default() && page.continuation().is_none();
        part.take(&added);
        let next = page.continuation().filter(|_| !added.goes_beyond);
        if next.is_some_and(|next| landmark.is_passed_again(next)) {
            return Err(Error::EndlessPaging { pages: part.pages });
        }
        match next {
            Some(next) => {
                part.continuation = Some(next.clone());
                // First of all: what is long is better begun early.
                self.waiting.push_front(id);
            }
            None => {
                let giver = part.giver;
                self.open.remove(&id);
                self.totals.done += 1;
                if let Some(giver) = giver.and_then(|giver| self.open.get_mut(&giver)) {
                    giver.part.has_given(is_barren);
                }
            }
        }
        Ok(())
    }

    fn take_failure(&mut self, id: u64, era: Era, failure: Failure) -> Result<(), Error> {
        let Some(Open { part, landmark }) = self.open.get_mut(&id) else { return Ok(()) };
        if failure.is_throttling() {
            self.pace.throttled(era);
            self.totals.throttled += 1;
        }
        if part.continuation.is_some() && refuses_token(&failure) {
            part.restarts += 1;
            if part.restarts > MAX_RESTARTS {
                return Err(failure.after(part.restarts));
            }
            self.totals.restarts += 1;
            self.totals.rows -= part.begin_again();
            *landmark = Landmark::at(None);
            self.waiting.push_front(id);
            return Ok(());
        }
        part.tries += 1;
        let Some(pause) = self.client.wait_after(part.tries, &failure) else {
            return Err(failure.after(part.tries));
        };
        part.not_before = after(self.client.clock().now(), pause);
        self.totals.retries += 1;
        if self.on_hold {
            self.waiting.push_back(id);
        } else {
            // It keeps its place among the requests under way, so that the service is spared while it waits.
            self.request(id);
        }
        Ok(())
    }
}

/// Whether the service does not know a continuation any more. It has no words of its own for that.
fn refuses_token(failure: &Failure) -> bool {
    match failure {
        Failure::Refusal(Error::InvalidQuery(_)) => true,
        Failure::Refusal(Error::Unexpected(said)) => said.status == StatusCode::GONE,
        _ => false,
    }
}

/// How long it is until then.
fn until(now: Timestamp, then: Timestamp) -> Option<Duration> {
    Duration::try_from(then.duration_since(now)).ok()
}

fn after(now: Timestamp, pause: Duration) -> Option<Timestamp> {
    now.checked_add(pause).ok()
}
