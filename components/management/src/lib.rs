//! `/runtime/webhooks/durabletask/...` and `/durabletask/...`: the management API, the same for all applications.

use longhaul_spin::management;
use spin_sdk::http::Request;
use spin_sdk::http_service;

#[http_service]
async fn serve(request: Request) -> management::Answer {
    management::serve(request).await
}
