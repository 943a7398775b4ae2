//! `POST /activities/{name}`: runs one of the application's activity functions.

use std::rc::Rc;

use async_query::credentials::{CredentialSettings, Kept};
use async_query::query::{Settings, activities};
use longhaul_spin::azure::{HostClock, Outbound};
use longhaul_spin::{activity, variables};
use spin_sdk::http::Request;
use spin_sdk::http_service;

thread_local! {
    /// Tokens, settings and secrets, for as long as this instance of the component lives.
    static KEPT: Rc<Kept<Outbound, HostClock>> = Rc::default();
}

#[http_service]
async fn run(request: Request) -> activity::Answer {
    let settings = Settings {
        credentials: CredentialSettings::read(variables::text).await,
        table: variables::text("table_name").await,
        filter: variables::text("query_filter").await,
        column: variables::text("distinct_column").await,
        concurrency: variables::text("query_concurrency").await,
    };
    let kept = KEPT.with(Rc::clone);
    activity::serve(request, activities(Outbound, HostClock, kept, settings)).await
}
