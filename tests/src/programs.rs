//! The test application's API, for tests: instances that run programs, and what can be done to them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use http::{Method, StatusCode};
use longhaul_program::{Program, Retry, Scenario};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::app::App;
use crate::http_client::{Answer, send_with_body};

/// How long an instance may take in a test. It is the limit of a wait for a condition, not a measure.
const PATIENCE: Duration = Duration::from_secs(120);

/// What programs may be slow for: what takes longer is never to happen.
const NEVER: u64 = 60 * 60 * 1000;

/// The API of the test application at `base`.
#[derive(Debug, Clone)]
pub struct Programs {
    /// Where it is served, such as `http://127.0.0.1:3000`.
    pub base: String,
}

/// An instance, or none yet: `POST` to its operations, `GET` its status.
#[derive(Debug, Clone)]
pub struct Instance {
    programs: Programs,
    /// Its id.
    pub id: String,
}

impl Programs {
    /// That of a running application.
    pub fn of(app: &App) -> Self {
        Self { base: app.base().to_owned() }
    }

    /// Sends a request to a path.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
        send_with_body(method, &format!("{}{path}", self.base), &[], body).await
    }

    /// The body of a 200 answer to a `GET`.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.ask(Method::GET, path, &Value::Null).await?;
        ensure!(answer.status == StatusCode::OK, "GET {path}: {} {}", answer.status, answer.body);
        answer.json()
    }

    /// The instance `id`, whether there is one or not.
    pub fn instance(&self, id: &str) -> Instance {
        Instance { programs: self.clone(), id: id.to_owned() }
    }

    /// Starts a program; `to` is empty, or an id after a slash, and parameters.
    ///
    /// # Errors
    /// When it is not started.
    pub async fn start(&self, to: &str, program: &Value) -> anyhow::Result<Instance> {
        let answer =
            self.ask(Method::POST, &format!("/start{to}"), &json!({"program": program, "n": 0})).await?;
        ensure!(answer.status == StatusCode::ACCEPTED, "start{to}: {} {}", answer.status, answer.body);
        let id = answer.json()?["id"].as_str().context("an id")?.to_owned();
        Ok(self.instance(&id))
    }

    /// Runs a program to its end, and answers its output or its failure's message.
    ///
    /// # Errors
    /// When it does not end in one of these ways.
    pub async fn run(&self, program: &Value) -> anyhow::Result<Result<Value, String>> {
        outcome(&self.start("", program).await?.finished().await?)
    }

    /// Counts the counter `key`, and answers how often it has been counted before.
    ///
    /// # Errors
    /// When it cannot be counted.
    pub async fn counted(&self, key: &str) -> anyhow::Result<u64> {
        let output = self.run(&activity("count", json!({"key": key}))).await?;
        let count = output.map_err(anyhow::Error::msg)?.as_u64().context("a count is a number")?;
        Ok(count - 1)
    }
}

impl Instance {
    fn path(&self) -> String {
        format!("/instances/{}", utf8_percent_encode(&self.id, NON_ALPHANUMERIC))
    }

    /// What there is to see of it; `parameters` begin with a question mark, or are empty.
    ///
    /// # Errors
    /// When there is no such instance.
    pub async fn show(&self, parameters: &str) -> anyhow::Result<Value> {
        self.programs.get(&format!("{}{parameters}", self.path())).await
    }

