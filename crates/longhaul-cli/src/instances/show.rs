//! `longhaul instances show`, `start` and `restart`: what is told of one instance, now or when it has ended.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::arguments::{Id, Source, segment};
use super::client::{Client, Wanted};
use super::detail::{Cut, detail};
use super::failure::Failure;
use super::look::{Look, say};
use super::model::{End, Json};
use super::server::Key;
use super::time::duration;
use super::watch::{self, Outcome, Pace};

/// With what the process exits when an instance was waited for.
pub mod exit {
    pub const FAILED: u8 = 3;
    pub const STOPPED: u8 = 4;
    pub const NOT_ENDED: u8 = 5;
}

#[derive(Args)]
pub struct Show {
    /// The instance
    id: Id,

    /// With its history
    #[arg(long)]
    history: bool,

    #[command(flatten)]
    telling: Telling,
}

#[derive(Args)]
pub struct Start {
    /// The orchestrator function
    #[arg(value_parser = segment)]
    function: String,

    /// The input: JSON, @file, or - for standard input
    #[arg(value_parser = clap::value_parser!(Source))]
    input: Option<Source>,

    /// Take the input as a text, not as JSON
    #[arg(long, requires = "input")]
    text: bool,

    /// The id of the instance [default: the server chooses one]
    #[arg(long)]
    id: Option<Id>,

    /// The version that the instance is to have
    #[arg(long)]
    version: Option<String>,

    #[command(flatten)]
    telling: Telling,
}

#[derive(Args)]
pub struct Restart {
    /// The instance
    id: Id,

    /// Under its own id, not a new one; what is known of its last run is lost
    #[arg(long)]
    same_id: bool,

    #[command(flatten)]
    telling: Telling,
}

/// When and how the instance is told of.
#[derive(Args)]
struct Telling {
    /// Wait until it has ended. The exit code tells how: 0 Completed, 3 Failed, 4 Terminated or Canceled
    #[arg(long)]
    wait: bool,

    /// The same, and show it meanwhile: in place on a terminal, else a line for each change
    #[arg(short, long)]
    watch: bool,

    /// How long to wait at most; the exit code is 5 if it has not ended then
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,

    /// How long to wait before looking again
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    interval: Duration,

    /// Cut nothing, however long
    #[arg(long)]
    full: bool,
}

impl Show {
    pub async fn run(self, client: &Client, json: bool) -> Result<u8, Failure> {
        self.telling.tell(client, &self.id, Wanted { history: self.history, input: true }, json).await
    }
}

impl Start {
    pub async fn run(self, client: &Client, json: bool) -> Result<u8, Failure> {
        let input = self.input.as_ref().map(|input| input.json(self.text)).transpose()?;
        let (id, answer) =
            client.start(&self.function, self.id.as_ref(), self.version.as_deref(), input).await?;
        self.telling.started(client, &id, &answer, json).await
    }
}

impl Restart {
    pub async fn run(self, client: &Client, json: bool) -> Result<u8, Failure> {
        let (id, answer) = client.restart(&self.id, !self.same_id).await?;
        self.telling.started(client, &id, &answer, json).await
    }
}

impl Telling {
    /// Tells the id, or waits for the end and tells of that.
    async fn started(&self, client: &Client, id: &Id, answer: &Json, json: bool) -> Result<u8, Failure> {
        if self.wait || self.watch || self.timeout.is_some() {
            eprintln!("{id}");
            return self.tell(client, id, Wanted { history: false, input: true }, json).await;
        }
        match json {
            true => say(&(without_key(answer, client.server().key.as_ref()) + "\n"))?,
            false => say(&format!("{id}\n"))?,
        }
        Ok(0)
    }

    async fn tell(&self, client: &Client, id: &Id, wanted: Wanted, json: bool) -> Result<u8, Failure> {
        let pace = Pace { interval: self.interval, limit: self.timeout };
        if self.watch {
            return Ok(exit_code(&watch::instance(client, id, wanted, pace, self.full, json).await?));
        }
        let waits = self.wait || self.timeout.is_some();
        let pace = if waits { pace } else { Pace { limit: Some(Duration::ZERO), ..pace } };
        let outcome = watch::until_ended(client, id, wanted, pace, |_| Ok(())).await?;
        match json {
            true => say(&format!("{}\n", outcome.last.json.get()))?,
            false => {
                let cut = if self.full { Cut::Nothing } else { Cut::Long };
                say(&detail(&outcome.last.instance, Timestamp::now(), cut, Look::of_stdout()))?;
            }
        }
        Ok(if waits { exit_code(&outcome) } else { 0 })
    }
}

fn exit_code(outcome: &Outcome) -> u8 {
    match outcome.end {
        Some(End::Completed) => 0,
        Some(End::Failed) => exit::FAILED,
        Some(End::Stopped) => exit::STOPPED,
        None => exit::NOT_ENDED,
    }
}

/// The answer to a start as JSON. Azure's links have the key of everything in them: that is left out. Longhaul's are good
/// for one operation on one instance each, and stay.
fn without_key(answer: &Json, key: Option<&Key>) -> String {
    let Some(key) = key else { return answer.get().to_owned() };
    let Ok(mut answer) = serde_json::from_str::<serde_json::Map<String, Value>>(answer.get()) else {
        return answer.get().to_owned();
    };
    for member in answer.values_mut() {
        let Some(mut url) = member.as_str().and_then(|text| Url::parse(text).ok()) else { continue };
        let tells = |(name, value): &(_, std::borrow::Cow<'_, str>)| *name == "code" && key.is(value);
        if url.query_pairs().any(|pair| tells(&pair)) {
            let kept: Vec<_> = url.query_pairs().filter(|pair| !tells(pair)).map(owned).collect();
            url.set_query(None);
            if !kept.is_empty() {
                url.query_pairs_mut().extend_pairs(kept);
            }
            // The places to fill in stay as they were.
            let text = ["eventName", "text"].iter().fold(url.to_string(), |text, place| {
                text.replace(&format!("%7B{place}%7D"), &format!("{{{place}}}"))
            });
            *member = Value::String(text);
        }
    }
    Value::Object(answer).to_string()
}

fn owned((name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)) -> (String, String) {
    (name.into_owned(), value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_hold_the_key_lose_it_and_others_stay() {
        let key: Key = "a==".parse().unwrap();
        let answer: Json = serde_json::from_str(
            r#"{"id":"i","statusQueryGetUri":"https://h/durabletask/instances/i?taskHub=H&code=a%3D%3D",
            "terminatePostUri":"https://h/durabletask/instances/i/terminate?reason={text}&code=a%3d%3d",
            "sendEventPostUri":"https://h/durabletask/instances/i/raiseEvent/{eventName}?code=signed"}"#,
        )
        .unwrap();
        let told: Value = serde_json::from_str(&without_key(&answer, Some(&key))).unwrap();
        assert_eq!(told["id"], "i");
        assert_eq!(told["statusQueryGetUri"], "https://h/durabletask/instances/i?taskHub=H");
        assert_eq!(told["terminatePostUri"], "https://h/durabletask/instances/i/terminate?reason={text}");
        assert_eq!(
            told["sendEventPostUri"],
            "https://h/durabletask/instances/i/raiseEvent/{eventName}?code=signed"
        );
        assert_eq!(without_key(&answer, None), answer.get());
    }
}
