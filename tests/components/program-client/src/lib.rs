//! The test application's client functions: the engine's operations over HTTP, for tests.
//!
//! Who polls here wakes nobody: what a lost kick leaves behind, the scheduler alone must find.

pub mod api;

// What a component exports has names that only WebAssembly's linker takes.
#[cfg(target_family = "wasm")]
mod component {
    use bytes::Bytes;
    use longhaul_spin::{Answer, answer, hub, in_background, kick, log_to_stderr};
    use spin_sdk::http::body::IncomingBodyExt;
    use spin_sdk::http::{Request, Result};
    use spin_sdk::http_service;

    use crate::api::{self, Answered, Then};

    #[http_service]
    async fn client(request: Request) -> Result<Answer> {
        log_to_stderr();
        let (head, body) = request.into_parts();
        let body: Bytes = body.bytes().await?;
        let engine = hub::engine().await.map_err(|error| error.to_string())?;
        let Answered { response, then } = api::answer(&engine, &head, &body).await;
        match then {
            Then::Nothing => {}
            Then::Run(started) => in_background(kick::run(started)),
            Then::Tell(told) => in_background(kick::told(told)),
        }
        Ok(answer(response))
    }
}