    /// Sends an operation, such as `/terminate?reason=x`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&self, operation: &str, body: &Value) -> anyhow::Result<Answer> {
        self.programs.ask(Method::POST, &format!("{}{operation}", self.path()), body).await
    }

    /// Sends an operation that is to be taken.
    ///
    /// # Errors
    /// When it is not.
    pub async fn tell(&self, operation: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.ask(operation, body).await?;
        ensure!(
            answer.status == StatusCode::ACCEPTED,
            "{operation} of {}: {} {}",
            self.id,
            answer.status,
            answer.body
        );
        answer.json()
    }

    /// Purges it.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn purge(&self, children: bool) -> anyhow::Result<Answer> {
        let path = format!("{}?children={children}", self.path());
        self.programs.ask(Method::DELETE, &path, &Value::Null).await
    }

    /// What there is to see of it once it has finished.
    ///
    /// # Errors
    /// When it does not.
    pub async fn finished(&self) -> anyhow::Result<Value> {
        self.once("?wait=20", |status| {
            matches!(status["status"].as_str(), Some("Completed" | "Failed" | "Terminated" | "Canceled"))
        })
        .await
    }

    /// What there is to see of it once its status is `status`.
    ///
    /// # Errors
    /// When it does not come to that.
    pub async fn becomes(&self, status: &str) -> anyhow::Result<Value> {
        self.once("", |shown| shown["status"] == status).await
    }

    /// What there is to see of it once that is what is waited for.
    ///
    /// # Errors
    /// When it does not come to that.
    pub async fn once(&self, parameters: &str, is: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let begin = Instant::now();
        loop {
            let shown = self.show(parameters).await?;
            if is(&shown) {
                return Ok(shown);
            }
            if begin.elapsed() > PATIENCE {
                let shown = self.show("?history=true").await?;
                bail!("waited in vain for {}: {shown:#}", self.id);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Raises the events of a scenario, each at its time after `start`. Those that come after the end are for nobody.
    ///
    /// # Errors
    /// When one is not taken, and the instance has not finished.
    pub async fn raise(&self, scenario: &Scenario, start: Instant) -> anyhow::Result<()> {
        let mut raised: Vec<_> = scenario.raised.iter().collect();
        raised.sort_by_key(|raise| raise.after);
        for raise in raised {
            tokio::time::sleep_until((start + raise.after).into()).await;
            let answer = self.ask(&format!("/events/{}", raise.name), &raise.data).await?;
            ensure!(
                [StatusCode::ACCEPTED, StatusCode::CONFLICT].contains(&answer.status),
                "{}: {} {}",
                raise.name,
                answer.status,
                answer.body
            );
        }
        Ok(())
    }
}

/// A finished instance's output, or its failure's message.
///
/// # Errors
/// When it has neither.
pub fn outcome(shown: &Value) -> anyhow::Result<Result<Value, String>> {
    match shown["status"].as_str() {
        Some("Completed") => Ok(Ok(shown["output"].clone())),
        Some("Failed") => {
            Ok(Err(shown["failure"]["message"].as_str().context("a failure has a message")?.to_owned()))
        }
        _ => bail!("it has neither completed nor failed: {shown:#}"),
    }
}

/// A program that calls an activity.
pub fn activity(name: &str, input: Value) -> Value {
    json!({"op": "activity", "name": name, "input": input})
}

/// The same scenario, so many times faster. What takes hours stays: it is not to happen.
pub fn faster(mut scenario: Scenario, times: u32) -> Scenario {
    speed_up(&mut scenario.program, times.into());
    for raise in &mut scenario.raised {
        raise.after /= times;
    }
    scenario
}

fn speed_up(program: &mut Program, times: u64) {
    let faster = |ms: &mut u64| {
        if *ms < NEVER {
            *ms /= times;
        }
    };
    let sooner = |retry: &mut Option<Retry>| {
        if let Some(retry) = retry {
            faster(&mut retry.first_ms);
            retry.max_ms.as_mut().map(faster);
        }
    };
    match program {
        Program::Timer { ms } => faster(ms),
        Program::Event { timeout_ms, .. } => drop(timeout_ms.as_mut().map(faster)),
        Program::Activity { name, input, retry } => {
            sooner(retry);
            if let Some(ms) = input["ms"].as_u64().filter(|_| name == "sleep") {
                input["ms"] = (ms / times).into();
            }
        }
        Program::Child { program, retry, .. } => {
            sooner(retry);
            speed_up(program, times);
        }
        Program::Sequence { steps: parts }
        | Program::All { branches: parts }
        | Program::Any { branches: parts } => {
            parts.iter_mut().for_each(|part| speed_up(part, times));
        }
        Program::Rounds { body, .. } | Program::Lock { body, .. } => speed_up(body, times),
        Program::Catch { body, handler } => {
            speed_up(body, times);
            speed_up(handler, times);
        }
        _ => {}
    }
}
