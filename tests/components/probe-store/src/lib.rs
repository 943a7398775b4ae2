//! `GET /conformance/{prefix}`: puts the store `default` to the engine's suite, and answers what it did not pass.

use longhaul::conformance;
use longhaul_spin::SpinStore;
use spin_sdk::http::Request;
use spin_sdk::http_service;

#[http_service]
async fn check(request: Request) -> String {
    let path = request.into_parts().0.uri.path().to_owned();
    let store = match SpinStore::open("default").await {
        Ok(store) => store,
        Err(error) => return error.to_string(),
    };
    let prefix = path.rsplit('/').next().unwrap_or_default();
    let found = conformance::check(&store, prefix).await;
    match found.is_empty() {
        true => "conforms".to_owned(),
        false => found.iter().map(|each| format!("{each}\n")).collect(),
    }
}
