//! The replay door of an orchestrator component: `POST /replay`.

use std::fmt;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use longhaul_host::Host;
use longhaul_manifest::ComponentId;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Text;

/// The longest value that is quoted, in characters.
const QUOTED: usize = 200;

/// Who is asked.
pub struct Door<'a> {
    pub host: &'a Host,
    pub component: &'a ComponentId,
}

/// What comes of the replay of a history.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    Matches,
    Differs(Difference),
    /// Why it could not be tried.
    Untried(String),
}

/// Where a history and the code part.
#[derive(Debug, PartialEq, Deserialize)]
pub struct Difference {
    message: String,
    /// `{"history", "code"}`: the values with which both sides asked for something, if they did.
    #[serde(default)]
    details: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Outcome {
    Matches,
    Mismatch,
    NotRegistered,
    NotFound,
    Exported,
}

#[derive(Deserialize)]
struct Answer {
    outcome: Outcome,
    failure: Option<Difference>,
    message: Option<String>,
    document: Option<Text>,
}

impl Door<'_> {
    /// Replays the history of a document.
    pub async fn check_document(&self, document: &RawValue) -> anyhow::Result<Verdict> {
        self.check(document.get().to_owned()).await
    }

    /// Replays the history of an instance in the store.
    pub async fn check_instance(&self, id: &str) -> anyhow::Result<Verdict> {
        self.check(json!({"instance": id}).to_string()).await
    }

    /// The document of an instance in the store; None if there is none.
    pub async fn export(&self, id: &str) -> anyhow::Result<Option<Text>> {
        match self.ask(json!({"instance": id, "export": true}).to_string()).await? {
            Ok(answer) => Ok(answer.document),
            Err(why) => bail!("the history of {id} cannot be exported: {why}"),
        }
    }

    async fn check(&self, body: String) -> anyhow::Result<Verdict> {
        let answer = match self.ask(body).await? {
            Ok(answer) => answer,
            Err(why) => return Ok(Verdict::Untried(why)),
        };
        let missing = || format!("component {}: its answer is incomplete", self.component);
        Ok(match answer.outcome {
            Outcome::Matches => Verdict::Matches,
            Outcome::Mismatch => Verdict::Differs(answer.failure.with_context(missing)?),
            Outcome::NotRegistered => Verdict::Untried(answer.message.with_context(missing)?),
            Outcome::NotFound => Verdict::Untried("there is no such instance".to_owned()),
            Outcome::Exported => bail!(missing()),
        })
    }

    /// The answer, or why this question has none.
    async fn ask(&self, body: String) -> anyhow::Result<Result<Answer, String>> {
        let component = self.component;
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static("/replay");
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = self.host.call(component, request).await?;
        let text = String::from_utf8_lossy(answer.body());
        match answer.status() {
            StatusCode::OK => {
                let answer = serde_json::from_str(&text);
                Ok(Ok(answer.with_context(|| format!("component {component} has another kind of /replay"))?))
            }
            StatusCode::NOT_FOUND => bail!(
                "component {component} replays no histories: name the one that has the orchestrators with --component, \
                 and build it with this version of Longhaul"
            ),
            StatusCode::BAD_REQUEST => Ok(Err(text.into_owned())),
            status => Ok(Err(format!("component {component} answered {status}: {text}"))),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matches => f.write_str("ok"),
            Self::Untried(why) => write!(f, "not replayed: {why}"),
            Self::Differs(Difference { message, details }) => {
                write!(f, "differs: {message}")?;
                let sides = [("history: ", &details["history"]), ("code:    ", &details["code"])];
                let differ = sides[0].1 != sides[1].1;
                for (side, value) in sides.iter().filter(|(_, value)| differ && !value.is_null()) {
                    write!(f, "\n  {side}{}", quoted(value))?;
                }
                Ok(())
            }
        }
    }
}

fn quoted(value: &Value) -> String {
    let mut text = value.to_string();
    if let Some((end, _)) = text.char_indices().nth(QUOTED) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_with_the_values_of_both_sides_if_they_differ() {
        let told = |failure: Value| {
            let failure = serde_json::from_value(failure).unwrap();
            Verdict::Differs(failure).to_string()
        };
        assert_eq!(told(json!({"type": "T", "message": "at event 2"})), "differs: at event 2");
        let sides = |history: Value, code: Value| {
            told(json!({"message": "m", "details": {"history": history, "code": code}}))
        };
        assert_eq!(sides(json!(1), json!([2])), "differs: m\n  history: 1\n  code:    [2]");
        assert_eq!(sides(json!(1), json!(1)), "differs: m");
        assert_eq!(sides(json!(null), json!(1)), "differs: m\n  code:    1");
        assert!(sides(json!("x".repeat(500)), json!(1)).contains(&format!("{}…\n", "x".repeat(QUOTED - 1))));
    }
}
