//! `POST /entities/{name}`: carries out operations on the entities of programs.

use longhaul_spin::{Answer, entities};
use spin_sdk::http::Request;
use spin_sdk::http_service;

#[http_service]
async fn run(request: Request) -> Answer {
    entities::serve(request, longhaul_program::entities()).await
}
