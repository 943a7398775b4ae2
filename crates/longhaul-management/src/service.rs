//! The API as a whole.

use http::request::Parts;
use http::{Response, StatusCode};
use longhaul::{Engine, Platform};
use serde_json::Value;

use crate::answers::{Body, empty, json};
use crate::components::Components;
use crate::openapi;
use crate::operations::Operation;
use crate::refusal::Refusal;
use crate::request::{self, Admitted};
use crate::settings::Settings;

/// The management API of one task hub.
pub struct Management<'a, P, C> {
    pub(crate) engine: &'a Engine<P>,
    pub(crate) components: &'a C,
    pub(crate) settings: &'a Settings,
}

impl<'a, P: Platform, C: Components> Management<'a, P, C> {
    /// The API over `engine`.
    pub fn new(engine: &'a Engine<P>, components: &'a C, settings: &'a Settings) -> Self {
        Self { engine, components, settings }
    }

    /// Lets a request in, before its body is read.
    ///
    /// # Errors
    /// The answer to send: the API is closed (404), the request has not presented what opens what it asks for (401), or
    /// there is no such thing (404, 405).
    // The large `Err` is moved once, to be sent.
    #[allow(clippy::result_large_err)]
    pub fn admit(&self, head: &Parts) -> Result<Admitted, Response<Body>> {
        let now = self.engine.platform().now();
        request::admit(head, self.settings, self.hub(), now).map_err(Refusal::answer)
    }

    /// How long a body may be, in bytes: twice as long as a value, since JSON that is wrapped in JSON may be.
    pub fn longest_body(&self) -> u64 {
        self.engine.limits().max_payload.saturating_mul(2)
    }

    /// The answer to a request whose body is longer.
    pub fn too_large(&self) -> Response<Body> {
        Refusal::TooLarge(format!("the body is longer than {} bytes", self.longest_body())).answer()
    }

    /// Answers a request.
    pub async fn answer(&self, request: &Admitted, body: &[u8]) -> Response<Body> {
        self.done(request, body).await.unwrap_or_else(Refusal::answer)
    }

    async fn done(&self, request: &Admitted, body: &[u8]) -> Result<Response<Body>, Refusal> {
        match request.operation {
            Operation::Start => self.start(request, body).await,
            Operation::List => self.list(request).await,
            Operation::Count => self.count(request).await,
            Operation::PurgeMany => self.purge_many(request).await,
            Operation::Status => self.status(request).await,
            Operation::Purge => self.purge(request).await,
            Operation::RaiseEvent => self.raise_event(request, body).await,
            Operation::Terminate | Operation::Suspend | Operation::Resume | Operation::Rewind => {
                self.told(request).await
            }
            Operation::Restart => self.restart(request).await,
            Operation::RestartWithOptions => self.restart_with_options(request, body).await,
            Operation::ListEntities => Ok(json(StatusCode::OK, &Vec::<Value>::new())),
            Operation::EntityState | Operation::SignalEntity | Operation::DeleteEntity => {
                Err(Refusal::NotFound)
            }
            Operation::MakePrimary => Ok(empty(StatusCode::OK)),
            Operation::Tick => match self.components.wake_scheduler().await {
                Ok(()) => Ok(empty(StatusCode::ACCEPTED)),
                Err(error) => Err(Refusal::Failed(format!("the scheduler was not woken: {error}"))),
            },
            Operation::OpenApi => Ok(json(StatusCode::OK, &openapi::document())),
        }
    }

    pub(crate) fn hub(&self) -> &str {
        self.engine.hub().as_str()
    }
}
