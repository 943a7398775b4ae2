//! What is run: the workloads.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use clap::ValueEnum;
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::client::{Client, text};

/// The event that [`Workload::W5`] waits for.
const EVENT: &str = "go";
/// The cities of [`Workload::W1`].
const CITIES: [&str; 5] = ["Tokyo", "Seattle", "London", "Paris", "Lima"];
/// The activities of [`Workload::W3`].
const FAN: usize = 100;
/// How the application's query is asked for.
const QUERY: &str = "/api/submit/query?s=16/07/2021&e=15/10/2021";

/// A workload. All but the last are programs of the test application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[value(rename_all = "UPPER")]
pub enum Workload {
    /// HelloCities5: five activities one after the other
    W1,
    /// One activity
    W2,
    /// Fan-out to 100 activities, and fan-in
    W3,
    /// A timer of 100 ms
    W4,
    /// An external event: start, raise, wait for the result
    W5,
    /// A child orchestration
    W6,
    /// The query of the application
    W7,
}

impl Workload {
    /// What it is.
    pub fn title(self) -> &'static str {
        match self {
            Self::W1 => "HelloCities5",
            Self::W2 => "one activity",
            Self::W3 => "fan-out of 100",
            Self::W4 => "timer of 100 ms",
            Self::W5 => "external event",
            Self::W6 => "child",
            Self::W7 => "the query",
        }
    }

    /// How many activities an instance has run.
    pub fn activities(self) -> usize {
        match self {
            Self::W1 => CITIES.len(),
            Self::W2 | Self::W7 => 1,
            Self::W3 => FAN,
            Self::W4 | Self::W5 | Self::W6 => 0,
        }
    }

    fn program(self) -> Value {
        let hello = |city: &str| json!({"op": "activity", "name": "hello", "input": city});
        match self {
            Self::W1 => json!({"op": "sequence", "steps": CITIES.map(hello)}),
            Self::W2 => hello(CITIES[0]),
            Self::W3 => {
                let echo = |number: usize| json!({"op": "activity", "name": "echo", "input": number});
                json!({"op": "all", "branches": (0..FAN).map(echo).collect::<Vec<_>>()})
            }
            Self::W4 => json!({"op": "timer", "ms": 100}),
            Self::W5 => json!({"op": "event", "name": EVENT}),
            Self::W6 => json!({"op": "child", "program": {"op": "value", "value": "grown"}}),
            Self::W7 => Value::Null,
        }
    }

    fn expected(self) -> Value {
        match self {
            Self::W1 => json!(CITIES.map(|city| format!("Hello {city}!"))),
            Self::W2 => json!(format!("Hello {}!", CITIES[0])),
            Self::W3 => (0..FAN).collect(),
            Self::W4 | Self::W7 => Value::Null,
            Self::W5 => json!("gone"),
            Self::W6 => json!("grown"),
        }
    }
}

/// How the end of an instance is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// By the start itself, where there is one start and one end; what cannot is polled.
    Start,
    /// By polling its status.
    Poll,
}

/// A workload as requests.
pub struct Requests {
    workload: Workload,
    wait: Wait,
    /// Both as JSON.
    input: Bytes,
    expected: Bytes,
}

impl Requests {
    /// Those of a workload; `distinct` is what its query must find.
    pub fn of(workload: Workload, wait: Wait, distinct: usize) -> Self {
        let input = json!({"program": workload.program(), "n": 0});
        let expected = match workload {
            Workload::W7 => json!(distinct),
            _ => workload.expected(),
        };
        let bytes = |value: Value| Bytes::from(value.to_string());
        Self { workload, wait, input: bytes(input), expected: bytes(expected) }
    }

    /// What they are of.
    pub fn workload(&self) -> Workload {
        self.workload
    }

    /// The input of an instance.
    pub fn input(&self) -> &str {
        std::str::from_utf8(&self.input).expect("it was made of a text")
    }

    /// Starts an instance, waits until it is seen to have completed, and checks its output. Answers how long that took.
    pub async fn one(&self, client: &mut Client) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        match (self.workload, self.wait) {
            (Workload::W5 | Workload::W7, _) | (_, Wait::Poll) => {
                let id = self.start(client).await?;
                self.finish(client, &id).await?;
            }
            (_, Wait::Start) => self.check(&client.run(self.input.clone()).await?)?,
        }
        Ok(begin.elapsed())
    }

    /// Starts an instance, and no more.
    pub async fn start(&self, client: &mut Client) -> anyhow::Result<String> {
        if self.workload != Workload::W7 {
            return client.start(self.input.clone()).await;
        }
        let (status, body) = client.send(Method::POST, QUERY, &[], Bytes::new()).await?;
        ensure!(status.is_success(), "a query was answered {status}: {}", text(&body));
        let body: Value = serde_json::from_slice(&body)?;
        let uri = body["statusUri"].as_str().with_context(|| format!("no status URI in {body}"))?;
        Ok(uri.rsplit('/').next().unwrap_or_default().to_owned())
    }

    /// Does what an instance that was started still needs, waits for its end and checks its output.
    pub async fn finish(&self, client: &mut Client, id: &str) -> anyhow::Result<()> {
        match self.workload {
            Workload::W7 => self.check(&queried(client, id).await?),
            Workload::W5 => {
                client.raise(id, EVENT, self.expected.clone()).await?;
                self.check(&client.completed(id).await?)
            }
            _ => self.check(&client.completed(id).await?),
        }
    }

    fn check(&self, output: &Bytes) -> anyhow::Result<()> {
        ensure!(*output == self.expected, "{:?} gave {}", self.workload, text(output));
        Ok(())
    }
}

/// Waits for the result of the application's query, by requests that wait.
async fn queried(client: &mut Client, id: &str) -> anyhow::Result<Bytes> {
    let path = format!("/api/status/{id}");
    let begin = Instant::now();
    loop {
        let (status, body) = client.send(Method::GET, &path, &[("prefer", "wait=60")], Bytes::new()).await?;
        ensure!(status == StatusCode::OK, "a status was answered {status}: {}", text(&body));
        let shown: Value = serde_json::from_slice(&body)?;
        match shown["status"].as_str() {
            Some("Completed") => return Ok(shown["result"].to_string().into()),
            Some("Pending" | "Running") if begin.elapsed() < crate::client::PATIENCE => {}
            _ => anyhow::bail!("the query has not completed: {shown}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use longhaul_program::{Input, allows};

    use super::*;

    #[test]
    fn the_programs_give_what_is_expected_and_nothing_else() {
        let raised = [(EVENT.to_owned(), Workload::W5.expected())];
        for workload in Workload::value_variants().iter().filter(|workload| **workload != Workload::W7) {
            let requests = Requests::of(*workload, Wait::Start, 0);
            let input: Input = serde_json::from_slice(&requests.input).unwrap();
            let expected: Value = serde_json::from_slice(&requests.expected).unwrap();
            assert_eq!(allows(&input.program, &raised, &Ok(expected)), Ok(()), "{workload:?}");
            assert!(allows(&input.program, &raised, &Ok(json!("else"))).is_err(), "{workload:?}");
        }
    }
}
