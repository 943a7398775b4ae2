//! Looking again and again: at an instance until it has ended, at a list until the command is ended.

use std::collections::HashMap;
use std::io::{IsTerminal, stdout};
use std::time::{Duration, Instant};

use crossterm::terminal;
use jiff::Timestamp;

use super::arguments::Id;
use super::client::{Client, Shown, Wanted};
use super::detail::{Cut, detail};
use super::failure::Failure;
use super::look::{Look, say};
use super::model::{End, Instance};
use super::screen::Screen;
use super::text::{cut, plain};
use super::time::shown;

/// The first pause between two looks. It grows up to the interval.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// For how long a server that does not answer is asked again.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of a custom status is told in a line, in characters.
const VALUE: usize = 120;

/// How to look.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The longest pause between two looks.
    pub interval: Duration,
    /// For how long at most; None is without end.
    pub limit: Option<Duration>,
}

/// How it came out.
#[derive(Debug)]
pub struct Outcome {
    pub last: Shown,
    /// None: the time was over before it ended.
    pub end: Option<End>,
}

/// Looks at an instance until it has ended, and gives `each` whatever is seen.
///
/// A server that is gone for a moment is waited for, since instances live through that.
///
/// # Errors
/// When the instance is not there, or no longer; when the server does not come back; and those of `each`.
pub async fn until_ended(
    client: &Client,
    id: &Id,
    wanted: Wanted,
    pace: Pace,
    mut each: impl FnMut(&Shown) -> Result<(), Failure>,
) -> Result<Outcome, Failure> {
    let begin = Instant::now();
    let mut pause = FIRST_PAUSE.min(pace.interval);
    let mut patience = Patience::default();
    let mut seen = None;
    loop {
        match client.status(id, wanted).await {
            Ok(last) => {
                patience = Patience::default();
                each(&last)?;
                let end = last.instance.runtime_status.end();
                if end.is_some() || pace.limit.is_some_and(|limit| begin.elapsed() >= limit) {
                    return Ok(Outcome { last, end });
                }
                seen = Some(last);
            }
            Err(failure) => {
                // A first look that fails is told at once: the URL may be wrong.
                let Some(last) = seen.take() else { return Err(failure) };
                if pace.limit.is_some_and(|limit| begin.elapsed() >= limit) {
                    return Ok(Outcome { last, end: None });
                }
                patience.spend(failure)?;
                seen = Some(last);
            }
        }
        let left = pace.limit.map(|limit| limit.saturating_sub(begin.elapsed()));
        tokio::time::sleep(left.map_or(pause, |left| left.min(pause))).await;
        pause = (pause * 3 / 2).min(pace.interval);
    }
}

/// With a server that does not answer.
#[derive(Default)]
pub struct Patience {
    since: Option<Instant>,
}

impl Patience {
    /// Says once that the server is waited for; gives the failure back when that is no use.
    ///
    /// # Errors
    /// When it does not pass by itself, or has not passed for too long.
    pub fn spend(&mut self, failure: Failure) -> Result<(), Failure> {
        match self.since {
            _ if !failure.is_passing() => Err(failure),
            None => {
                eprintln!("{failure}; trying again");
                self.since = Some(Instant::now());
                Ok(())
            }
            Some(since) if since.elapsed() < PATIENCE => Ok(()),
            Some(_) => Err(failure),
        }
    }
}

/// Shows an instance until it has ended: in place on a terminal; else a line for each change, which is the whole document
/// with `json`.
///
/// # Errors
/// As [`until_ended`].
pub async fn instance(
    client: &Client,
    id: &Id,
    wanted: Wanted,
    pace: Pace,
    full: bool,
    json: bool,
) -> Result<Outcome, Failure> {
    if json || !stdout().is_terminal() {
        let mut changes = Changes::default();
        return until_ended(client, id, wanted, pace, |shown| {
            say(&changes.line(shown, json).unwrap_or_default())
        })
        .await;
    }
    let mut screen = Screen::default();
    until_ended(client, id, wanted, pace, |shown| {
        let is_last = shown.instance.runtime_status.end().is_some();
        let cut = match (full, is_last) {
            (true, _) => Cut::Nothing,
            (false, true) => Cut::Long,
            (false, false) => Cut::Most,
        };
        let frame = detail(&shown.instance, Timestamp::now(), cut, Look::of_stdout());
        draw(&mut screen, &frame, is_last)
    })
    .await
}

