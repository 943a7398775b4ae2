//! What a program is.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The input of the orchestrator function `program`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What it is to evaluate.
    pub program: Program,
    /// How often it has continued as new before.
    #[serde(default)]
    pub n: u32,
}

/// A program. Its JSON form has the member `op`, which says what it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Program {
    /// A value.
    Value {
        /// The value.
        value: Value,
    },
    /// What an activity gives.
    Activity {
        /// The activity function.
        name: String,
        /// Its input.
        #[serde(default)]
        input: Value,
        /// How it is tried again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry: Option<Retry>,
    },
    /// The array of what the steps give, one after the other. It ends at the first failure.
    Sequence {
        /// The steps.
        steps: Vec<Program>,
    },
    /// The array of what the branches give, all at the same time. It waits for all, then fails with the failure that
    /// came first, if there is any; of those that came at the same time, with the first listed one's.
    All {
        /// The branches.
        branches: Vec<Program>,
    },
    /// `{"index", "value"}` of the branch that ends first; of several in the same step, of the first listed. It fails if
    /// that one does.
    Any {
        /// The branches.
        branches: Vec<Program>,
    },
    /// `null`, after a while.
    Timer {
        /// How long, in milliseconds.
        ms: u64,
    },
    /// The data of an external event; `"timeout"` when it does not come in time.
    Event {
        /// Its name, whose case does not matter.
        name: String,
        /// How long it is waited for, in milliseconds. None: for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    },
    /// What another orchestration gives that evaluates the program.
    Child {
        /// The program, which may be [`Program::Rounds`].
        program: Box<Program>,
        /// Its instance id. None: one that is derived from this instance.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// How it is tried again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry: Option<Retry>,
    },
    /// What the body gives, or if it fails `{"caught": <message>, "value": <what the handler gives>}`.
    Catch {
        /// The body.
        body: Box<Program>,
        /// What is evaluated if the body fails.
        handler: Box<Program>,
    },
    /// `null`; sets the custom status.
    Status {
        /// The custom status.
        value: Value,
    },
    /// The orchestration's current time, as RFC 3339 has it.
    Now,
    /// A new GUID.
    Guid,
    /// Only at the top: evaluates the body so many times, each in an execution of its own, and gives what the last does.
    Rounds {
        /// How many times; at least once.
        count: u32,
        /// The body.
        body: Box<Program>,
    },
    /// Fails.
    Fail {
        /// The message.
        message: String,
    },
    /// What an operation of an entity gives.
    Call {
        /// The entity, as `name@key`.
        entity: String,
        /// The operation.
        operation: String,
        /// Its input.
        #[serde(default)]
        input: Value,
    },
    /// `null`; asks an entity for an operation.
    Signal {
        /// The entity, as `name@key`.
        entity: String,
        /// The operation.
        operation: String,
        /// Its input.
        #[serde(default)]
        input: Value,
    },
    /// What the body gives, which is evaluated in a critical section.
    Lock {
        /// The entities that work for this instance only meanwhile, each as `name@key`.
        entities: Vec<String>,
        /// The body.
        body: Box<Program>,
    },
}

/// How something is tried again that has failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retry {
    /// The pause before the second attempt, in milliseconds.
    pub first_ms: u64,
    /// How many attempts there are, the first included.
    pub max_attempts: u32,
    /// Each pause is the one before times this; 1 unless it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<f64>,
    /// The longest pause, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<u64>,
}

impl Program {
    /// The programs that it directly consists of.
    pub fn parts(&self) -> Vec<&Program> {
        match self {
            Self::Sequence { steps: parts }
            | Self::All { branches: parts }
            | Self::Any { branches: parts } => parts.iter().collect(),
            Self::Child { program: part, .. }
            | Self::Rounds { body: part, .. }
            | Self::Lock { body: part, .. } => {
                vec![part]
            }
            Self::Catch { body, handler } => vec![body, handler],
            _ => Vec::new(),
        }
    }

