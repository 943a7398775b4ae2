//! Durable timers.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::state::TaskFuture;

/// A durable timer: see [`OrchestrationContext::create_timer`](super::OrchestrationContext::create_timer).
#[must_use = "a timer that is dropped is cancelled"]
pub struct Timer(pub(super) TaskFuture);

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(|_| ())
    }
}
