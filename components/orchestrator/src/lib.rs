//! `POST /tick/{key}`: advances an instance of one of the application's orchestrator functions.

use longhaul_spin::orchestrator;
use spin_sdk::http::Request;
use spin_sdk::http_service;

#[http_service]
async fn tick(request: Request) -> orchestrator::Answer {
    orchestrator::serve(request, async_query::query::orchestrators()).await
}
