//! A limit on how long something may take.

use std::future::Future;
use std::time::Duration;

use futures::future::{Either, select};
use futures::pin_mut;

/// What `work` comes to, unless it takes longer than `limit`: then it is dropped.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let timeout = spin_sdk::time::sleep(limit);
    pin_mut!(work, timeout);
    match select(work, timeout).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}
