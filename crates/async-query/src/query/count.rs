//! The count as a durable activity: it reads what it can in the time of a call, says how far it got, and goes on from
//! there in the next call, on this machine or another.
//!
//! # What it saves
//!
//! About every second, and at its end: a cursor (the open sub-ranges with their continuations, a few kilobytes) and a
//! segment with the values that are new since the last one (their own bytes and 3 more for each text). Values that are
//! found twice, because pages read since the last checkpoint are read again, are the same values.
//!
//! # When its time is up
//!
//! Near the deadline it begins no more requests, and waits for those under way, so that hardly a page is read in vain:
//! for at most another quarter of the call's time, unless there has been no page at all.

use std::time::Duration;

use azure_tables::{
    Clock, DistinctScan, DistinctValues, HttpClient, NewValues, PartitionRange, Query, ScanCursor,
    ScanOptions, ScanProgress, TableClient,
};
use futures::future::{Either, select};
use futures::pin_mut;
use jiff::Timestamp;
use longhaul::{ActivityContext, Checkpoint, Failure, Step};

use super::{QueryError, Uncounted};
use crate::submit::DateRange;

/// How much work a crash may undo.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

/// How many bytes of new values are saved before that.
const CHECKPOINT_BYTES: usize = 1 << 20;

/// The least time of a call, so that a service that asks to be spared is not asked all the time.
const LEAST_CALL: Duration = Duration::from_secs(1);

/// The most requests that may be asked for at a time.
const MOST_CONCURRENCY: usize = 256;

/// Reads the variable `query_concurrency`.
pub(super) fn concurrency(text: &str) -> Result<usize, QueryError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(ScanOptions::default().concurrency);
    }
    let number = text.parse().ok().filter(|number| (1..=MOST_CONCURRENCY).contains(number));
    number.ok_or_else(|| QueryError::Variable {
        variable: "query_concurrency",
        why: format!("it is not a number from 1 to {MOST_CONCURRENCY}"),
    })
}

/// A count to be made.
pub(super) struct Count<'a, H, C> {
    pub(super) client: &'a TableClient<H, C>,
    pub(super) clock: C,
    /// Without the range.
    pub(super) query: Query,
    pub(super) column: &'a str,
    pub(super) concurrency: usize,
    pub(super) range: DateRange,
}

impl<H: HttpClient, C: Clock> Count<'_, H, C> {
    /// One call's part of it.
    pub(super) async fn run(self, mut context: ActivityContext) -> Result<Step<u64>, Uncounted> {
        let mut scan = self.scan(context.checkpoint.take())?;
        let times = Times::of(&context, self.clock.now());
        let (pages_before, mut saved_at) = (scan.progress().pages, self.clock.now());
        while !scan.is_done() {
            match self.step(&mut scan, &times, pages_before).await? {
                Stepped::WentOn => {}
                Stepped::Ended if scan.is_done() => break,
                Stepped::Ended => return self.pause(&context, &scan).await,
            }
            let now = self.clock.now();
            if times.deadline.is_some_and(|deadline| until(now, deadline) <= scan.page_time()) {
                scan.hold();
            }
            if until(saved_at, now) >= CHECKPOINT_EVERY || scan.values().new_bytes() >= CHECKPOINT_BYTES {
                context.progress(scan.progress()).await?;
                context.save(scan.cursor(), new_values(&scan)).await?;
                scan.values_mut().mark_saved();
                saved_at = self.clock.now();
            }
        }
        let found = scan.progress();
        self.log(&found);
        Ok(Step::Done(found.distinct))
    }

    /// The scan, from the beginning or from where an earlier call has come.
    fn scan(&self, checkpoint: Option<Checkpoint>) -> Result<DistinctScan<'_, H, C>, Failure> {
        let options = ScanOptions { concurrency: self.concurrency };
        let Some(Checkpoint { cursor, segments }) = checkpoint else {
            let days = PartitionRange::inclusive(self.range.start.to_string(), self.range.end.to_string());
            return Ok(DistinctScan::new(self.client, self.query.clone(), &days, self.column, options));
        };
        let unreadable =
            |error| Failure::permanent("BadCheckpoint", format!("the query's checkpoint: {error}"));
        let cursor: ScanCursor = cursor.to().map_err(unreadable)?;
        let mut values = DistinctValues::default();
        // One after the other, so that they are not there twice.
        for segment in segments {
            values.restore(segment.text()).map_err(unreadable)?;
        }
        Ok(DistinctScan::resume(self.client, self.query.clone(), self.column, options, cursor, values))
    }

    /// Waits for a page, but not beyond the end of the call.
    async fn step(
        &self,
        scan: &mut DistinctScan<'_, H, C>,
        times: &Times,
        pages_before: u64,
    ) -> Result<Stepped, Uncounted> {
        let stepped = loop {
            let Some(end) = times.end else { break scan.step().await };
            let now = self.clock.now();
            let is_over = now >= end;
            // There must be some page, or else the next call would come no further than this one.
            if is_over && (scan.progress().pages > pages_before || scan.is_pausing()) {
                return Ok(Stepped::Ended);
            }
            let patience = if is_over { LEAST_CALL } else { until(now, end) };
            let (step, time_out) = (scan.step(), self.clock.sleep(patience));
            pin_mut!(step, time_out);
            if let Either::Left((stepped, _)) = select(step, time_out).await {
                break stepped;
            }
        };
        match stepped {
            Ok(true) => Ok(Stepped::WentOn),
            Ok(false) => Ok(Stepped::Ended),
            Err(error) => Err(QueryError::service(self.client.endpoint().to_string(), error).into()),
        }
    }

    async fn pause(
        &self,
        context: &ActivityContext,
        scan: &DistinctScan<'_, H, C>,
    ) -> Result<Step<u64>, Uncounted> {
        context.progress(scan.progress()).await?;
        Ok(Step::Continue(Checkpoint::new(scan.cursor(), new_values(scan))?))
    }

    fn log(&self, found: &ScanProgress) {
        tracing::info!(
            distinct = found.distinct,
            rows = found.rows,
            rows_without_value = found.rows_without_value,
            pages = found.pages,
            sub_ranges = found.sub_ranges,
            throttled = found.throttled,
            retries = found.retries,
            restarts = found.restarts,
            "counted {} from {} to {}",
            self.column,
            self.range.start,
            self.range.end
        );
    }
}

/// What came of waiting for a page.
enum Stepped {
    /// One came, or a failure that may pass.
    WentOn,
    /// The call's time is up, or no request is under way any more.
    Ended,
}

/// When a call is to end.
struct Times {
    /// When it is to begin nothing more.
    deadline: Option<Timestamp>,
    /// When it is to answer, whatever is under way.
    end: Option<Timestamp>,
}

impl Times {
    fn of(context: &ActivityContext, now: Timestamp) -> Self {
        let end = context.time_left(now).map(|left| left.saturating_add(left / 4).max(LEAST_CALL));
        let end = end.map(|left| now.checked_add(left).unwrap_or(Timestamp::MAX));
        Self { deadline: context.deadline, end }
    }
}

fn new_values<'s, H: HttpClient, C: Clock>(scan: &'s DistinctScan<'_, H, C>) -> Option<NewValues<'s>> {
    (scan.values().new_bytes() > 0).then(|| scan.values().new_values())
}

/// How long it is until `then`; nothing if it has passed.
fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}
