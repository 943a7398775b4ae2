//! Activities: how a tick has them run, and how an activity component answers.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::failure::{Failure, malformed};
use crate::id::{ExecutionId, InstanceId, TaskId};
use crate::json::Json;

/// What an activity is called with: the body of `POST /activities/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityRequest {
    /// The instance that waits for it.
    pub instance_id: InstanceId,
    /// The execution of that instance.
    pub execution_id: ExecutionId,
    /// The task within the execution.
    pub task_id: TaskId,
    /// How often this task has been dispatched, this time included. With the three ids it names the call: no two are
    /// alike.
    pub attempt: u32,
    /// The activity's input.
    pub input: Json,
}

/// What an activity answers.
#[derive(Debug, Clone, PartialEq)]
pub enum ActivityOutcome {
    /// It has ended well, with this output.
    Completed(Json),
    /// It has failed.
    Failed(Failure),
}

/// An activity that gave no answer: its component trapped, could not be reached, or answered something else. It will be
/// called again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct NoAnswer(pub String);

/// How a tick reaches activity components.
#[allow(async_fn_in_trait)]
pub trait Activities {
    /// Runs the activity function `name` and waits for its outcome, however long that takes.
    async fn call(&self, name: &str, request: &ActivityRequest) -> Result<ActivityOutcome, NoAnswer>;
}

/// The outcome as it stands in an answer.
#[derive(Serialize, Deserialize)]
struct Wire {
    outcome: WireKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireKind {
    Completed,
    Failed,
}

impl ActivityOutcome {
    /// The body of the answer.
    pub fn encode(self) -> Vec<u8> {
        let wire = match self {
            Self::Completed(output) => {
                Wire { outcome: WireKind::Completed, output: Some(output), error: None }
            }
            Self::Failed(failure) => Wire { outcome: WireKind::Failed, output: None, error: Some(failure) },
        };
        serde_json::to_vec(&wire).expect("an outcome has a JSON form")
    }

    /// Reads the body of an answer.
    ///
    /// # Errors
    /// When it is not one.
    pub fn decode(body: &[u8]) -> Result<Self, NoAnswer> {
        let wire: Wire = serde_json::from_slice(body)
            .map_err(|error| NoAnswer(format!("the activity's answer is not an outcome: {error}")))?;
        match wire {
            Wire { outcome: WireKind::Completed, output, .. } => {
                Ok(Self::Completed(output.unwrap_or_default()))
            }
            Wire { outcome: WireKind::Failed, error: Some(failure), .. } => Ok(Self::Failed(failure)),
            Wire { outcome: WireKind::Failed, error: None, .. } => {
                Err(NoAnswer("the activity's answer says 'failed' and not why".into()))
            }
        }
    }
}

/// What an activity function is told about its call.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityContext {
    /// The instance that waits for it.
    pub instance_id: InstanceId,
    /// The execution of that instance.
    pub execution_id: ExecutionId,
    /// The task within the execution.
    pub task_id: TaskId,
    /// How often this task has been dispatched, this time included.
    pub attempt: u32,
}

type Function<'a> =
    Box<dyn Fn(ActivityContext, Json) -> Pin<Box<dyn Future<Output = ActivityOutcome> + 'a>> + 'a>;

/// The activity functions of a component, by name.
#[derive(Default)]
pub struct ActivityFunctions<'a> {
    functions: BTreeMap<String, Function<'a>>,
}

impl<'a> ActivityFunctions<'a> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an activity function: `async fn(ActivityContext, Input) -> Result<Output, Failure>`.
    #[must_use]
    pub fn with<I, O, F, Fut>(mut self, name: &str, function: F) -> Self
    where
        I: DeserializeOwned + 'a,
        O: Serialize + 'a,
        F: Fn(ActivityContext, I) -> Fut + Clone + 'a,
        Fut: Future<Output = Result<O, Failure>> + 'a,
    {
        let named = name.to_owned();
        self.functions.insert(
            name.to_owned(),
            Box::new(move |context, input| {
                let (function, name) = (function.clone(), named.clone());
                Box::pin(async move {
                    let outcome = async {
                        let input = input.to().map_err(|error| {
                            malformed("BadInput", format!("the input of activity '{name}'"), &error)
                        })?;
                        let output = function(context, input).await?;
                        Json::of(&output).map_err(|error| {
                            malformed("BadOutput", format!("the output of activity '{name}'"), &error)
                        })
                    };
                    match outcome.await {
                        Ok(output) => ActivityOutcome::Completed(output),
                        Err(failure) => ActivityOutcome::Failed(failure),
                    }
                })
            }),
        );
        self
    }

    /// Runs the function `name`. One that does not exist fails for good, with a message that lists those that do.
    pub async fn run(&self, name: &str, request: ActivityRequest) -> ActivityOutcome {
        let ActivityRequest { instance_id, execution_id, task_id, attempt, input } = request;
        match self.functions.get(name) {
            Some(function) => {
                function(ActivityContext { instance_id, execution_id, task_id, attempt }, input).await
            }
            None => {
                let known: Vec<_> = self.functions.keys().map(String::as_str).collect();
                ActivityOutcome::Failed(Failure::permanent(
                    "UnknownActivity",
                    format!("there is no activity function '{name}'; there are: {}", known.join(", ")),
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_back_and_anything_else_is_no_answer() {
        let failure = Failure::permanent("TableNotFound", "no such table");
        for outcome in [
            ActivityOutcome::Completed(Json::parse("[1, 2]").unwrap()),
            ActivityOutcome::Completed(Json::null()),
            ActivityOutcome::Failed(failure),
        ] {
            assert_eq!(ActivityOutcome::decode(&outcome.clone().encode()), Ok(outcome));
        }
        for body in ["", "{}", "null", r#"{"outcome":"done"}"#, r#"{"outcome":"failed"}"#] {
            assert!(ActivityOutcome::decode(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn functions_are_run_by_name_with_typed_input_and_output() {
        let functions = ActivityFunctions::new().with("double", |_, n: u32| async move { Ok(2 * n) }).with(
            "fail",
            |context, _: Json| async move {
                Err::<(), _>(Failure::new("Boom", format!("attempt {}", context.attempt)))
            },
        );
        let run = |name: &str, input: &str| {
            let request = ActivityRequest {
                instance_id: InstanceId::random([1; 16]),
                execution_id: ExecutionId::random([2; 16]),
                task_id: TaskId(0),
                attempt: 3,
                input: Json::parse(input).unwrap(),
            };
            futures::executor::block_on(functions.run(name, request))
        };
        assert_eq!(run("double", "4"), ActivityOutcome::Completed(Json::parse("8").unwrap()));
        assert_eq!(run("fail", "0"), ActivityOutcome::Failed(Failure::new("Boom", "attempt 3")));
        for (name, input, kind) in [("double", "\"x\"", "BadInput"), ("triple", "1", "UnknownActivity")] {
            let ActivityOutcome::Failed(failure) = run(name, input) else { panic!("{name} should fail") };
            assert_eq!((failure.kind.as_str(), failure.retriable), (kind, false));
        }
    }
}
