//! The functions of the simulation: the test application's and the bank's, in a process of this world.

use std::time::Duration;

use longhaul::{ActivityFunctions, EntityFunctions, EntityId, Failure, Orchestrators, Store};
use longhaul_program::Host;

use crate::bank;
use crate::world::Place;

/// The orchestrator functions.
pub fn orchestrators() -> Orchestrators {
    bank::orchestrators(longhaul_program::orchestrators())
}

/// The entity functions that belong to `entity`.
pub fn entities(entity: &EntityId) -> EntityFunctions {
    match entity.name() {
        "counter" | "account" => longhaul_program::entities(),
        _ => bank::entities(),
    }
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
