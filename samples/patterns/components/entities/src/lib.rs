//! `POST /entities/{name}`: carries out operations on the patterns' entities.

use longhaul_spin::{Answer, entities};
use spin_sdk::http::Request;
use spin_sdk::http_service;

#[http_service]
async fn run(request: Request) -> Answer {
    entities::serve(request, patterns::aggregator::entities()).await
}
