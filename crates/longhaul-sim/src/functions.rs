//! The orchestrator and activity functions of the simulation.

use longhaul::{ActivityContext, ActivityFunctions, Failure, OrchestrationContext, Orchestrators};

/// The orchestrator functions.
pub const NAMES: [&str; 4] = ["one", "sequence", "fan-out", "fails"];

/// The orchestrator functions, registered.
pub fn orchestrators() -> Orchestrators {
    async fn one(ctx: OrchestrationContext, n: u64) -> Result<u64, Failure> {
        ctx.call_activity("double", n).await
    }
    async fn sequence(ctx: OrchestrationContext, n: u64) -> Result<u64, Failure> {
        let mut value = n;
        for _ in 0..3 {
            value = ctx.call_activity("double", value).await?;
        }
        Ok(value)
    }
    async fn fan_out(ctx: OrchestrationContext, n: u64) -> Result<u64, Failure> {
        let calls: Vec<_> = (0..4).map(|i| ctx.call_activity::<_, u64>("double", n + i)).collect();
        Ok(futures::future::try_join_all(calls).await?.into_iter().sum())
    }
    async fn fails(ctx: OrchestrationContext, n: u64) -> Result<u64, Failure> {
        ctx.call_activity("fail", n).await
    }
    Orchestrators::new()
        .with("one", one)
        .with("sequence", sequence)
        .with("fan-out", fan_out)
        .with("fails", fails)
}

/// What the orchestrator `name` ends with for the input `n`: its output, or its failure's message.
pub fn expected(name: &str, n: u64) -> Result<u64, String> {
    match name {
        "one" => Ok(2 * n),
        "sequence" => Ok(8 * n),
        "fan-out" => Ok(8 * n + 12),
        "fails" => Err(format!("no {n}")),
        other => unreachable!("no orchestrator {other}"),
    }
}

/// The activity functions.
pub fn activities() -> ActivityFunctions<'static> {
    ActivityFunctions::new().with("double", |_: ActivityContext, n: u64| async move { Ok(2 * n) }).with(
        "fail",
        |_: ActivityContext, n: u64| async move {
            Err::<u64, _>(Failure::permanent("Refused", format!("no {n}")))
        },
    )
}
