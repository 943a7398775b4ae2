//! One component of the application: its file, and the way requests come to its instances.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full};
use longhaul_manifest::ComponentId;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};
use wasmtime::component::{Component as Compiled, Linker};
use wasmtime::{Engine, PoolConcurrencyLimitError};
use wasmtime_wasi_http::handler::{
    ExpirationError, InstantiationError, ProxyHandler, ProxyPre, Request, TrapOrPanicError,
};
use wasmtime_wasi_http::{WasiBody, p2, p3};

use crate::error::LoadError;
use crate::instance::{ComponentContext, InstanceState};
use crate::threads::Place;
use crate::worker::{NoSlot, Worker};

/// How often a request that found no instance looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client.
    Outside,
    /// Another component, or the host itself.
    Chained,
}

/// Reads and compiles (or finds compiled) the component's file, and checks that the host offers what it imports.
pub(crate) fn prepare(
    engine: &Engine,
    linker: &Linker<InstanceState>,
    id: &ComponentId,
    source: &Path,
) -> Result<ProxyPre<InstanceState>, LoadError> {
    if !source.is_file() {
        return Err(LoadError::SourceMissing { component: id.clone(), source_file: source.to_owned() });
    }
    let invalid = |error: wasmtime::Error| LoadError::InvalidComponent {
        component: id.clone(),
        source_file: source.to_owned(),
        problem: format!("{error:#}"),
    };
    let compiled = Compiled::from_file(engine, source).map_err(invalid)?;
    let pre = linker
        .instantiate_pre(&compiled)
        .map_err(|error| LoadError::Imports { component: id.clone(), problem: format!("{error:#}") })?;
    if let Ok(pre) = p3::bindings::ServicePre::new(pre.clone()) {
        return Ok(ProxyPre::P3(pre));
    }
    match p2::bindings::ProxyPre::new(pre) {
        Ok(pre) => Ok(ProxyPre::P2(pre)),
        Err(_) => {
            let exports = compiled.component_type();
            let exports: Vec<_> = exports.exports(engine).map(|(name, _)| name.to_owned()).collect();
            Err(LoadError::NotAHandler { component: id.clone(), exports: exports.join(", ") })
        }
    }
}

/// A component that is ready for requests.
///
/// Requests from outside and chained ones wait in separate lines, so that clients cannot take all instances from the
/// calls that earlier requests depend on. Every wait ends: what finds no instance in time is answered with 503, also
/// where components that call each other in a circle have used up their instances.
pub(crate) struct Component {
    context: Arc<ComponentContext>,
    place: Place,
    handler: ProxyHandler<Worker>,
    outside: Arc<Semaphore>,
    chained: Arc<Semaphore>,
    admission_timeout: Duration,
}

impl Component {
    pub(crate) fn new(
        engine: Engine,
        pre: ProxyPre<InstanceState>,
        context: Arc<ComponentContext>,
        place: Place,
        admission_timeout: Duration,
    ) -> Self {
        let settings = &context.settings;
        // An instance of WASI 0.2 takes one request in its life.
        let (max_requests, max_concurrent) = match &pre {
            ProxyPre::P2(_) => (1, 1),
            ProxyPre::P3(_) => (settings.max_requests, settings.max_concurrent_requests),
        };
        let requests = settings
            .max_instances
            .saturating_mul(max_concurrent.min(max_requests))
            .min(Semaphore::MAX_PERMITS);
        let worker = Worker {
            engine,
            pre,
            component: Arc::clone(&context),
            slots: Arc::new(Semaphore::new(settings.max_instances.min(Semaphore::MAX_PERMITS))),
            max_requests,
            max_concurrent,
        };
        Self {
            handler: ProxyHandler::new(worker),
            context,
            place,
            // A quarter of what the instances can take is out of reach for clients.
            outside: Arc::new(Semaphore::new((requests - requests / 4).max(1))),
            chained: Arc::new(Semaphore::new(requests)),
            admission_timeout,
        }
    }

    /// Handles a request whose headers are as the component shall see them. It goes on when the answer is no longer
    /// waited for: a client that disconnects does not cancel its handler.
    pub(crate) async fn handle(self: &Arc<Self>, origin: Origin, request: Request) -> Response<WasiBody> {
        let this = Arc::clone(self);
        let id = &self.context.id;
        let admitted = self.place.spawn(async move { this.admit(origin, request).await });
        admitted.await.unwrap_or_else(|error| {
            tracing::error!("component {id}: the host failed while it handled a request: {error}");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        })
    }

    async fn admit(&self, origin: Origin, mut request: Request) -> Response<WasiBody> {
        let deadline = Instant::now() + self.admission_timeout;
        let line = match origin {
            Origin::Outside => &self.outside,
            Origin::Chained => &self.chained,
        };
        let Ok(permit) = timeout_at(deadline, line.acquire()).await else { return self.busy() };
        let _permit = permit.expect("the semaphore is never closed");
        loop {
            let error = match self.handler.handle((), request).await {
                Ok(response) => return response,
                Err(error) => error,
            };
            let error = match error.downcast::<InstantiationError<()>>() {
                Ok(error) => error,
                Err(error) => return self.failed(&error),
            };
            if !error.error.is::<NoSlot>() && !error.error.is::<PoolConcurrencyLimitError>() {
                tracing::error!(
                    "component {}: no instance could be made: {:?}",
                    self.context.id,
                    error.error
                );
                return empty(StatusCode::INTERNAL_SERVER_ERROR);
            }
            if Instant::now() >= deadline {
                return self.busy();
            }
            request = error.request.into_inner().expect("nobody panics while holding it");
            sleep(LOOK_AGAIN).await;
        }
    }

    fn busy(&self) -> Response<WasiBody> {
        let Self { context, admission_timeout, .. } = self;
        tracing::warn!("component {}: no instance became free within {admission_timeout:?}", context.id);
        let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "busy, try again\n");
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        response
    }

    fn failed(&self, error: &wasmtime::Error) -> Response<WasiBody> {
        let component = &self.context.id;
        if error.is::<TrapOrPanicError>() {
            // The instance reported its end itself.
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        } else if error.is::<ExpirationError>() {
            tracing::warn!(
                "component {component}: a handler took longer than the component's request_timeout"
            );
            empty(StatusCode::GATEWAY_TIMEOUT)
        } else {
            tracing::error!("component {component}: a handler failed: {error:#}");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// A response without a body.
pub(crate) fn empty(status: StatusCode) -> Response<WasiBody> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// A response of the host itself.
pub(crate) fn text(status: StatusCode, text: &'static str) -> Response<WasiBody> {
    let mut response = Response::new(Full::from(text).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
