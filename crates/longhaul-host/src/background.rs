//! Threads of their own for the private components.
//!
//! A client that submits something, or asks how it goes, is answered by threads that do nothing else: the system shares
//! the processors between them and those that do the work, however much of it there is.

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::LoadError;

/// The threads, for as long as the application is there.
pub(crate) struct Background(Option<Runtime>);

impl Background {
    pub(crate) fn start() -> Result<Self, LoadError> {
        let runtime = Builder::new_multi_thread().thread_name("longhaul-worker").enable_all().build();
        let runtime = runtime.map_err(|error| LoadError::Engine(format!("no threads for it: {error}")))?;
        Ok(Self(Some(runtime)))
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it is taken when this is dropped").handle()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may be dropped where nothing may wait.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
