//! What is known of activities: what they give, and how they fail.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Number, Value};

use crate::activities::{Count, Flaky, Sleep, Steps, greeting, message, sum};
use crate::program::Retry;

/// What is known of a call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Known {
    /// It gives this.
    Value(Value),
    /// It gives some positive integer.
    Positive,
    /// All attempts fail, and the last one with a message that contains this.
    Fails(String),
}

/// What is known of a call with this input and retry policy.
pub(super) fn known(name: &str, input: &Value, retry: Option<&Retry>) -> Known {
    let known = match name {
        "echo" | "trap" => Ok(Known::Value(input.clone())),
        "add" => Vec::<Number>::deserialize(input).map(|numbers| Known::Value(sum(&numbers))),
        "concat" => Vec::<String>::deserialize(input).map(|strings| Known::Value(strings.concat().into())),
        "hello" => String::deserialize(input).map(|city| Known::Value(greeting(&city).into())),
        "fail" => Ok(Known::Fails(message(input))),
        "flaky" => Flaky::deserialize(input).map(|Flaky { fails, value }| match attempts(retry) {
            attempts if attempts > fails => Known::Value(value),
            attempts => Known::Fails(format!("flaky: attempt {attempts}")),
        }),
        "sleep" => Sleep::deserialize(input).map(|Sleep { value, .. }| Known::Value(value)),
        "count" => Count::deserialize(input).map(|_| Known::Positive),
        "steps" => Steps::deserialize(input).map(|Steps { of }| Known::Value(of.into())),
        _ => Ok(Known::Fails("no activity function".into())),
    };
    known.unwrap_or_else(|_| Known::Fails("does not have the expected shape".into()))
}

/// How long a call takes at most, with its repetitions, in a world in which nothing breaks.
pub(super) fn longest(name: &str, input: &Value, retry: Option<&Retry>) -> Duration {
    match name {
        "sleep" => Duration::from_millis(Sleep::deserialize(input).map_or(0, |sleep| sleep.ms)),
        // Of these it is known how often they are tried.
        "flaky" => pauses(retry, Flaky::deserialize(input).map_or(0, |flaky| flaky.fails)),
        "fail" => pauses(retry, u32::MAX),
        // Until it is called again.
        "trap" => Duration::from_secs(1),
        _ => Duration::ZERO,
    }
}

/// The pauses after so many failures, as far as there are attempts.
pub(super) fn pauses(retry: Option<&Retry>, failures: u32) -> Duration {
    let Some(retry) = retry else { return Duration::ZERO };
    match failures.min(retry.attempts() - 1) {
        repetitions if repetitions > MANY => Duration::MAX,
        repetitions => (1..=repetitions)
            .map(|failures| retry.pause(failures))
            .fold(Duration::ZERO, Duration::saturating_add),
    }
}

/// So many repetitions take longer than anybody cares to know.
const MANY: u32 = 10_000;

fn attempts(retry: Option<&Retry>) -> u32 {
    retry.map_or(1, Retry::attempts)
}
