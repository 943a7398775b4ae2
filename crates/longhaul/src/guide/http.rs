//! 9. Durable HTTP.
//!
//! [`call_http`](crate::OrchestrationContext::call_http) sends an HTTP request from the activity component, and any
//! status is an answer. If the answer is 202 with a `Location`, the orchestrator waits, by a durable timer, as long as
//! `Retry-After` says (30 s if it says nothing), and asks there with `GET`, until the answer is another. So a job of
//! another service is waited for without anything that runs.
//!
//! ```
//! # use std::cell::Cell;
//! # use std::time::Duration;
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators};
//! use longhaul::{HTTP_ACTIVITY, HttpRequest, HttpResponse, RetryPolicy};
//!
//! async fn export(ctx: OrchestrationContext, table: String) -> Result<String, Failure> {
//!     let mut request = HttpRequest::new("POST", "https://jobs.example/exports")
//!         .header("Idempotency-Key", &ctx.new_guid().to_string())
//!         .content(table);
//!     request.retry = Some(RetryPolicy::new(Duration::from_secs(5), 3));
//!     let response = ctx.call_http(request).await?;
//!     match response.status_code {
//!         200 => Ok(response.content),
//!         status => Err(Failure::new("ExportFailed", format!("the service answered {status}"))),
//!     }
//! }
//!
//! // The service: accepted, not yet, done.
//! let asked = Cell::new(0);
//! let run = TestHub::new(Orchestrators::new().with("export", export))
//!     .activity(HTTP_ACTIVITY, |request: HttpRequest| {
//!         asked.set(asked.get() + 1);
//!         let answer = |status_code, headers: &[(&str, &str)], content: &str| HttpResponse {
//!             status_code,
//!             headers: headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
//!             content: content.to_owned(),
//!         };
//!         Ok(match asked.get() {
//!             1 => answer(202, &[("location", "/exports/7"), ("retry-after", "600")], ""),
//!             2 => answer(202, &[("location", "/exports/7")], ""),
//!             _ => answer(200, &[], &request.uri),
//!         })
//!     })
//!     .run("export", "audit");
//! assert_eq!(run.output::<String>().unwrap(), "https://jobs.example/exports/7");
//! assert_eq!(run.elapsed(), Duration::from_secs(600 + 30));
//! ```
//!
//! - The activity component must be allowed to reach the host: `allowed_outbound_hosts` in `spin.toml`.
//! - [`asynchronous_pattern`](crate::HttpRequest::asynchronous_pattern) set to false gives the 202 as it is.
//! - `Authorization`, `Cookie` and `x-functions-key` are not sent on to another origin (scheme, host and port).
//! - A request has 100 s. `HttpRequestFailed` (no answer) is retriable; `HttpRequestDenied` (the host is not allowed),
//!   `HttpRequestMalformed`, `HttpResponseUnreadable` (not UTF-8) and `BadLocation` are permanent.
//! - [`retry`](crate::HttpRequest::retry) is for requests without an answer. A status such as 503 is an answer, and
//!   yours to judge.
//! - As any activity, it is sent at least once: give a `POST` a key by which the server knows a repetition.
//! - The request stands in the history, headers and all, for whoever can read the store. **Let an activity of your own
//!   add secrets**, and pass it only what to ask.
//!
//! The call begins when it is first polled: to have several run at once, await them together.
