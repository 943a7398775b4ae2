//! Queries as streams: of pages, and of entities with their types.

use std::borrow::Cow;

use azure_core::{Clock, HttpClient};
use futures::stream::{self, Stream, TryStreamExt as _};
use serde_json::value::RawValue;

use crate::client::{Pages, TableClient};
use crate::entity::Entity;
use crate::error::Error;
use crate::page::Page;
use crate::query::Query;
use crate::write::JSON_WITH_TYPES;

impl<'a, H: HttpClient, C: Clock> Pages<'a, H, C> {
    /// The pages as a stream, which ends after the last one and after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Page, Error>> + use<'a, H, C> {
        stream::unfold(self, async |mut pages| {
            let page = pages.next().await?;
            Some((page, pages))
        })
    }
}

impl<H: HttpClient, C: Clock> TableClient<H, C> {
    /// The entities of a query, with keys, versions and typed properties; of the properties those that the query
    /// selects. They come in the service's order, one page of them in memory at a time.
    ///
    /// An item is an error as [`Pages::next`] has it, or [`Error::BadPage`] for a property that is not of its type.
    /// The stream ends after the last entity, and after the error of a page.
    pub fn entities(&self, query: &Query) -> impl Stream<Item = Result<Entity, Error>> + use<'_, H, C> {
        let mut query = query.clone();
        for key in ["PartitionKey", "RowKey"] {
            if !query.select.is_empty() && !query.select.iter().any(|name| name == key) {
                query.select.push(key.to_owned());
            }
        }
        let mut pages = self.pages(Cow::Owned(query), None);
        pages.accept = JSON_WITH_TYPES;
        let entities = |page| stream::iter(entities(&page));
        pages.into_stream().map_ok(entities).try_flatten()
    }
}

fn entities(page: &Page) -> Vec<Result<Entity, Error>> {
    match page.entities::<&RawValue>() {
        Ok(rows) => rows.into_iter().map(|row| Entity::from_page(row).map_err(Error::BadPage)).collect(),
        Err(problem) => vec![Err(Error::BadPage(problem))],
    }
}
