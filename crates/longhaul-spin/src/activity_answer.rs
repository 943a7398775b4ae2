//! Reads what an activity component answers, as it comes.

use futures::{Stream, StreamExt, pin_mut};
use longhaul::{ActivityLine, ActivityOutcome, ActivityReport, NDJSON, NoAnswer, decode_answer};

/// How an answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON object.
    Whole,
    /// JSON objects, a line each.
    Lines,
}

impl Form {
    /// What an answer's `Content-Type` says.
    pub(crate) fn of(content_type: Option<&str>) -> Self {
        let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case(NDJSON) { Self::Lines } else { Self::Whole }
    }
}

/// Reads an answer to its outcome, and hands on what the activity says before.
///
/// # Errors
/// When the body breaks off, or is something else.
pub(crate) async fn read<E: std::fmt::Display>(
    form: Form,
    body: impl Stream<Item = Result<Vec<u8>, E>>,
    report: &dyn Fn(ActivityReport),
) -> Result<ActivityOutcome, NoAnswer> {
    pin_mut!(body);
    let mut unread = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk
            .map_err(|error| NoAnswer(format!("the activity component broke its answer off: {error}")))?;
        let mut rest = &chunk[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n').filter(|_| form == Form::Lines) {
            unread.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            if let Some(outcome) = read_line(&unread, report)? {
                return Ok(outcome);
            }
            unread.clear();
        }
        unread.extend_from_slice(rest);
    }
    match form {
        Form::Whole => decode_answer(&unread),
        Form::Lines => read_line(&unread, report)?
            .ok_or_else(|| NoAnswer("the activity component ended its answer without an outcome".into())),
    }
}

/// The outcome, if the line is one. An empty line says nothing.
fn read_line(line: &[u8], report: &dyn Fn(ActivityReport)) -> Result<Option<ActivityOutcome>, NoAnswer> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    match ActivityLine::decode(line)? {
        ActivityLine::Outcome(outcome) => return Ok(Some(outcome)),
        ActivityLine::Report(said) => report(said),
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures::executor::block_on;
    use futures::stream;
    use longhaul::Json;

    use super::*;

    /// What is read of a body that comes in these pieces, and how many reports there were. `!` is where it breaks off.
    fn pieces(form: Form, pieces: &[&'static str]) -> (Result<ActivityOutcome, NoAnswer>, usize) {
        let body = stream::iter(pieces.iter().map(|piece| match *piece {
            "!" => Err("reset"),
            text => Ok(text.as_bytes().to_vec()),
        }));
        let said = RefCell::new(Vec::new());
        let outcome = block_on(read(form, body, &|report| said.borrow_mut().push(report)));
        (outcome, said.into_inner().len())
    }

    #[test]
    fn an_answer_is_read_however_it_is_cut() {
        let done = || Ok(ActivityOutcome::Completed(Json::parse("7").unwrap()));
        let beat = "{\"outcome\":\"heartbeat\"}\n";
        let end = "{\"outcome\":\"completed\",\"output\":7}";
        for (form, body, reports) in [
            (Form::Whole, &["{\"outcome\":\"completed\",\n", "\"output\":7}\n"][..], 0),
            (Form::Lines, &[end], 0),
            (Form::Lines, &[end, "\n", "!"], 0),
            (Form::Lines, &[beat, "\r\n", beat, end, "\n"], 2),
            (
                Form::Lines,
                &["{\"outcome\":", "\"heartbeat\"}\n{\"outcome\":\"completed\",", "\"output\":7}\n"],
                1,
            ),
        ] {
            assert_eq!(pieces(form, body), (done(), reports), "{body:?}");
        }
    }

    #[test]
    fn an_answer_that_breaks_off_is_none() {
        let beat = "{\"outcome\":\"heartbeat\"}\n";
        for (form, body, reports) in [
            (Form::Whole, &[][..], 0),
            (Form::Whole, &["{\"outcome\":\"completed\"}", "!"], 0),
            (Form::Whole, &[beat], 0),
            (Form::Lines, &[beat], 1),
            (Form::Lines, &[beat, "!"], 1),
            (Form::Lines, &[beat, "{\"outcome\":\"compl"], 1),
            (Form::Lines, &[beat, "{\"outcome\":\"completed\"}", "!"], 1),
        ] {
            let (outcome, said) = pieces(form, body);
            assert!(outcome.is_err(), "{body:?}: {outcome:?}");
            assert_eq!(said, reports, "{body:?}");
        }
    }

    #[test]
    fn the_content_type_says_how_an_answer_is_sent() {
        assert_eq!(Form::of(Some("Application/X-NDJSON; charset=utf-8")), Form::Lines);
        assert_eq!(Form::of(Some("application/json")), Form::Whole);
        assert_eq!(Form::of(None), Form::Whole);
    }
}
