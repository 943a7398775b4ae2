//! The activity component: `POST /activities/{name}`.
//!
//! A function that says nothing before it ends is answered with one JSON object. As soon as it reports something, the
//! answer becomes a stream of lines, so that a report is heard when it is made, and so that the function learns when
//! nobody reads them any more.

mod http_activity;
mod reports;

use std::rc::Rc;

use futures::future::{self, Either};
use futures::{FutureExt, StreamExt};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use jiff::Timestamp;
use longhaul::{ActivityFunctions, ActivityLine, HTTP_ACTIVITY, NDJSON, doors};
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{IntoResponse, Request};

use crate::streamed::streamed;
use crate::wakeable::wakeable;
use crate::{in_background, log_to_stderr, plain};

const NDJSON_TYPE: HeaderValue = HeaderValue::from_static(NDJSON);

pub use crate::streamed::Answer;

/// Answers a request to an activity component whose functions are `functions`.
///
/// Besides them there is [`HTTP_ACTIVITY`], which durable HTTP calls use, unless `functions` has one of that name. It
/// reaches what the component's `allowed_outbound_hosts` allow.
pub async fn serve(request: Request, functions: ActivityFunctions<'static>) -> Answer {
    log_to_stderr();
    let (head, body) = request.into_parts();
    let body = match body.bytes().await {
        Ok(body) => body,
        Err(error) => return plain(400, error.to_string()).into_response(),
    };
    let (name, request) = match doors::activity_request(head.method.as_str(), head.uri.path(), &body) {
        Ok(asked) => asked,
        Err(refused) => return plain(refused.status, refused.message).into_response(),
    };
    let functions = match functions.contains(HTTP_ACTIVITY) {
        true => functions,
        false => functions.with(HTTP_ACTIVITY, |_, request| http_activity::send(request)),
    };
    let (sink, mut lines) = reports::channel();
    let (reports, now) = (Rc::new(sink.clone()), Timestamp::now());
    // What several requests wait for (a token) is fetched by one of them, which then wakes the others.
    let work = wakeable(async move { functions.run(&name, request, now, reports).await }).boxed_local();
    match future::select(work, lines.next()).await {
        Either::Left((outcome, _)) => whole(ActivityLine::Outcome(outcome).encode()),
        Either::Right((first, work)) => {
            let (writer, response) = streamed(200, &HeaderMap::from_iter([(CONTENT_TYPE, NDJSON_TYPE)]))?;
            in_background(async move {
                let finish = async move { sink.finish(work.await) };
                future::join(finish, reports::write(writer, first, lines)).await;
            });
            Ok(response)
        }
    }
}

/// An answer in one piece.
fn whole(json: String) -> Answer {
    let mut response = plain(200, json);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.into_response()
}
