//! The orchestrator functions of an application, by name.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::OrchestrationContext;
use crate::failure::{Failure, malformed};
use crate::json::Json;

/// A running orchestrator function.
pub(crate) type Orchestration = Pin<Box<dyn Future<Output = Result<Json, Failure>>>>;

type Function = Box<dyn Fn(OrchestrationContext, Json) -> Orchestration>;

/// The orchestrator functions of an application, by name.
#[derive(Default)]
pub struct Orchestrators {
    functions: BTreeMap<String, Function>,
}

impl Orchestrators {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an orchestrator function: `async fn(OrchestrationContext, Input) -> Result<Output, Failure>`.
    ///
    /// An instance whose input is not an `I` fails with a permanent failure of type `BadInput`.
    #[must_use]
    pub fn with<I, O, F, Fut>(mut self, name: &str, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize,
        F: Fn(OrchestrationContext, I) -> Fut + Clone + 'static,
        Fut: Future<Output = Result<O, Failure>> + 'static,
    {
        let named = name.to_owned();
        let start = move |context, input: Json| -> Orchestration {
            let (function, name) = (function.clone(), named.clone());
            Box::pin(async move {
                let input = input.to().map_err(|error| {
                    malformed("BadInput", format!("the input of orchestrator '{name}'"), &error)
                })?;
                let output = function(context, input).await?;
                Json::of(&output).map_err(|error| {
                    malformed("BadOutput", format!("the output of orchestrator '{name}'"), &error)
                })
            })
        };
        self.functions.insert(name.to_owned(), Box::new(start));
        self
    }

    /// Whether there is a function `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }

    /// Starts the function `name` from its beginning; None if there is no such function.
    pub(crate) fn start(
        &self,
        name: &str,
        context: OrchestrationContext,
        input: Json,
    ) -> Option<Orchestration> {
        self.functions.get(name).map(|function| function(context, input))
    }
}
