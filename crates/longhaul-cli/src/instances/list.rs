//! `longhaul instances list`.

use std::io::{IsTerminal, stdout};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::client::{Client, Page, Shown};
use super::failure::Failure;
use super::filter::Filter;
use super::look::{Look, say};
use super::model::Instance;
use super::screen::Screen;
use super::table::table;
use super::time::duration;
use super::watch::{Changes, Patience, draw};

/// The most instances that are asked for at once.
const PAGE: usize = 1000;
/// The fewest, where it is decided here which of them are meant.
const FILTERED_PAGE: usize = 100;

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    filter: Filter,

    /// How many at most
    #[arg(long, value_name = "NUMBER", default_value = "100", conflicts_with = "all")]
    top: usize,

    /// All of them, however many
    #[arg(long)]
    all: bool,

    /// Only say how many there are
    #[arg(long, conflicts_with_all = ["top", "all", "watch", "input"])]
    count: bool,

    /// Show inputs as well
    #[arg(long)]
    input: bool,

    /// Show the list again and again: in place on a terminal, else a line for each change
    #[arg(short, long)]
    watch: bool,

    /// How long to wait before looking again
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration, requires = "watch")]
    interval: Duration,
}

/// Some of the instances.
struct Found {
    instances: Vec<Shown>,
    /// Whether there are more.
    more: bool,
}

impl Found {
    fn instances(&self) -> impl Iterator<Item = &Instance> + Clone {
        self.instances.iter().map(|shown| &shown.instance)
    }
}

impl List {
    pub async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        if self.count {
            let count = count(client, &self.filter).await?;
            return say(&if json {
                format!("{}\n", json!({ "count": count }))
            } else {
                format!("{count}\n")
            });
        }
        if self.watch {
            return self.watch(client, json).await;
        }
        let found = self.find(client).await?;
        if json {
            let documents: Vec<_> = found.instances.iter().map(|shown| &shown.json).collect();
            let array = serde_json::to_string(&documents).expect("JSON has a JSON form");
            return say(&(array + "\n"));
        }
        if found.instances.is_empty() {
            eprintln!("There are no such instances.");
            return Ok(());
        }
        say(&table(found.instances(), self.input, Timestamp::now(), Look::of_stdout()))?;
        if found.more {
            eprintln!("There are more: --all, a greater --top, or filters such as --since 2h show them.");
        }
        Ok(())
    }

    async fn find(&self, client: &Client) -> Result<Found, Failure> {
        let limit = if self.all { usize::MAX } else { self.top };
        find(client, &self.filter, self.input, limit).await
    }

    /// Until the process is ended.
    async fn watch(&self, client: &Client, json: bool) -> Result<(), Failure> {
        let mut screen = Screen::default();
        let mut changes = Changes::default();
        let mut found = self.find(client).await?;
        let mut patience = Patience::default();
        loop {
            if json || !stdout().is_terminal() {
                for shown in &found.instances {
                    say(&changes.line(shown, json).unwrap_or_default())?;
                }
            } else {
                let now = Timestamp::now();
                let mut frame = table(found.instances(), self.input, now, Look::of_stdout());
                if found.more {
                    frame += "… and more (--all, --top)\n";
                }
                draw(&mut screen, &frame, false)?;
            }
            tokio::time::sleep(self.interval).await;
            match self.find(client).await {
                Ok(now) => (found, patience) = (now, Patience::default()),
                Err(failure) => patience.spend(failure)?,
            }
        }
    }
}

/// The first `limit` instances that the filter selects.
async fn find(client: &Client, filter: &Filter, show_input: bool, limit: usize) -> Result<Found, Failure> {
    let mut instances = Vec::new();
    let mut pages = Pages::new(client, filter, show_input);
    while instances.len() < limit {
        let Some(page) = pages.next(limit - instances.len()).await? else {
            return Ok(Found { instances, more: false });
        };
        instances.extend(page);
    }
    let more = instances.len() > limit || !pages.is_last;
    instances.truncate(limit);
    Ok(Found { instances, more })
}

/// How many instances the filter selects: counted by the server, or else here.
pub async fn count(client: &Client, filter: &Filter) -> Result<u64, Failure> {
    if let Some(count) = client.count(filter).await? {
        return Ok(count);
    }
    let mut count = 0;
    let mut pages = Pages::new(client, filter, false);
    while let Some(page) = pages.next(PAGE).await? {
        count += page.len() as u64;
    }
    Ok(count)
}

/// The instances that a filter selects, page by page. A page may be empty though more follow.
pub struct Pages<'a> {
    client: &'a Client,
    filter: &'a Filter,
    show_input: bool,
    token: Option<String>,
    is_last: bool,
}

impl<'a> Pages<'a> {
    pub fn new(client: &'a Client, filter: &'a Filter, show_input: bool) -> Self {
        Self { client, filter, show_input, token: None, is_last: false }
    }

    /// The next page, with about `wanted` instances; None at the end.
    pub async fn next(&mut self, wanted: usize) -> Result<Option<Vec<Shown>>, Failure> {
        if self.is_last {
            return Ok(None);
        }
        let fewest = if self.filter.is_beyond_azure() { FILTERED_PAGE } else { 1 };
        let top = wanted.clamp(fewest, PAGE);
        let Page { mut instances, token } =
            self.client.page(self.filter, self.show_input, top, self.token.as_deref()).await?;
        instances.retain(|shown| self.filter.admits(&shown.instance));
        if token.is_some() && token == self.token {
            return Err(self
                .client
                .unreadable("it continues a list with the same token for ever".to_owned()));
        }
        self.is_last = token.is_none();
        self.token = token;
        Ok(Some(instances))
    }
}
