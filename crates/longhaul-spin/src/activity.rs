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

use crate::exchange::{self, Answer, Asked, Request, plain};
use crate::streamed::streamed;
use crate::wakeable::wakeable;
use crate::{in_background, log_to_stderr};

const NDJSON_TYPE: HeaderValue = HeaderValue::from_static(NDJSON);

/// Answers a request to an activity component whose functions are `functions`.
///
/// Besides them there is [`HTTP_ACTIVITY`], which durable HTTP calls use, unless `functions` has one of that name. It
/// reaches what the component's `allowed_outbound_hosts` allow.
pub async fn serve(request: Request, functions: ActivityFunctions<'static>) -> Answer {
    log_to_stderr();
    let asked = match Asked::read(request).await {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    let (name, request) = match doors::activity_request(asked.method.as_str(), &asked.path, &asked.body) {
        Ok(asked) => asked,
        Err(refused) => return plain(refused.status, refused.message),
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
        Either::Left((outcome, _)) => exchange::json(200, ActivityLine::Outcome(outcome).encode()),
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
