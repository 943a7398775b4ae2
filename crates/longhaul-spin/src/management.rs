//! The management component: what it answers is decided by [`longhaul_management`].

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use longhaul::{Concern, Engine, InstanceKey, KickError, Registered, Started, Told, doors};
use longhaul_management::{Body, Components, InvalidSettings, Listing, Management, Settings, Variables};
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{FullBody, IntoResponse, Request};
use spin_sdk::wasip3::http::types;
use spin_sdk::wasip3::http_compat::BodyWriter;

use crate::components::ORCHESTRATOR;
use crate::exchange::{get, plain};
use crate::streamed::{finish, streamed};
use crate::time_limit::within;
use crate::variables::{UnreadableVariable, read};
use crate::{SpinPlatform, hub, in_background, kick, log_to_stderr};

pub use crate::exchange::Answer;

/// How long the orchestrator component may take to say which functions it has.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

thread_local! {
    /// Which functions there are, as the orchestrator component has said. A new version of the application has new
    /// instances of this component, too.
    static REGISTERED: RefCell<Option<Rc<Registered>>> = const { RefCell::new(None) };
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
}

/// Why there are no settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A variable cannot be read.
    #[error(transparent)]
    Unreadable(#[from] UnreadableVariable),
    /// A variable has a value with which the API cannot run.
    #[error(transparent)]
    Invalid(#[from] InvalidSettings),
}

/// Answers a request to the management component.
///
/// Its variables are those of [`hub::engine`], and, all of which may be left out:
///
/// | variable | what it is | without it |
/// | --- | --- | --- |
/// | `management_key` | the key that opens the API | it is closed: everything is 404 |
/// | `management_key_secondary` | another key that does | there is one key |
/// | `link_lifetime` | for how long links to instances are good, such as `12h` | `7d` |
/// | `public_base_url` | under which scheme and host clients reach the application | those of their requests |
/// | `trust_forwarded_headers` | whether `Forwarded` and `X-Forwarded-*` say what clients asked for | `false` |
pub async fn serve(request: Request) -> Answer {
    log_to_stderr();
    let settings = match settings().await {
        Ok(settings) => settings,
        Err(error) => return misconfigured(&error),
    };
    let engine = match hub::engine().await {
        Ok(engine) => engine,
        Err(error) => return misconfigured(&error),
    };
    let management = Management::new(&*engine, &Neighbours, &settings);
    let (head, body) = request.into_parts();
    let admitted = match management.admit(&head) {
        Ok(admitted) => admitted,
        Err(answer) => return send(answer, &engine),
    };
    let mut read = Vec::new();
    if admitted.takes_body() {
        let mut chunks = body.stream();
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(chunk) if (read.len() + chunk.len()) as u64 > management.longest_body() => {
                    return send(management.too_large(), &engine);
                }
                Ok(chunk) => read.extend_from_slice(&chunk),
                Err(error) => return plain(400, error.to_string()),
            }
        }
    }
    send(management.answer(&admitted, &read).await, &engine)
}

/// The settings of the component's variables, read once for each component instance: for client functions that answer
/// with links, too.
///
/// # Errors
/// When a variable is malformed or cannot be read.
pub async fn settings() -> Result<Rc<Settings>, SettingsError> {
    if let Some(settings) = SETTINGS.with_borrow(Clone::clone) {
        return Ok(settings);
    }
    let settings = Settings::from_variables(&Variables {
        management_key: &read("management_key").await?,
        management_key_secondary: &read("management_key_secondary").await?,
        link_lifetime: &read("link_lifetime").await?,
        public_base_url: &read("public_base_url").await?,
        trust_forwarded_headers: &read("trust_forwarded_headers").await?,
    })?;
    let settings = Rc::new(settings);
    SETTINGS.set(Some(settings.clone()));
    Ok(settings)
}

/// What is wrong is for the log: the request may come from anybody.
fn misconfigured(error: &impl std::fmt::Display) -> Answer {
    tracing::error!("the management API cannot answer: {error}");
    plain(500, "")
}

fn send(answer: http::Response<Body>, engine: &Rc<Engine<SpinPlatform>>) -> Answer {
    let (head, body) = answer.into_parts();
    match body {
        Body::Whole(text) => {
            http::Response::from_parts(head, FullBody::new(Bytes::from(text))).into_response()
        }
        Body::Listing(listing) => begin(head.status, &head.headers, listing, engine.clone()),
    }
}

/// Answers with a list, piece by piece.
fn begin(
    status: StatusCode,
    headers: &HeaderMap,
    listing: Listing,
    engine: Rc<Engine<SpinPlatform>>,
) -> Answer {
    let (writer, response) = streamed(status.as_u16(), headers)?;
    in_background(write(writer, listing, engine));
    Ok(response)
}

async fn write(mut body: BodyWriter, mut listing: Listing, engine: Rc<Engine<SpinPlatform>>) {
    loop {
        match listing.next(&engine).await {
            Ok(Some(piece)) => {
                if body.send_frame(Frame::data(piece.into_bytes())).await.is_err() {
                    return;
                }
            }
            Ok(None) => return finish(body).await,
            Err(error) => {
                tracing::error!("a list breaks off: {error}");
                let broken = types::ErrorCode::InternalError(Some("the list breaks off".into()));
                drop(body.stream_writer);
                let _ = body.result_writer.write(Err(broken)).await;
                return;
            }
        }
    }
}

/// The application's other components, through the host's service chaining.
struct Neighbours;

impl Components for Neighbours {
    fn run(&self, started: Started) {
        in_background(kick::run(started));
    }

    async fn run_to_end(&self, started: Started) {
        kick::run_to_end(started).await;
    }

    fn tell(&self, told: Told) {
        in_background(kick::told(told));
    }

    fn see_to(&self, key: InstanceKey, concern: Concern) {
        in_background(kick::see_to(key, concern));
    }

    async fn wake_scheduler(&self) -> Result<(), KickError> {
        kick::wake_scheduler().await
    }

    fn known(&self) -> Option<Rc<Registered>> {
        REGISTERED.with_borrow(Clone::clone)
    }

    fn learn(&self, recalled: Registered) {
        REGISTERED.set(Some(Rc::new(recalled)));
        in_background(async {
            if let Err(error) = ask_and_remember().await {
                tracing::warn!(
                    "which functions there are is not asked again before somebody misses one: {error}"
                );
            }
        });
    }

    async fn registered(&self) -> Result<Registered, KickError> {
        let registered = within(PATIENCE, ask_orchestrator()).await;
        let registered =
            registered.unwrap_or_else(|| Err(KickError(format!("no answer within {PATIENCE:?}"))))?;
        REGISTERED.set(Some(Rc::new(registered.clone())));
        Ok(registered)
    }
}

async fn ask_and_remember() -> Result<(), String> {
    let registered = Neighbours.registered().await.map_err(|error| error.to_string())?;
    let engine = hub::engine().await.map_err(|error| error.to_string())?;
    engine.remember_functions(&registered).await.map_err(|error| error.to_string())
}

async fn ask_orchestrator() -> Result<Registered, KickError> {
    let answered = get(ORCHESTRATOR, doors::FUNCTIONS_PATH).await.map_err(KickError)?;
    if answered.status() != 200 {
        return Err(KickError(answered.describe().await));
    }
    let body = answered.body().whole().await.map_err(|error| KickError(error.to_string()))?;
    serde_json::from_slice(&body).map_err(|error| KickError(error.to_string()))
}
