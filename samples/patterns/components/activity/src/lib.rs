//! `POST /activities/{name}`: runs one of the patterns' activity functions.

use longhaul_spin::activity;
use spin_sdk::http::Request;
use spin_sdk::http_service;

#[http_service]
async fn run(request: Request) -> activity::Answer {
    activity::serve(request, patterns::activities()).await
}
