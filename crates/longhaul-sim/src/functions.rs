//! The functions of the simulation: the test application's, in a process of this world.

use std::time::Duration;

use longhaul::{ActivityFunctions, Failure, Orchestrators, Store};
use longhaul_program::Host;

use crate::world::Place;

/// The orchestrator functions.
pub fn orchestrators() -> Orchestrators {
    longhaul_program::orchestrators()
}

/// The activity functions, as they run in a process.
pub fn activities(place: Place) -> ActivityFunctions<'static> {
    longhaul_program::activities(place)
}

impl Host for Place {
    async fn sleep(&self, duration: Duration) {
        self.exec().sleep(duration).await;
    }

    async fn count(&self, key: &str) -> Result<u64, Failure> {
        // The reference knows of no count that fails.
        loop {
            match self.counts().increment(&format!("count/{key}")).await {
                Ok(count) => return Ok(count),
                Err(_) => self.exec().sleep(Duration::from_millis(500)).await,
            }
        }
    }

    async fn trap(&self) {
        if self.traps() {
            self.crash();
            std::future::pending().await
        }
    }
}
