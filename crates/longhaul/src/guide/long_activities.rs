//! 8. Long activities.
//!
//! An activity may take hours, although no request may, on most platforms: it says how far it got, and is called again.
//! And when it dies half way, it does not begin from the start.
//!
//! | of the [context](crate::ActivityContext) | what it is for |
//! | --- | --- |
//! | `deadline` | when the time for this call is up: 20 s after its begin, unless the variable `activity_budget` says else |
//! | `checkpoint` | what earlier attempts have saved: the last *cursor*, and all *segments* in order |
//! | [`save`](crate::ActivityContext::save) | saves a cursor (small: where to go on) and a segment (what was gathered since the last) |
//! | [`progress`](crate::ActivityContext::progress) | shows something to whoever looks at the instance, within some seconds: as its custom status, unless the orchestrator sets one |
//! | [`heartbeat`](crate::ActivityContext::heartbeat) | says that it is alive |
//! | [`is_cancelled`](crate::ActivityContext::is_cancelled) | whether nobody waits any more, as far as is known |
//!
//! An activity that is registered with [`with_resumable`](crate::ActivityFunctions::with_resumable) answers
//! [`Step::Continue`](crate::Step::Continue) with a last checkpoint when its time is up, and is called again at once.
//! Nothing forces it to: one that takes no notice of the deadline runs on, as long as its host lets it.
//!
//! ```
//! # use std::rc::Rc;
//! # use futures::executor::block_on;
//! # use futures::future::{FutureExt, LocalBoxFuture};
//! # use longhaul::{
//! #     ActivityContext, ActivityFunctions, ActivityOutcome, ActivityReport, ActivityRequest, Cancelled, Checkpoint,
//! #     ExecutionId, Failure, InstanceId, Json, ReportSink, Step, TaskId,
//! # };
//! use jiff::Timestamp;
//!
//! /// Counts the rows of some pages. The cursor is the next page, and there is a segment for each page.
//! async fn count_rows(ctx: ActivityContext, pages: u32) -> Result<Step<u32>, Failure> {
//!     let (mut page, mut rows) = (0, 0);
//!     if let Some(saved) = &ctx.checkpoint {
//!         page = saved.cursor.to().map_err(unreadable)?;
//!         for segment in &saved.segments {
//!             rows += segment.to::<u32>().map_err(unreadable)?;
//!         }
//!     }
//!     while page < pages {
//!         let new = read_page(page).await?;
//!         rows += new;
//!         page += 1;
//!         if ctx.deadline.is_some_and(|deadline| Timestamp::now() >= deadline) {
//!             return Ok(Step::Continue(Checkpoint::new(page, Some(new))?));
//!         }
//!         // An error says that nobody waits any more: the `?` ends the work.
//!         ctx.save(page, Some(new)).await?;
//!     }
//!     Ok(Step::Done(rows))
//! }
//!
//! fn unreadable(error: impl std::fmt::Display) -> Failure {
//!     Failure::permanent("BadCheckpoint", error.to_string())
//! }
//! #
//! # async fn read_page(page: u32) -> Result<u32, Failure> {
//! #     Ok(10 * page)
//! # }
//! # #[derive(Default)]
//! # struct Reports(std::cell::RefCell<Vec<ActivityReport>>);
//! # impl ReportSink for Reports {
//! #     fn report(&self, report: ActivityReport) -> LocalBoxFuture<'_, Result<(), Cancelled>> {
//! #         self.0.borrow_mut().push(report);
//! #         async { Ok(()) }.boxed_local()
//! #     }
//! #     fn is_cancelled(&self) -> bool {
//! #         false
//! #     }
//! # }
//!
//! let activities = ActivityFunctions::new().with_resumable("count-rows", count_rows);
//! # let reports = Rc::new(Reports::default());
//! # let request = |attempt, checkpoint, budget_ms| ActivityRequest {
//! #     instance_id: InstanceId::new("i").unwrap(),
//! #     execution_id: ExecutionId::random([0; 16]),
//! #     task_id: TaskId(0),
//! #     attempt,
//! #     retry: 0,
//! #     input: Json::of(&4).unwrap(),
//! #     checkpoint,
//! #     budget_ms,
//! # };
//! # let call = |attempt, checkpoint, budget_ms| {
//! #     let request = request(attempt, checkpoint, budget_ms);
//! #     block_on(activities.run("count-rows", request, Timestamp::now(), reports.clone()))
//! # };
//!
//! // The first call has no time at all, and does one page.
//! let ActivityOutcome::Continue { checkpoint, .. } = call(1, None, Some(0)) else { panic!("its time is up") };
//! assert_eq!((checkpoint.cursor.text(), checkpoint.segments.len()), ("1", 1));
//! // The second begins where the first stopped, and has time enough.
//! assert_eq!(call(2, Some(checkpoint), None), ActivityOutcome::Completed(Json::of(&60).unwrap()));
//! assert_eq!(reports.0.borrow().len(), 3, "a checkpoint for each of the other pages");
//! ```
//!
//! # What a checkpoint promises
//!
//! A checkpoint is stored a moment after it was sent; `save` does not wait for that. When the host dies in between, the
//! next attempt begins with the one before. So what is done between two checkpoints must bear to be done twice. Each
//! costs one write, and one more if it has a segment: save every some seconds, not every row.
//!
//! # Silence
//!
//! An activity that says nothing for ten minutes counts as one that gave no answer, and is [called
//! again](super::failures). What works for longer than that in one call sends heartbeats, checkpoints or progress.
//!
//! # Cancellation
//!
//! When the instance is terminated or continues as new, or when another attempt has taken over, nobody reads the
//! reports any more: `save`, `progress` and `heartbeat` fail with [`Cancelled`](crate::Cancelled). What was done stays
//! done. Activities that report nothing do not learn of it. A time-out of the orchestrator's, and a future that it
//! drops, cancel nothing.
//!
//! # Doing it once
//!
//! An activity runs at least once. What it does outside is done once only if the other side can tell a repetition, by a
//! key:
//!
//! | key | is the same for |
//! | --- | --- |
//! | `instance_id`, `execution_id`, `task_id` | all attempts of one task: **the idempotency key** |
//! | with `attempt` | one call only: to tell a late attempt from the present one (the higher counts) |
//! | a GUID that the orchestrator [made](crate::OrchestrationContext::new_guid) and put into the input | all of these, and the repetitions of a retry policy, which are tasks of their own |
//!
//! ```
//! # use longhaul::testing::{TestCall, TestHub};
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators, RetryPolicy};
//! # use std::time::Duration;
//! async fn pay(ctx: OrchestrationContext, amount: u32) -> Result<(), Failure> {
//!     let key = ctx.new_guid().to_string();
//!     let policy = RetryPolicy::new(Duration::from_secs(1), 3);
//!     ctx.call_activity("charge", (key, amount)).with_retry(policy).await
//! }
//!
//! let run = TestHub::new(Orchestrators::new().with("pay", pay))
//!     .activity_with("charge", |call: TestCall<(String, u32)>| match call.retry {
//!         0 => Err(Failure::new("NoReply", "the bank does not answer, and may have done it")),
//!         _ => Ok(()),
//!     })
//!     .run("pay", 20);
//! let calls = run.calls::<(String, u32)>("charge");
//! assert_eq!((calls.len(), &calls[0]), (2, &calls[1]), "the same key");
//! ```
//!
//! A restart of an instance is a new execution, with other keys; a rewind keeps the execution and the task, and its
//! attempts have higher numbers.