/// Draws on standard output, which is a terminal; the last frame whole.
pub fn draw(screen: &mut Screen, frame: &str, is_last: bool) -> Result<(), Failure> {
    let (_, height) = terminal::size()?;
    Ok(screen.draw(&mut stdout().lock(), frame, Some(height).filter(|_| !is_last))?)
}

/// What was told of instances, so that only changes are.
#[derive(Default)]
pub struct Changes {
    told: HashMap<String, String>,
}

impl Changes {
    /// The line that tells of an instance; None if nothing has changed about it.
    pub fn line(&mut self, shown: &Shown, json: bool) -> Option<String> {
        let Shown { instance, json: document } = shown;
        let line = if json { one_line(document.get()) } else { in_a_line(instance) };
        let told = self.told.insert(instance.instance_id.clone(), line.clone());
        (told.as_ref() != Some(&line)).then(|| line + "\n")
    }
}

/// The document as one line. A line break outside of strings means nothing; in strings there are none.
fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

fn in_a_line(instance: &Instance) -> String {
    let mut line = instance.last_updated_time.map(|time| shown(time) + "  ").unwrap_or_default();
    line += &plain(&instance.instance_id);
    line += "  ";
    line += &plain(&instance.runtime_status.name());
    let value = match instance.runtime_status.end() {
        Some(_) => instance.output.as_ref(),
        None => instance.custom_status.as_ref(),
    };
    if let Some(value) = value {
        line += "  ";
        line += &cut(&one_line(value.get()), VALUE);
    }
    if let Some(last) = instance.history_events.as_ref().and_then(|events| events.last()) {
        line += &format!("  ({})", plain(&last.event_type));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(more: &str) -> Shown {
        let text = format!(r#"{{"instanceId": "i", "lastUpdatedTime": "2026-01-02T03:04:05Z",{more}}}"#);
        let json = serde_json::from_str(&text).unwrap();
        Shown { instance: serde_json::from_str(&text).unwrap(), json }
    }

    #[test]
    fn a_line_tells_of_each_change() {
        let mut changes = Changes::default();
        let running = shown(r#""runtimeStatus": "Running", "customStatus": {"done": 1}, "output": null"#);
        let line = "2026-01-02 03:04:05Z  i  Running  {\"done\": 1}\n";
        assert_eq!(changes.line(&running, false).as_deref(), Some(line));
        assert_eq!(changes.line(&running, false), None);
        let ended = shown(
            "\"runtimeStatus\": \"Completed\", \"customStatus\": 1,\n \"output\": 5, \"historyEvents\": [{\"EventType\": \"ExecutionCompleted\"}]",
        );
        let line = "2026-01-02 03:04:05Z  i  Completed  5  (ExecutionCompleted)\n";
        assert_eq!(changes.line(&ended, false).as_deref(), Some(line));
        let json = changes.line(&ended, true).unwrap();
        assert_eq!((json.lines().count(), json.ends_with('\n')), (1, true));
        assert_eq!(changes.line(&ended, true), None);
    }

    #[test]
    fn patience_is_with_what_passes() {
        let mut patience = Patience::default();
        let passing = || Failure::Unreachable { server: "s".into(), why: "refused".into() };
        assert!(patience.spend(passing()).is_ok() && patience.spend(passing()).is_ok());
        patience.since = Instant::now().checked_sub(PATIENCE);
        assert!(patience.since.is_none() || patience.spend(passing()).is_err());
        assert!(Patience::default().spend(Failure::NoInstance("i".into())).is_err());
    }
}
