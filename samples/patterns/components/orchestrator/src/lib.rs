//! `POST /tick/{key}`: advances an instance of one of the patterns.

use longhaul_spin::{Answer, orchestrator};
use spin_sdk::http::Request;
use spin_sdk::http_service;

#[http_service]
async fn tick(request: Request) -> Answer {
    orchestrator::serve(request, patterns::orchestrators()).await
}
