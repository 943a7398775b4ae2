//! Async HTTP API: a start that is answered at once, and a status that is polled until the work is done.
//!
//! Platforms cut requests off after a minute or so. Here `POST /start/async-http` stores the instance and answers 202
//! with its status URI (`Location`), whatever the work will take; [`api`](crate::api) has that half of the pattern. This
//! is the other: an orchestrator that says in its custom status what it is about, and an activity that may take as long
//! as it likes. It saves a checkpoint after each piece of work, and when the time for its call is up
//! ([`deadline`](ActivityContext::deadline)), it asks to be called again and goes on from there. So does the next
//! attempt if this one dies.

use jiff::Timestamp;
use longhaul::{ActivityContext, Checkpoint, Failure, OrchestrationContext, Step};
use serde::{Deserialize, Serialize};

/// The orchestrator function's name.
pub const NAME: &str = "async-http";

/// What to report: `{"upTo": 1000000}`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The largest number that is looked at.
    pub up_to: u32,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    /// The largest number that was looked at.
    pub up_to: u32,
    /// How many primes there are.
    pub primes: u32,
}

/// Counts primes, and writes a report. The output is its text.
pub async fn report(ctx: OrchestrationContext, Request { up_to }: Request) -> Result<String, Failure> {
    ctx.set_custom_status("counting")?;
    let primes = ctx.call_activity("count-primes", up_to).await?;
    ctx.set_custom_status("writing the report")?;
    let report = ctx.call_activity("write-report", Counted { up_to, primes }).await?;
    ctx.set_custom_status("done")?;
    Ok(report)
}

/// The largest number that may be asked for.
const MOST: u32 = 50_000_000;
/// How many numbers are looked at between two checkpoints.
const PIECE: u32 = 500_000;

/// The activity that counts the primes up to a number. The cursor of its checkpoints is the next number to look at;
/// their segments are the counts of the pieces.
pub async fn count_primes(ctx: ActivityContext, up_to: u32) -> Result<Step<u32>, Failure> {
    if up_to > MOST {
        return Err(Failure::permanent(
            "TooMany",
            format!("primes are counted up to {MOST}, not to {up_to}"),
        ));
    }
    let (mut next, mut primes) = (2, 0);
    if let Some(saved) = &ctx.checkpoint {
        next = saved.cursor.to().map_err(unreadable)?;
        for segment in &saved.segments {
            primes += segment.to::<u32>().map_err(unreadable)?;
        }
    }
    while next <= up_to {
        let end = up_to.min(next + PIECE - 1);
        let new = (next..=end).filter(|number| is_prime(*number)).count() as u32;
        primes += new;
        next = end + 1;
        if next > up_to {
            break;
        }
        if ctx.deadline.is_some_and(|deadline| Timestamp::now() >= deadline) {
            return Ok(Step::Continue(Checkpoint::new(next, Some(new))?));
        }
        // An error says that nobody waits any more: the `?` ends the work.
        ctx.save(next, Some(new)).await?;
    }
    Ok(Step::Done(primes))
}

/// The activity that writes the report.
pub fn write(Counted { up_to, primes }: Counted) -> Result<String, Failure> {
    Ok(format!("There are {primes} primes up to {up_to}."))
}

/// By trial division: it is meant to take its time.
fn is_prime(number: u32) -> bool {
    number == 2
        || number % 2 == 1
            && (3..).step_by(2).take_while(|d| d * d <= number).all(|d| !number.is_multiple_of(d))
}

fn unreadable(error: serde_json::Error) -> Failure {
    Failure::permanent("BadCheckpoint", error.to_string())
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use futures::executor::block_on;
    use futures::future::{FutureExt, LocalBoxFuture};
    use longhaul::testing::TestHub;
    use longhaul::{
        ActivityOutcome, ActivityReport, ActivityRequest, Cancelled, ExecutionId, InstanceId, Json,
        ReportSink, TaskId,
    };

    use super::*;

    struct Deaf;

    impl ReportSink for Deaf {
        fn report(&self, _: ActivityReport) -> LocalBoxFuture<'_, Result<(), Cancelled>> {
            async { Ok(()) }.boxed_local()
        }

        fn is_cancelled(&self) -> bool {
            false
        }
    }

    /// What a call of the activity gives that has this time.
    fn call(up_to: u32, checkpoint: Option<Checkpoint>, budget_ms: Option<u64>) -> ActivityOutcome {
        let request = ActivityRequest {
            instance_id: InstanceId::random([1; 16]),
            execution_id: ExecutionId::random([2; 16]),
            task_id: TaskId(0),
            attempt: 1,
            retry: 0,
            input: Json::of(&up_to).unwrap(),
            checkpoint,
            budget_ms,
        };
        block_on(crate::activities().run("count-primes", request, Timestamp::now(), Rc::new(Deaf)))
    }

    #[test]
    fn primes_are_counted_whether_in_one_call_or_in_many() {
        for (up_to, primes) in [(0, 0), (2, 1), (100, 25), (1_000_000, 78_498)] {
            assert_eq!(call(up_to, None, None), ActivityOutcome::Completed(Json::of(&primes).unwrap()));
        }
        let ActivityOutcome::Continue { checkpoint, .. } = call(1_000_000, None, Some(0)) else {
            panic!("it has no time for more than a piece")
        };
        assert_eq!(checkpoint.cursor.text(), "500002");
        let rest = call(1_000_000, Some(checkpoint), Some(0));
        assert_eq!(rest, ActivityOutcome::Completed(Json::of(&78_498).unwrap()));
    }

    #[test]
    fn too_much_is_refused() {
        let ActivityOutcome::Failed(failure) = call(MOST + 1, None, None) else { panic!("it is too much") };
        assert_eq!((failure.kind.as_str(), failure.retriable), ("TooMany", false));
    }

    #[test]
    fn the_report_is_written_once_the_primes_are_counted() {
        let hub = TestHub::new(crate::orchestrators())
            .activity("count-primes", |up_to: u32| match up_to {
                100 => Ok(25),
                _ => Err(Failure::permanent("TooMany", "too many")),
            })
            .activity("write-report", write);
        let run = hub.run(NAME, Request { up_to: 100 });
        assert_eq!(run.output::<String>().unwrap(), "There are 25 primes up to 100.");
        assert_eq!(run.custom_status::<String>().unwrap(), "done");
        let run = hub.run(NAME, Request { up_to: 101 });
        assert_eq!(run.output::<String>().unwrap_err().kind, "TooMany");
        assert_eq!(run.custom_status::<String>().unwrap(), "counting");
    }
}
