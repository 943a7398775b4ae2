//! Which orchestrator functions there are, for whoever cannot wait for the orchestrator component to say so.

use crate::engine::Engine;
use crate::orchestrators::Registered;
use crate::platform::Platform;
use crate::store::{Store, StoreError};

impl<P: Platform> Engine<P> {
    /// The functions that there were when they were last remembered. The application may have been deployed anew since.
    /// None: they never were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recall_functions(&self) -> Result<Option<Registered>, StoreError> {
        let bytes = self.platform.store().get(&self.hub.functions()).await?;
        // What another version has written may be something else.
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Remembers what the orchestrator component has said of its functions.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remember_functions(&self, registered: &Registered) -> Result<(), StoreError> {
        if self.recall_functions().await?.as_ref() == Some(registered) {
            return Ok(());
        }
        let bytes = serde_json::to_vec(registered).expect("names have a JSON form");
        self.platform.store().set(&self.hub.functions(), bytes).await
    }
}
