//! Listing and counting instances.

use http::{HeaderValue, Response, StatusCode};
use longhaul::projection::{Options, StatusDocument};
use longhaul::{Engine, Page, Platform, Query, QueryError, Wanted};
use serde_json::{Value, json as value};

use crate::answers::{Body, json, listing};
use crate::components::Components;
use crate::continuation;
use crate::filter;
use crate::refusal::Refusal;
use crate::request::Admitted;
use crate::route::Base;
use crate::service::Management;
use crate::status::Shown;

/// How many instances a page has unless the request says so.
const DEFAULT_TOP: usize = 100;
/// How many it has at most, whatever the request says.
const MAX_TOP: usize = 1000;

impl<P: Platform, C: Components> Management<'_, P, C> {
    pub(crate) async fn list(&self, request: &Admitted) -> Result<Response<Body>, Refusal> {
        let continuation = request.continuation(self.settings, self.hub())?;
        let Some(query) = filter::query(&request.parameters) else {
            return Ok(json(StatusCode::OK, &Vec::<Value>::new()));
        };
        let show_input = Shown::of(&request.parameters).options.show_input;
        let top = request.parameters.count("top");
        if request.base == Base::Rpc && top.is_none() {
            // The Python client library follows no tokens.
            let query = Query { page_size: Some(DEFAULT_TOP), continuation, ..query };
            return Ok(listing(Listing { query, show_input, progress: Progress::Begins }));
        }
        let page_size = Some(top.unwrap_or(DEFAULT_TOP).min(MAX_TOP));
        let page = self.engine.list(&Query { page_size, continuation, ..query }).await?;
        let token = page.continuation;
        let documents = documents(self.engine, page, show_input).await?;
        let mut response = json(StatusCode::OK, &documents);
        self.say_where_to_go_on(&mut response, token);
        Ok(response)
    }

    pub(crate) async fn count(&self, request: &Admitted) -> Result<Response<Body>, Refusal> {
        let count = match filter::query(&request.parameters) {
            Some(query) => self.engine.count(&query).await?,
            None => 0,
        };
        Ok(json(StatusCode::OK, &value!({ "count": count })))
    }

    pub(crate) fn say_where_to_go_on(&self, response: &mut Response<Body>, slot: Option<u64>) {
        let token = slot.and_then(|slot| continuation::token(&self.settings.keys, self.hub(), slot));
        if let Some(token) = token {
            let token = HeaderValue::try_from(token).expect("a token is ASCII");
            response.headers_mut().insert(continuation::HEADER, token);
        }
    }
}

async fn documents<P: Platform>(
    engine: &Engine<P>,
    page: Page,
    show_input: bool,
) -> Result<Vec<StatusDocument>, QueryError> {
    let options = Options { show_input, ..Options::default() };
    let wanted = Wanted { input: show_input, output: true, history: false };
    let mut documents = Vec::with_capacity(page.instances.len());
    for found in page.instances {
        // Those that are gone meanwhile are left out.
        if let Some(details) = engine.reveal(found, wanted).await? {
            documents.push(StatusDocument::of(&details, options));
        }
    }
    Ok(documents)
}

/// A list of any length, in pieces.
#[derive(Debug)]
pub struct Listing {
    query: Query,
    show_input: bool,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nothing was given yet.
    Begins,
    /// Some instances were given, if `some`.
    Goes { some: bool },
    /// All is given.
    Ended,
}

impl Listing {
    /// The next piece of the JSON array. None: it is whole.
    ///
    /// # Errors
    /// When the store fails: then the array stays incomplete, and whoever reads it must learn that.
    pub async fn next<P: Platform>(&mut self, engine: &Engine<P>) -> Result<Option<String>, QueryError> {
        let (mut piece, mut some) = match self.progress {
            Progress::Begins => (String::from("["), false),
            Progress::Goes { some } => (String::new(), some),
            Progress::Ended => return Ok(None),
        };
        let page = engine.list(&self.query).await?;
        self.query.continuation = page.continuation;
        for document in documents(engine, page, self.show_input).await? {
            if some {
                piece.push(',');
            }
            some = true;
            piece.push_str(&serde_json::to_string(&document).expect("a status has a JSON form"));
        }
        self.progress = match self.query.continuation {
            Some(_) => Progress::Goes { some },
            None => {
                piece.push(']');
                Progress::Ended
            }
        };
        Ok(Some(piece))
    }
}
