//! The activity functions that programs call.

use std::time::Duration;

use longhaul::{ActivityContext, ActivityFunctions, Checkpoint, Failure, Step};
use serde::Deserialize;
use serde_json::{Number, Value};

/// What the activity functions need from where they run.
#[allow(async_fn_in_trait)]
pub trait Host {
    /// Waits.
    async fn sleep(&self, duration: Duration);

    /// Increments the counter `key` in a store, outside of the engine's own keys, and answers its new value.
    ///
    /// # Errors
    /// When the store fails.
    async fn count(&self, key: &str) -> Result<u64, Failure>;

    /// Takes the component down, so that the call gives no answer. Where that cannot be, it may never return, and
    /// whoever called the activity sees to the rest.
    async fn trap(&self);
}

/// The input of `flaky`.
#[derive(Deserialize)]
pub(crate) struct Flaky {
    pub(crate) fails: u32,
    #[serde(default)]
    pub(crate) value: Value,
}

/// The input of `sleep`.
#[derive(Deserialize)]
pub(crate) struct Sleep {
    pub(crate) ms: u64,
    #[serde(default)]
    pub(crate) value: Value,
}

/// The input of `count`.
#[derive(Deserialize)]
pub(crate) struct Count {
    pub(crate) key: String,
}

/// The input of `steps`.
#[derive(Deserialize)]
pub(crate) struct Steps {
    pub(crate) of: u64,
}

/// The activity functions `echo`, `add`, `concat`, `fail`, `flaky`, `sleep`, `count`, `hello`, `trap` and `steps`.
pub fn activities<'a, H: Host + Clone + 'a>(host: H) -> ActivityFunctions<'a> {
    let (sleeping, counting, trapping) = (host.clone(), host.clone(), host);
    ActivityFunctions::new()
        .with("echo", |_, input: Value| async { Ok(input) })
        .with("add", |_, numbers: Vec<Number>| async move { Ok(sum(&numbers)) })
        .with("concat", |_, strings: Vec<String>| async move { Ok(strings.concat()) })
        .with("fail", |_, input: Value| async move { Err::<(), _>(failed(message(&input))) })
        .with("flaky", |context, input| async move { flaky(&context, input) })
        .with("sleep", move |_, Sleep { ms, value }| {
            let host = sleeping.clone();
            async move {
                host.sleep(Duration::from_millis(ms)).await;
                Ok(value)
            }
        })
        .with("count", move |_, Count { key }| {
            let host = counting.clone();
            async move { host.count(&key).await }
        })
        .with("hello", |_, city: String| async move { Ok(greeting(&city)) })
        .with("trap", move |context: ActivityContext, input: Value| {
            let host = trapping.clone();
            async move {
                if context.attempt == 1 && context.retry == 0 {
                    host.trap().await;
                }
                Ok(input)
            }
        })
        .with_resumable("steps", |context, input| async move { step(&context, &input) })
}

/// What `add` gives: an integer as long as it can be one.
pub(crate) fn sum(numbers: &[Number]) -> Value {
    let integers = numbers.iter().map(|number| number.as_i64());
    match integers.reduce(|sum, next| sum?.checked_add(next?)) {
        None => 0.into(),
        Some(Some(sum)) => sum.into(),
        Some(None) => numbers.iter().filter_map(Number::as_f64).sum::<f64>().into(),
    }
}

/// What `hello` gives.
pub(crate) fn greeting(city: &str) -> String {
    format!("Hello {city}!")
}

/// The message with which `fail` fails.
pub(crate) fn message(input: &Value) -> String {
    input.as_str().map_or_else(|| input.to_string(), str::to_owned)
}

fn failed(message: String) -> Failure {
    Failure::new("Failed", message)
}

fn flaky(context: &ActivityContext, Flaky { fails, value }: Flaky) -> Result<Value, Failure> {
    match context.retry < fails {
        true => Err(failed(format!("flaky: attempt {}", u64::from(context.retry) + 1))),
        false => Ok(value),
    }
}

/// One call of `steps`. It checks that what earlier calls have saved is there, all of it, once, and in order.
fn step(context: &ActivityContext, Steps { of }: &Steps) -> Result<Step<u64>, Failure> {
    let wrong = |what: String| Failure::permanent("WrongCheckpoint", what);
    let Checkpoint { cursor, segments } = context.checkpoint.clone().unwrap_or_default();
    let cursor: Option<u64> =
        cursor.to().map_err(|error| wrong(format!("steps: the cursor {cursor} is no number: {error}")))?;
    let done = cursor.unwrap_or(0);
    let found: Result<Vec<u64>, _> = segments.iter().map(|segment| segment.to()).collect();
    if !found.is_ok_and(|found| found.into_iter().eq(0..done)) {
        return Err(wrong(format!("steps: with {done} done, the segments are {segments:?}")));
    }
    match done < *of {
        true => Ok(Step::Continue(Checkpoint::new(done + 1, Some(done))?)),
        false => Ok(Step::Done(*of)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sums_are_integers_as_long_as_they_can_be() {
        for (numbers, expected) in [
            (json!([]), json!(0)),
            (json!([1, 2, -4]), json!(-1)),
            (json!([1, 0.5]), json!(1.5)),
            (json!([i64::MAX, 1]), json!(i64::MAX as f64)),
        ] {
            let numbers: Vec<Number> = serde_json::from_value(numbers).unwrap();
            assert_eq!(sum(&numbers), expected);
        }
    }
}
