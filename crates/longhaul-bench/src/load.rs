//! Clients that each do one thing after the other, all at the same time.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::client::Client;

/// What came of it.
pub struct Load {
    /// How long each took.
    pub took: Vec<Duration>,
    /// From the first beginning to the last end.
    pub elapsed: Duration,
}

impl Load {
    pub fn count(&self) -> f64 {
        self.took.len() as f64
    }

    pub fn per_second(&self) -> f64 {
        self.count() / self.elapsed.as_secs_f64()
    }
}

/// How much is to be done. Each client does it once at least.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// Nothing is begun after this time.
    pub time: Duration,
    /// Nothing is begun once so many are.
    pub most: usize,
}

impl Amount {
    /// As much as there is time for.
    pub fn time(time: Duration) -> Self {
        Self { time, most: usize::MAX }
    }

    /// So many.
    pub fn count(most: usize) -> Self {
        Self { time: Duration::MAX, most }
    }
}

/// Has each client do `one` over and over; it answers how long it took.
///
/// # Errors
/// The first that `one` has.
pub async fn drive(
    clients: &mut [Client],
    amount: Amount,
    one: impl AsyncFn(&mut Client) -> anyhow::Result<Duration>,
) -> anyhow::Result<Load> {
    let (begin, begun, one) = (Instant::now(), Cell::new(0), &one);
    let clients = clients.iter_mut().map(|client| {
        let begun = &begun;
        async move {
            let mut took = Vec::new();
            while took.is_empty() || (begin.elapsed() < amount.time && begun.get() < amount.most) {
                begun.set(begun.get() + 1);
                took.push(one(client).await?);
            }
            anyhow::Ok(took)
        }
    });
    let took = futures::future::try_join_all(clients).await?;
    Ok(Load { took: took.into_iter().flatten().collect(), elapsed: begin.elapsed() })
}
