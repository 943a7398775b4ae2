//! The life of a component's instances: made when no other is free, reused, kept while they have work, then dropped.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::Sleep;
use wasmtime::component::GuestTaskId;
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};

use crate::instance::{ComponentContext, InstanceState};

/// How long an instance without any work is kept for the next request.
const IDLE: Duration = Duration::from_secs(2);

/// How much longer than the request time-out a guest may compute without yielding before its instance is dropped.
const TIMEOUT_GRACE: Duration = Duration::from_secs(1);

/// Makes instances of one component.
pub(crate) struct Worker {
    pub(crate) engine: Engine,
    pub(crate) pre: ProxyPre<InstanceState>,
    pub(crate) component: Arc<ComponentContext>,
    /// One permit for each instance that may live at a time.
    pub(crate) slots: Arc<Semaphore>,
    /// How many requests an instance may serve in its life.
    pub(crate) max_requests: usize,
    /// How many requests an instance may have in hand at a time.
    pub(crate) max_concurrent: usize,
}

/// All the component's instances are alive and taken.
#[derive(Debug)]
pub(crate) struct NoSlot;

impl fmt::Display for NoSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the limit on the component's instances is reached")
    }
}

impl std::error::Error for NoSlot {}

impl HandlerState for Worker {
    type StoreData = InstanceState;
    type WorkerExpiration = Expiration;
    type WorkerState = Life;

    async fn instantiate(&self) -> wasmtime::Result<Instance<InstanceState, Expiration, Life>> {
        // This never waits: the request that wants the instance could be served by another that becomes free.
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| NoSlot)?;
        let mut store = Store::new(&self.engine, InstanceState::new(Arc::clone(&self.component), slot));
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let proxy = self.pre.instantiate_async(&mut store).await?;
        let request_timeout = self.component.settings.request_timeout;
        Ok(Instance {
            store,
            proxy,
            view: InstanceState::http,
            expiration: Expiration { request_timeout, sleep: None },
            state: Life {
                component: Arc::clone(&self.component),
                max_requests: self.max_requests,
                max_concurrent: self.max_concurrent,
            },
        })
    }
}

/// Decides when an instance is dropped.
///
/// One that works after its responses is kept until that work ends, however long it takes. One that handles requests
/// is dropped only if the component has a request time-out and computes past it.
pub(crate) struct Expiration {
    request_timeout: Option<Duration>,
    sleep: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        let limit = match status {
            WorkerStatus::Idle => Some(IDLE),
            WorkerStatus::Requests => self.request_timeout.map(|timeout| timeout + TIMEOUT_GRACE),
            WorkerStatus::PostReturn => None,
        };
        let Some(limit) = limit else {
            self.sleep = None;
            return Poll::Pending;
        };
        let deadline = start + limit;
        match &mut self.sleep {
            Some((current, sleep)) if *current != deadline => {
                *current = deadline;
                sleep.as_mut().reset(deadline.into());
            }
            Some(_) => {}
            none => *none = Some((deadline, Box::pin(tokio::time::sleep_until(deadline.into())))),
        }
        let (_, sleep) = self.sleep.as_mut().expect("it was just set");
        sleep.as_mut().poll(cx)
    }
}

/// Decides which requests an instance takes, and reports how it ended.
pub(crate) struct Life {
    component: Arc<ComponentContext>,
    max_requests: usize,
    max_concurrent: usize,
}

impl WorkerState for Life {
    type StoreData = InstanceState;
    type RequestData = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.max_requests {
            ShouldAccept::Never
        } else if concurrent >= self.max_concurrent {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, InstanceState>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        match self.component.settings.request_timeout {
            Some(timeout) => Box::pin(tokio::time::sleep(timeout)),
            None => Box::pin(pending()),
        }
    }

    fn drop(&self, store: Store<InstanceState>, result: wasmtime::Result<()>) {
        // The instance's last words come before the report of its end.
        drop(store);
        // What wasmtime reports for a worker whose task was dropped too, as all are when the process ends.
        const DROPPED: &str = "worker panicked";
        if let Err(error) = result
            && (std::thread::panicking() || error.to_string() != DROPPED)
        {
            tracing::error!("component {}: an instance was stopped: {error:?}", self.component.id);
        }
    }
}
