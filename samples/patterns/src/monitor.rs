//! Monitor: looks at something every now and then, until it is as it should be or the patience is over.
//!
//! Between two looks there is a durable timer, not a sleep: while it runs, nothing is in memory and nothing is paid for,
//! and a host that dies meanwhile changes nothing. The clock is the orchestration's
//! ([`current_time`](OrchestrationContext::current_time)), the same in each replay.
//!
//! Each look adds some events to the history. A monitor of a few thousand looks is fine as it is; one without end
//! continues as new every now and then ([`continue_as_new`](OrchestrationContext::continue_as_new)).

use std::time::Duration;

use longhaul::{Failure, OrchestrationContext};
use serde::{Deserialize, Serialize};

/// The orchestrator function's name.
pub const NAME: &str = "monitor";

/// What to look at, and how often: `{"takesMs": 500, "intervalMs": 100, "patienceMs": 5000}`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watch {
    /// How long the job takes, in milliseconds, from when it is first looked at.
    pub takes_ms: u64,
    /// The pause between two looks, in milliseconds.
    pub interval_ms: u64,
    /// After how many milliseconds nobody looks any more.
    pub patience_ms: u64,
}

/// A look at the job.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// How long the job has been running, in milliseconds.
    pub running_ms: u64,
    /// How long it takes in all.
    pub takes_ms: u64,
}

/// The end of the watch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// How often the job was looked at.
    pub looks: u32,
}

/// Watches a job until it is done. Meanwhile the custom status is how far it is, in percent.
pub async fn watch(ctx: OrchestrationContext, watch: Watch) -> Result<Seen, Failure> {
    let begin = ctx.current_time();
    let mut looks = 0;
    loop {
        let running = Duration::try_from(ctx.current_time().duration_since(begin)).unwrap_or_default();
        let look = Look { running_ms: running.as_millis() as u64, takes_ms: watch.takes_ms };
        let percent: u64 = ctx.call_activity("look-at-job", look).await?;
        looks += 1;
        ctx.set_custom_status(percent)?;
        if percent >= 100 {
            return Ok(Seen { looks });
        }
        if look.running_ms >= watch.patience_ms {
            let message = format!("after {} ms the job is at {percent} %", look.running_ms);
            return Err(Failure::permanent("JobTooSlow", message));
        }
        ctx.create_timer(Duration::from_millis(watch.interval_ms)).await;
    }
}

/// The activity that looks at the job: how far it is, in percent. A real one would ask whoever runs it.
pub fn look(Look { running_ms, takes_ms }: Look) -> Result<u64, Failure> {
    let percent = running_ms.saturating_mul(100).checked_div(takes_ms);
    Ok(percent.map_or(100, |percent| percent.min(100)))
}

#[cfg(test)]
mod tests {
    use longhaul::testing::TestHub;

    use super::*;

    const MINUTE: u64 = 60_000;

    fn hub() -> TestHub<'static> {
        TestHub::new(crate::orchestrators()).activity("look-at-job", look)
    }

    #[test]
    fn the_job_is_looked_at_until_it_is_done() {
        let run = hub()
            .run(NAME, Watch { takes_ms: 35 * MINUTE, interval_ms: 10 * MINUTE, patience_ms: 60 * MINUTE });
        assert_eq!(run.output(), Ok(Seen { looks: 5 }));
        assert_eq!(run.elapsed(), Duration::from_secs(40 * 60));
        assert_eq!(run.custom_status(), Some(100));
    }

    #[test]
    fn a_job_that_takes_too_long_is_given_up() {
        let run = hub()
            .run(NAME, Watch { takes_ms: 100 * MINUTE, interval_ms: 10 * MINUTE, patience_ms: 25 * MINUTE });
        let failure = run.output::<Seen>().unwrap_err();
        assert_eq!((failure.kind.as_str(), run.custom_status()), ("JobTooSlow", Some(30)));
    }
}
