//! An activity's answer as it is sent: one JSON object, or several, a line each, of which the last is the outcome.

use serde::{Deserialize, Serialize};

use super::{ActivityOutcome, ActivityReport, Checkpoint, NoAnswer};
use crate::failure::Failure;
use crate::json::Json;

/// The media type of an answer that consists of lines.
pub const NDJSON: &str = "application/x-ndjson";

/// One line of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ActivityLine {
    /// Said while it runs.
    Report(ActivityReport),
    /// The last line.
    Outcome(ActivityOutcome),
}

#[derive(Default, Serialize, Deserialize)]
struct Wire {
    outcome: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checkpoint: Option<Checkpoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    progress: Option<Json>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Completed,
    Failed,
    Continue,
    Checkpoint,
    #[default]
    Heartbeat,
}

impl ActivityLine {
    /// The line, without its end.
    pub fn encode(self) -> String {
        let wire = match self {
            Self::Outcome(ActivityOutcome::Completed(output)) => {
                Wire { outcome: Kind::Completed, output: Some(output), ..Wire::default() }
            }
            Self::Outcome(ActivityOutcome::Failed(failure)) => {
                Wire { outcome: Kind::Failed, error: Some(failure), ..Wire::default() }
            }
            Self::Outcome(ActivityOutcome::Continue { checkpoint, progress }) => {
                Wire { outcome: Kind::Continue, checkpoint: Some(checkpoint), progress, ..Wire::default() }
            }
            Self::Report(ActivityReport::Checkpoint(checkpoint)) => {
                Wire { outcome: Kind::Checkpoint, checkpoint: Some(checkpoint), ..Wire::default() }
            }
            Self::Report(ActivityReport::Progress(progress)) => {
                Wire { progress: Some(progress), ..Wire::default() }
            }
            Self::Report(ActivityReport::Heartbeat) => Wire::default(),
        };
        let text = serde_json::to_string(&wire).expect("an answer has a JSON form");
        // A raw line break can only be white space between the tokens of somebody's JSON.
        text.replace('\n', " ")
    }

    /// Reads a line.
    ///
    /// # Errors
    /// When it is not one.
    pub fn decode(line: &[u8]) -> Result<Self, NoAnswer> {
        let wire: Wire = serde_json::from_slice(line)
            .map_err(|error| NoAnswer(format!("the activity's answer is not an outcome: {error}")))?;
        Ok(match wire.outcome {
            Kind::Completed => Self::Outcome(ActivityOutcome::Completed(wire.output.unwrap_or_default())),
            Kind::Failed => match wire.error {
                Some(failure) => Self::Outcome(ActivityOutcome::Failed(failure)),
                None => return Err(NoAnswer("the activity's answer says 'failed' and not why".into())),
            },
            Kind::Continue => Self::Outcome(ActivityOutcome::Continue {
                checkpoint: wire.checkpoint.unwrap_or_default(),
                progress: wire.progress,
            }),
            Kind::Checkpoint => Self::Report(ActivityReport::Checkpoint(wire.checkpoint.unwrap_or_default())),
            Kind::Heartbeat => Self::Report(match wire.progress {
                Some(progress) => ActivityReport::Progress(progress),
                None => ActivityReport::Heartbeat,
            }),
        })
    }
}

/// Reads an answer that came in one piece.
///
/// # Errors
/// When it is none.
pub fn decode_answer(body: &[u8]) -> Result<ActivityOutcome, NoAnswer> {
    match ActivityLine::decode(body)? {
        ActivityLine::Outcome(outcome) => Ok(outcome),
        ActivityLine::Report(_) => Err(NoAnswer("the activity's answer is no outcome".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_back_and_anything_else_is_no_answer() {
        let checkpoint =
            Checkpoint { cursor: Json::parse("{\"page\":\n7}").unwrap(), segments: vec![Json::null()] };
        for line in [
            ActivityLine::Outcome(ActivityOutcome::Completed(Json::parse("[1,\n 2]").unwrap())),
            ActivityLine::Outcome(ActivityOutcome::Completed(Json::null())),
            ActivityLine::Outcome(ActivityOutcome::Failed(Failure::permanent(
                "TableNotFound",
                "no such table",
            ))),
            ActivityLine::Outcome(ActivityOutcome::Continue {
                checkpoint: checkpoint.clone(),
                progress: Some(Json::parse("0.5").unwrap()),
            }),
            ActivityLine::Report(ActivityReport::Checkpoint(checkpoint)),
            ActivityLine::Report(ActivityReport::Progress(Json::parse("7").unwrap())),
            ActivityLine::Report(ActivityReport::Heartbeat),
        ] {
            let text = line.clone().encode();
            assert!(!text.contains('\n'), "{text}");
            assert_eq!(ActivityLine::decode(text.as_bytes()), Ok(line));
        }
        for body in ["", "{}", "null", r#"{"outcome":"done"}"#, r#"{"outcome":"failed"}"#] {
            assert!(decode_answer(body.as_bytes()).is_err(), "{body}");
        }
        assert!(decode_answer(br#"{"outcome":"heartbeat"}"#).is_err());
    }
}
