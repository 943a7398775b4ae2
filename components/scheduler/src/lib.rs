//! `POST /run`: looks after the task hub for as long as anything is due.

use longhaul_spin::{Answer, scheduler};
use spin_sdk::http::Request;
use spin_sdk::http_service;

#[http_service]
async fn run(request: Request) -> Answer {
    scheduler::serve(request).await
}
