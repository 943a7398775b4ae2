//! `POST /activities/{name}`: runs one of the application's activity functions.

use async_query::query::{Secret, Settings, activities};
use longhaul_spin::azure::{HostClock, Outbound};
use longhaul_spin::{activity, variables};
use spin_sdk::http::Request;
use spin_sdk::http_service;

#[http_service]
async fn run(request: Request) -> activity::Answer {
    let settings = Settings {
        connection_string: Secret::new(variables::text("table_connection_string").await),
        table: variables::text("table_name").await,
        filter: variables::text("query_filter").await,
        column: variables::text("distinct_column").await,
        concurrency: variables::text("query_concurrency").await,
    };
    activity::serve(request, activities(Outbound, HostClock, settings)).await
}
