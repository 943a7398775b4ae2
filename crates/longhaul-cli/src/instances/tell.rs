//! `longhaul instances raise`, `terminate`, `suspend`, `resume` and `rewind`.

use clap::Args;
use serde_json::json;

use super::arguments::{Id, Source, segment};
use super::client::Client;
use super::failure::Failure;
use super::look::say;

#[derive(Args)]
pub struct Raise {
    /// The instance
    id: Id,

    /// The event's name
    #[arg(value_parser = segment)]
    event: String,

    /// Its data: JSON, @file, or - for standard input [default: null]
    #[arg(value_parser = clap::value_parser!(Source))]
    data: Option<Source>,

    /// Take the data as a text, not as JSON
    #[arg(long, requires = "data")]
    text: bool,
}

#[derive(Args)]
pub struct Tell {
    /// The instances
    #[arg(required = true)]
    ids: Vec<Id>,

    /// Why; it is kept in the history
    #[arg(short, long)]
    reason: Option<String>,
}

impl Raise {
    pub async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let data = self.data.as_ref().map_or(Ok("null".to_owned()), |data| data.json(self.text))?;
        client.raise(&self.id, &self.event, data).await?;
        accepted(&self.id, json)
    }
}

impl Tell {
    /// Asks for `operation` on each of them, also when one was refused.
    pub async fn run(self, client: &Client, operation: &str, json: bool) -> Result<(), Failure> {
        let mut tally = Tally::new(self.ids.len());
        for id in &self.ids {
            match client.tell(id, operation, self.reason.as_deref()).await {
                Ok(()) => accepted(id, json)?,
                Err(failure) => tally.refused(id, failure, json)?,
            }
        }
        tally.verdict()
    }
}

/// The operation is stored, and will be carried out.
fn accepted(id: &Id, json: bool) -> Result<(), Failure> {
    match json {
        true => say(&format!("{}\n", json!({"instanceId": id.as_str(), "accepted": true}))),
        false => say(&format!("{id}: accepted\n")),
    }
}

/// How several came out.
pub struct Tally {
    all: usize,
    failed: usize,
}

impl Tally {
    pub fn new(all: usize) -> Self {
        Self { all, failed: 0 }
    }

    /// Tells of one that was refused. If it is the only one, it is the command's failure.
    pub fn refused(&mut self, id: &Id, failure: Failure, json: bool) -> Result<(), Failure> {
        // The same would be said of the others.
        let is_about_all = !matches!(
            failure,
            Failure::NoInstance(_)
                | Failure::Ended { .. }
                | Failure::Conflict { .. }
                | Failure::Refused { .. }
        );
        if json && !is_about_all {
            let error = failure.to_string();
            say(&format!("{}\n", json!({"instanceId": id.as_str(), "accepted": false, "error": error})))?;
        }
        if self.all == 1 || is_about_all {
            return Err(failure);
        }
        eprintln!("{id}: {failure}");
        self.failed += 1;
        Ok(())
    }

    pub fn verdict(self) -> Result<(), Failure> {
        match self {
            Self { failed: 0, .. } => Ok(()),
            Self { all, failed } => Err(Failure::Some { failed, all }),
        }
    }
}
