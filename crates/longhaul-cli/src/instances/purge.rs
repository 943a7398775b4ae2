//! `longhaul instances purge`.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use serde_json::json;

use super::arguments::Id;
use super::client::Client;
use super::failure::Failure;
use super::filter::Filter;
use super::list::{Pages, count};
use super::look::say;
use super::tell::Tally;

/// How many are asked for at once when they are purged one by one.
const PAGE: usize = 1000;

#[derive(Args)]
pub struct Purge {
    /// The instances; or else filters, which select ended instances only
    ids: Vec<Id>,

    #[command(flatten)]
    filter: Filter,

    /// Their sub-orchestrations as well (Longhaul's API only; Azure's ignores it)
    #[arg(long)]
    recursive: bool,

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

impl Purge {
    pub async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        if self.ids.is_empty() {
            return self.many(client, json).await;
        }
        if !self.filter.parameters().is_empty() {
            return Err(Failure::Usage("name instances or select them with filters, not both".to_owned()));
        }
        let what = match &self.ids[..] {
            [one] => format!("instance '{one}'"),
            several => format!("{} instances", several.len()),
        };
        confirm(self.yes, &what)?;
        let mut deleted = 0;
        let mut tally = Tally::new(self.ids.len());
        for id in &self.ids {
            match client.purge(id, self.recursive).await {
                Ok(number) => deleted += number,
                Err(failure) => tally.refused(id, failure, json)?,
            }
        }
        told(deleted, json)?;
        tally.verdict()
    }

    async fn many(self, client: &Client, json: bool) -> Result<(), Failure> {
        let filter = self.filter.of_purge()?;
        let words = filter.in_words();
        if !self.yes {
            let count = count(client, &filter).await?;
            if count == 0 {
                return told(0, json);
            }
            confirm(false, &format!("{count} instances {words}"))?;
        }
        let deleted = match filter.is_beyond_azure() {
            // A server that does not know these filters would purge more than is meant.
            true => one_by_one(client, &filter, self.recursive).await?,
            false => by_the_server(client, &filter, self.recursive).await?,
        };
        told(deleted, json)
    }
}

/// The server purges for a while, and says where to go on.
async fn by_the_server(client: &Client, filter: &Filter, recursive: bool) -> Result<u64, Failure> {
    let (mut deleted, mut token) = (0, None);
    loop {
        let purged = client.purge_many(filter, recursive, token.as_deref()).await?;
        deleted += purged.deleted;
        match purged.token {
            Some(next) if token.as_ref() == Some(&next) && purged.deleted == 0 => {
                return Err(client.unreadable("it continues a purge with the same token for ever".to_owned()));
            }
            Some(next) => {
                eprintln!("{deleted} purged so far");
                token = Some(next);
            }
            None => return Ok(deleted),
        }
    }
}

async fn one_by_one(client: &Client, filter: &Filter, recursive: bool) -> Result<u64, Failure> {
    let mut deleted = 0;
    let mut pages = Pages::new(client, filter, false);
    while let Some(page) = pages.next(PAGE).await? {
        for shown in page {
            // Whatever the server made of the filter.
            if shown.instance.runtime_status.end().is_none() {
                continue;
            }
            let id = shown.instance.instance_id.parse().map_err(|why| client.unreadable(why))?;
            match client.purge(&id, recursive).await {
                Ok(number) => deleted += number,
                // Somebody else was faster.
                Err(Failure::NoInstance(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
    }
    Ok(deleted)
}

fn told(deleted: u64, json: bool) -> Result<(), Failure> {
    match json {
        true => say(&format!("{}\n", json!({"instancesDeleted": deleted}))),
        false => say(&format!("purged: {deleted}\n")),
    }
}

/// Asks the person at the terminal, unless there is no need.
fn confirm(yes: bool, what: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(format!(
            "this would purge {what}: pass --yes to do so where nobody can be asked"
        )));
    }
    eprint!("Purge {what}? What is known of them is lost. [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::NotConfirmed),
    }
}
