//! The orchestrator function that evaluates programs.

use std::time::Duration;

use futures::FutureExt;
use longhaul::{
    EntityId, Failure, InstanceId, OrchestrationContext, Orchestrators, RetryPolicy, UnprocessedEvents,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::branches::{self, Evaluation};
use crate::program::{Input, Program, Retry};

/// The name of the orchestrator function.
pub const PROGRAM: &str = "program";

/// What `any` of nothing fails with.
pub(crate) const ANY_OF_NOTHING: &str = "any of nothing";
/// What rounds anywhere but at the top fail with.
pub(crate) const MISPLACED_ROUNDS: &str = "rounds may stand only at the top of a program";
/// What an event wait gives whose time is up.
pub(crate) const TIMEOUT: &str = "timeout";

/// The orchestrator function [`PROGRAM`].
pub fn orchestrators() -> Orchestrators {
    Orchestrators::new().with(PROGRAM, run)
}

/// An [`Input`], without a copy of the program.
#[derive(Serialize)]
struct Next<'a> {
    program: &'a Program,
    n: u32,
}

async fn run(context: OrchestrationContext, input: Input) -> Result<Value, Failure> {
    let Input { program, n } = &input;
    let Program::Rounds { count, body } = program else { return evaluate(&context, program).await };
    let value = evaluate(&context, body).await?;
    match n.checked_add(1) {
        Some(n) if n < *count => context.continue_as_new(Next { program, n }, UnprocessedEvents::Keep).await,
        _ => Ok(value),
    }
}

fn evaluate<'a>(context: &'a OrchestrationContext, program: &'a Program) -> Evaluation<'a> {
    let begun = |programs: &'a [Program]| programs.iter().map(|each| evaluate(context, each)).collect();
    async move {
        match program {
            Program::Value { value } => Ok(value.clone()),
            Program::Activity { name, input, retry } => {
                let call = context.call_activity(name, input);
                match retry {
                    Some(retry) => call.with_retry(policy(retry)).await,
                    None => call.await,
                }
            }
            Program::Sequence { steps } => {
                let mut values = Vec::with_capacity(steps.len());
                for step in steps {
                    values.push(evaluate(context, step).await?);
                }
                Ok(Value::Array(values))
            }
            Program::All { branches } => branches::all(begun(branches)).await.map(Value::Array),
            Program::Any { branches } => match branches::any(begun(branches)).await {
                Some(winner) => winner.map(|(index, value)| json!({"index": index, "value": value})),
                None => Err(failed(ANY_OF_NOTHING)),
            },
            Program::Timer { ms } => {
                context.create_timer(Duration::from_millis(*ms)).await;
                Ok(Value::Null)
            }
            Program::Event { name, timeout_ms } => {
                let event = context.wait_for_event(name);
                match timeout_ms {
                    None => event.await,
                    Some(ms) => {
                        let data = event.with_timeout(Duration::from_millis(*ms)).await?;
                        Ok(data.unwrap_or_else(|| TIMEOUT.into()))
                    }
                }
            }
            Program::Child { program, id, retry } => {
                child(context, program, id.as_deref(), retry.as_ref()).await
            }
            Program::Catch { body, handler } => match evaluate(context, body).await {
                Ok(value) => Ok(value),
                Err(failure) => {
                    let value = evaluate(context, handler).await?;
                    Ok(json!({"caught": failure.message, "value": value}))
                }
            },
            Program::Status { value } => context.set_custom_status(value).map(|()| Value::Null),
            Program::Now => Ok(context.current_time().to_string().into()),
            Program::Guid => Ok(context.new_guid().to_string().into()),
            Program::Rounds { .. } => Err(malformed(MISPLACED_ROUNDS)),
            Program::Fail { message } => Err(failed(message)),
            Program::Call { entity, operation, input } => {
                context.call_entity(&named(entity)?, operation, input).await
            }
            Program::Signal { entity, operation, input } => {
                context.signal_entity(&named(entity)?, operation, input).map(|()| Value::Null)
            }
            Program::Lock { entities, body } => {
                let entities: Vec<_> =
                    entities.iter().map(|entity| named(entity)).collect::<Result<_, _>>()?;
                let _section = context.lock_entities(entities).await?;
                evaluate(context, body).await
            }
        }
    }
    .boxed_local()
}

async fn child(
    context: &OrchestrationContext,
    program: &Program,
    id: Option<&str>,
    retry: Option<&Retry>,
) -> Result<Value, Failure> {
    // Before the call, which already asks for it.
    let id = id.map(InstanceId::new).transpose();
    let id = id.map_err(|error| malformed(&format!("the id of a child is no instance id: {error}")))?;
    let mut call = context.call_sub_orchestration(PROGRAM, Next { program, n: 0 });
    if let Some(id) = id {
        call = call.with_id(id);
    }
    if let Some(retry) = retry {
        call = call.with_retry(policy(retry));
    }
    call.await
}

fn named(entity: &str) -> Result<EntityId, Failure> {
    entity.parse().map_err(|error| malformed(&format!("{error}")))
}

fn policy(retry: &Retry) -> RetryPolicy {
    let Retry { first_ms, max_attempts, backoff, max_ms } = retry;
    let policy = RetryPolicy::new(Duration::from_millis(*first_ms), *max_attempts)
        .backoff_coefficient(backoff.unwrap_or(1.0));
    match max_ms {
        Some(ms) => policy.max_interval(Duration::from_millis(*ms)),
        None => policy,
    }
}

/// A failure that the program means. Trying again is for whoever wrote it to decide.
fn failed(message: &str) -> Failure {
    Failure::new("Failed", message)
}

/// A program that cannot be evaluated, however often it is tried.
fn malformed(message: &str) -> Failure {
    Failure::permanent("BadProgram", message)
}
