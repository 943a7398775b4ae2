//! The replay door: whether the code of an orchestrator component still does what a history says. Nothing is changed.

use serde::Serialize;
use thiserror::Error;

use crate::engine::Engine;
use crate::failure::Failure;
use crate::id::InstanceId;
use crate::lookup::ReadError;
use crate::orchestrators::Orchestrators;
use crate::platform::Platform;
use crate::projection::{Options, ProjectionError, StatusDocument};
use crate::query::Wanted;

/// What the replay door is asked: see [`doors::replay_request`](crate::doors::replay_request).
#[derive(Debug, Clone, PartialEq)]
pub enum ReplayRequest {
    /// Whether the instance, in the component's own store, replays.
    Check(InstanceId),
    /// For what [`ReplayRequest::CheckDocument`] takes, of the instance in the component's own store.
    Export(InstanceId),
    /// Whether an execution replays that is told of here. The store is not read.
    CheckDocument(Box<StatusDocument>),
}

/// What it answers, as JSON: `{"outcome":"matches"}`, `{"outcome":"mismatch","failure":{…}}` and so on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum ReplayAnswer {
    /// The code does what the history says.
    Matches,
    /// It does not.
    Mismatch {
        /// Where and how they differ, and why that may be.
        failure: Failure,
    },
    /// The component has no function for the instance.
    NotRegistered {
        /// What it has instead.
        message: String,
    },
    /// There is no such instance.
    NotFound,
    /// What was asked for.
    Exported {
        /// The status with the whole history.
        document: Box<StatusDocument>,
    },
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ReplayError {
    /// The document is not one that can be replayed: it is for whoever asked to get another.
    #[error(transparent)]
    Document(#[from] ProjectionError),
    /// The store failed, or what is stored is not readable.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl<P: Platform> Engine<P> {
    /// Answers a request to the replay door of a component whose functions are `orchestrators`.
    ///
    /// # Errors
    /// When a document is not one that can be replayed, and when an instance cannot be read.
    pub async fn answer_replay(
        &self,
        asked: &ReplayRequest,
        orchestrators: &Orchestrators,
    ) -> Result<ReplayAnswer, ReplayError> {
        match asked {
            ReplayRequest::Check(id) => {
                let Some(found) = self.lookup(id).await? else { return Ok(ReplayAnswer::NotFound) };
                if let Err(error) = orchestrators.check(&found.head.name, found.head.version.as_deref()) {
                    return Ok(ReplayAnswer::NotRegistered { message: error.to_string() });
                }
                Ok(verdict(self.check_replay(id, orchestrators).await?))
            }
            ReplayRequest::Export(id) => {
                let wanted = Wanted { input: true, output: true, history: true };
                Ok(match self.details(id, wanted).await? {
                    Some(details) => {
                        let document = Box::new(StatusDocument::of(&details, Options::all()));
                        ReplayAnswer::Exported { document }
                    }
                    None => ReplayAnswer::NotFound,
                })
            }
            ReplayRequest::CheckDocument(document) => {
                let recorded = document.recorded()?;
                let (head, output) = (&recorded.head, recorded.output.as_ref());
                let checked =
                    self.check_history(head, recorded.input, output, recorded.history, orchestrators);
                Ok(match checked {
                    Ok(mismatch) => verdict(mismatch),
                    Err(error) => ReplayAnswer::NotRegistered { message: error.to_string() },
                })
            }
        }
    }
}

fn verdict(mismatch: Option<Failure>) -> ReplayAnswer {
    match mismatch {
        Some(failure) => ReplayAnswer::Mismatch { failure },
        None => ReplayAnswer::Matches,
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde_json::{Value, json};

    use super::*;
    use crate::context::OrchestrationContext;
    use crate::create::Start;
    use crate::doors;
    use crate::json::Json;
    use crate::keys::TaskHub;
    use crate::memory::MemoryPlatform;

    fn orchestrators() -> Orchestrators {
        Orchestrators::new().with("greet", |ctx: OrchestrationContext, city: String| async move {
            ctx.call_activity::<_, String>("hello", city).await
        })
    }

    fn answer(engine: &Engine<MemoryPlatform>, body: &Value) -> Result<Value, ReplayError> {
        let asked = doors::replay_request("POST", "/replay", body.to_string().as_bytes()).unwrap();
        let answer = block_on(engine.answer_replay(&asked, &orchestrators()))?;
        Ok(serde_json::to_value(answer).unwrap())
    }

    fn engine() -> Engine<MemoryPlatform> {
        Engine::new(MemoryPlatform::new(), TaskHub::new("test"))
    }

    fn document() -> Value {
        let (then, now) = ("2021-10-10T08:49:37.1234567Z", "2021-10-10T08:49:38.0000000Z");
        json!({
            "name": "greet", "instanceId": "i", "runtimeStatus": "Completed", "input": "Ulm", "customStatus": null,
            "output": "Hello Ulm!", "createdTime": then, "lastUpdatedTime": now, "executionId": "x",
            "historyEvents": [
                {"EventType": "ExecutionStarted", "EventId": 1, "Timestamp": then, "FunctionName": "greet", "Input": "Ulm"},
                {
                    "EventType": "TaskCompleted", "EventId": 4, "Timestamp": now, "Result": "Hello Ulm!",
                    "ScheduledTime": then, "FunctionName": "hello", "Input": "Ulm", "TaskScheduledId": 2, "TaskId": 0,
                },
                {"EventType": "ExecutionCompleted", "EventId": 5, "Timestamp": now, "Result": "Hello Ulm!"},
            ],
        })
    }

    #[test]
    fn a_document_is_checked_without_the_store() {
        let engine = engine();
        engine.platform.set_failing(true);
        let changed = |pointer: &str, value: Value| {
            let mut document = document();
            *document.pointer_mut(pointer).unwrap() = value;
            answer(&engine, &document)
        };
        assert_eq!(answer(&engine, &document()), Ok(json!({"outcome": "matches"})));
        for (pointer, value, expected) in [
            (
                "/historyEvents/1/FunctionName",
                json!("bye"),
                "at event 2 history asked for activity 'bye' as task 0",
            ),
            (
                "/historyEvents/1/Input",
                json!("Rom"),
                "at event 2 history asked for activity 'hello' as task 0",
            ),
            ("/historyEvents/1/TaskId", json!(1), "at event 2 history asked for activity 'hello' as task 1"),
            (
                "/output",
                json!("Bye Ulm!"),
                "at event 5 the history ends, and the code ends with another output",
            ),
            ("/input", json!("Rom"), "at event 2"),
        ] {
            let answer = changed(pointer, value.clone());
            let answer = answer.unwrap_or_else(|error| panic!("{pointer}: {value}: {error}"));
            assert_eq!(answer["outcome"], "mismatch", "{pointer}: {value}");
            let message = answer["failure"]["message"].as_str().unwrap();
            assert!(message.contains(expected), "{pointer}: {value}: {message}");
        }
        let other = changed("/name", json!("nobody")).unwrap();
        assert_eq!(other["outcome"], "notRegistered");
        assert!(other["message"].as_str().unwrap().contains("it has: greet"), "{other}");
        let unfit = changed("/executionId", json!(null)).unwrap_err();
        assert!(matches!(unfit, ReplayError::Document(_)), "{unfit}");
    }

    #[test]
    fn an_instance_is_checked_and_exported_from_the_store() {
        let engine = engine();
        let of = |id: &str| json!({"instance": id});
        let export = |id: &str| json!({"instance": id, "export": true});
        assert_eq!(answer(&engine, &of("nobody")), Ok(json!({"outcome": "notFound"})));
        assert_eq!(answer(&engine, &export("nobody")), Ok(json!({"outcome": "notFound"})));
        let start = |name: &str| block_on(engine.start(Start::new(name, Json::text_of("Ulm")))).unwrap().id;
        let (known, unknown) = (start("greet"), start("unknown"));
        let writes = engine.platform.operations().writes;
        assert_eq!(answer(&engine, &of(known.as_str())), Ok(json!({"outcome": "matches"})));
        assert_eq!(answer(&engine, &of(unknown.as_str())).unwrap()["outcome"], "notRegistered");
        let exported = answer(&engine, &export(known.as_str())).unwrap();
        assert_eq!(
            (&exported["outcome"], &exported["document"]["instanceId"]),
            (&json!("exported"), &json!(known))
        );
        assert_eq!(answer(&engine, &exported["document"]), Ok(json!({"outcome": "matches"})));
        assert_eq!(engine.platform.operations().writes, writes, "nothing is changed");
        engine.platform.set_failing(true);
        assert!(matches!(answer(&engine, &of(known.as_str())), Err(ReplayError::Read(_))));
    }
}