    /// Itself, and all that it consists of.
    pub fn nodes(&self) -> Vec<&Program> {
        let mut nodes = vec![self];
        let mut next = 0;
        while let Some(node) = nodes.get(next) {
            nodes.extend(node.parts());
            next += 1;
        }
        nodes
    }

    /// How many levels of programs stand above the deepest one.
    pub fn depth(&self) -> usize {
        self.parts().into_iter().map(|part| part.depth() + 1).max().unwrap_or(0)
    }
}

impl Retry {
    /// How many attempts there are at most: the first is always made.
    pub fn attempts(&self) -> u32 {
        self.max_attempts.max(1)
    }

    /// The pause after so many failures.
    pub fn pause(&self, failures: u32) -> Duration {
        let growth = self.backoff.unwrap_or(1.0).max(1.0).powi(failures.saturating_sub(1).min(10_000) as i32);
        let pause = self.first_ms as f64 * growth;
        let longest = self.max_ms.unwrap_or(u64::MAX);
        // A product that is too large for the type becomes its largest value.
        Duration::from_millis((pause as u64).min(longest))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn programs_are_read_as_they_are_specified_and_written_back_so() {
        let leaf = json!({"op": "value", "value": 1});
        let retry = json!({"firstMs": 5, "maxAttempts": 3, "backoff": 1.5, "maxMs": 20});
        for (text, depth) in [
            (json!({"op": "value", "value": null}), 0),
            (json!({"op": "activity", "name": "echo", "input": {"a": [1.5]}, "retry": retry}), 0),
            (json!({"op": "sequence", "steps": [leaf, leaf]}), 1),
            (json!({"op": "all", "branches": []}), 0),
            (json!({"op": "any", "branches": [leaf, {"op": "sequence", "steps": [leaf]}]}), 2),
            (json!({"op": "timer", "ms": 3_000_000_000u64}), 0),
            (json!({"op": "event", "name": "E", "timeoutMs": 7}), 0),
            (json!({"op": "event", "name": "E"}), 0),
            (
                json!({"op": "child", "program": leaf, "id": "c-1", "retry": {"firstMs": 0, "maxAttempts": 1}}),
                1,
            ),
            (json!({"op": "catch", "body": leaf, "handler": leaf}), 1),
            (json!({"op": "status", "value": {"done": 1}}), 0),
            (json!({"op": "now"}), 0),
            (json!({"op": "guid"}), 0),
            (json!({"op": "rounds", "count": 3, "body": leaf}), 1),
            (json!({"op": "fail", "message": "boom"}), 0),
            (json!({"op": "call", "entity": "counter@a", "operation": "add", "input": 1}), 0),
            (json!({"op": "signal", "entity": "counter@a", "operation": "add", "input": 1}), 0),
            (json!({"op": "lock", "entities": ["account@a", "account@b"], "body": leaf}), 1),
        ] {
            let program: Program = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(serde_json::to_value(&program).unwrap(), text);
            assert_eq!(program.depth(), depth, "{text}");
        }
        let input: Input = serde_json::from_value(json!({"program": leaf})).unwrap();
        assert_eq!(input.n, 0);
    }

    #[test]
    fn what_is_no_program_is_refused_with_a_reason() {
        for (text, reason) in [
            (json!({"op": "fly", "to": "the moon"}), "unknown variant `fly`"),
            (json!({"op": "call", "entity": "counter@a"}), "missing field `operation`"),
            (json!({"op": "timer", "seconds": 1}), "unknown field `seconds`"),
            (json!({"op": "timer"}), "missing field `ms`"),
            (json!({"value": 1}), "missing field `op`"),
        ] {
            let error = serde_json::from_value::<Program>(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let retry = Retry { first_ms: 100, max_attempts: 5, backoff: Some(2.0), max_ms: Some(300) };
        let pauses: Vec<_> = (1..5).map(|failures| retry.pause(failures).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 300, 300]);
        let huge = Retry { max_ms: None, ..retry };
        assert_eq!(huge.pause(u32::MAX), Duration::from_millis(u64::MAX));
    }
}
