//! From a request to its answer, faults included.

use std::io;
use std::time::SystemTime;

use azure_tables::shared_key::AccountKey;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderValue, Request, Response, header};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::counters::Counters;
use crate::data::{Data, Row};
use crate::error::Refusal;
use crate::options::{DropWhen, MissingProperty};
use crate::page::{Limits, page};
use crate::request::{Metadata, Query};
use crate::schedule::{OptionsHandle, Schedule};
use crate::{ACCOUNT, auth};

const SERVER: &str = concat!("longhaul-table-service/", env!("CARGO_PKG_VERSION"), " (development aid)");
const API_VERSION: &str = "2019-02-02";

/// The body of an answer. Its error cuts the connection.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("dropped, as the options of the table service demand")]
pub(crate) struct Dropped;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Service {
    pub data: Data,
    pub key: AccountKey,
    pub options: OptionsHandle,
    pub counters: Counters,
}

impl Service {
    /// Answers a request. Its body is of no interest: nothing that has one is implemented.
    pub async fn answer<B>(&self, request: Request<B>) -> Result<Response<Body>, Dropped> {
        let (request, _) = request.into_parts();
        let number = self.counters.request();
        let schedule = self.options.schedule();
        let fate = schedule.next_request();
        if fate.drop == Some(DropWhen::BeforeAnswer) {
            self.counters.dropped();
            return Err(Dropped);
        }
        let answered = match fate.throttle {
            Some(throttle) => {
                self.counters.throttled();
                Err(Refusal::ServerBusy(throttle))
            }
            None => self.query(&request, &schedule).await,
        };
        let request_id = format!("00000000-0000-4000-8000-{number:012x}");
        let mut response = answered.unwrap_or_else(|refusal| {
            tracing::debug!(target: "table_service", ?refusal, path = request.uri.path(), "refused");
            refusal.response(&request_id)
        });
        let headers = response.headers_mut();
        headers.insert(header::SERVER, HeaderValue::from_static(SERVER));
        headers.insert("x-ms-version", HeaderValue::from_static(API_VERSION));
        headers.insert("x-ms-request-id", HeaderValue::try_from(request_id).expect("an id is hexadecimal"));
        let (mut parts, body) = response.into_parts();
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        let body = if fate.drop == Some(DropWhen::MidBody) {
            self.counters.dropped();
            cut_body(body)
        } else {
            Full::from(body).map_err(|never| match never {}).boxed_unsync()
        };
        Ok(Response::from_parts(parts, body))
    }

    async fn query(
        &self,
        request: &http::request::Parts,
        schedule: &Schedule,
    ) -> Result<Response<Vec<u8>>, Refusal> {
        auth::verify(ACCOUNT, &self.key, request, SystemTime::now())?;
        let query = Query::read(request)?;
        let table = self.data.table(&query.table).ok_or(Refusal::TableNotFound)?;
        if query.from.is_some() && schedule.next_token_has_expired() {
            self.counters.expired();
            return Err(Refusal::InvalidInput("the continuation token has expired".to_owned()));
        }
        let options = &schedule.options;
        if !options.latency.is_zero() {
            tokio::time::sleep(options.latency).await;
        }

        let page_size = options.page_size.max(1);
        let limits = Limits {
            rows: query.top.map_or(page_size, |top| top.min(page_size)),
            one_partition: options.pages_end_at_partitions,
            empty: schedule.next_page_is_empty(),
        };
        let page = page(table, query.filter.as_ref(), query.from.as_ref(), limits);
        self.counters.page(page.rows.len());

        let metadata = (query.metadata == Metadata::Minimal).then(|| metadata_url(request, &query.table));
        let body = Answer { metadata, rows: &page.rows, query: &query, missing: options.missing_property };
        let body =
            serde_json::to_vec(&body).expect("rows have string keys, and strings, numbers and booleans");
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        let content_type = match query.metadata {
            Metadata::None => "application/json;odata=nometadata;streaming=true;charset=utf-8",
            Metadata::Minimal => "application/json;odata=minimalmetadata;streaming=true;charset=utf-8",
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert("dataserviceversion", HeaderValue::from_static("3.0;"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(next) = page.next {
            let (partition, row) = next.tokens();
            let token = |text: String| HeaderValue::try_from(text).expect("base64 is a header's value");
            headers.insert("x-ms-continuation-nextpartitionkey", token(partition));
            if let Some(row) = row {
                headers.insert("x-ms-continuation-nextrowkey", token(row));
            }
        }
        Ok(response)
    }
}

fn metadata_url(request: &http::request::Parts, table: &str) -> String {
    let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}/{ACCOUNT}/$metadata#{table}")
}

/// Half of the body, then the end of the connection.
fn cut_body(mut body: Vec<u8>) -> Body {
    body.truncate(body.len() / 2);
    let half = stream::once(async { Ok(Frame::data(Bytes::from(body))) });
    let end = stream::once(async {
        // hyper writes what it has when the body is not ready; an error at once would take the half with it.
        tokio::task::yield_now().await;
        Err(io::Error::other(Dropped))
    });
    StreamBody::new(half.chain(end)).boxed_unsync()
}

/// The body of a page, written without a copy of its rows.
struct Answer<'a> {
    metadata: Option<String>,
    rows: &'a [&'a Row],
    query: &'a Query,
    missing: MissingProperty,
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut answer = serializer.serialize_map(None)?;
        if let Some(metadata) = &self.metadata {
            answer.serialize_entry("odata.metadata", metadata)?;
        }
        match &self.query.select {
            None => answer.serialize_entry("value", self.rows)?,
            Some(select) => {
                let missing = self.missing;
                let rows: Vec<_> = self.rows.iter().map(|row| Selection { row, select, missing }).collect();
                answer.serialize_entry("value", &rows)?;
            }
        }
        answer.end()
    }
}

/// The selected properties of a row.
struct Selection<'a> {
    row: &'a Row,
    select: &'a [String],
    missing: MissingProperty,
}

impl Serialize for Selection<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut properties = serializer.serialize_map(None)?;
        for name in self.select {
            match (name.as_str(), self.row.properties.get(name), self.missing) {
                ("PartitionKey", ..) => properties.serialize_entry(name, &self.row.partition_key)?,
                ("RowKey", ..) => properties.serialize_entry(name, &self.row.row_key)?,
                (_, Some(value), _) => properties.serialize_entry(name, value)?,
                (_, None, MissingProperty::Null) => properties.serialize_entry(name, &())?,
                (_, None, MissingProperty::LeftOut) => {}
            }
        }
        properties.end()
    }
}
