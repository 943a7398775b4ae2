//! The orchestrator functions of an application, by name and version.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::context::OrchestrationContext;
use crate::failure::{Failure, malformed};
use crate::json::Json;

/// A running orchestrator function.
pub(crate) type Orchestration = Pin<Box<dyn Future<Output = Result<Json, Failure>>>>;

type Function = Box<dyn Fn(OrchestrationContext, Json) -> Orchestration>;

/// The orchestrator functions of an application, by name and version.
///
/// An instance runs the function of its name that is registered [for its very version](Self::with_version), or else the
/// one that is registered [for any](Self::with). Without either it waits, until an application that has one comes.
#[derive(Default)]
pub struct Orchestrators {
    functions: BTreeMap<String, BTreeMap<Option<String>, Function>>,
}

/// The names of orchestrator functions, with the versions that each is registered for: what the orchestrator component
/// tells of itself under [`doors::FUNCTIONS_PATH`](crate::doors::FUNCTIONS_PATH). In JSON: `{"name":[null,"2"]}`, where
/// null stands for any version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Registered(BTreeMap<String, Vec<Option<String>>>);

impl Registered {
    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether instances of `version` of the function `name` have a function that runs them.
    pub fn has(&self, name: &str, version: Option<&str>) -> bool {
        let versions = self.0.get(name).into_iter().flatten();
        versions.map(Option::as_deref).any(|known| known.is_none() || known == version)
    }
}

/// No function can run an instance.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotRegistered {
    /// There is none of that name.
    #[error(
        "the instance waits: this application has no orchestrator function '{name}'; it has: {known}. Deploy one that has it"
    )]
    Name {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// There is none of that name for that version.
    #[error(
        "the instance waits: this application has the orchestrator function '{name}' for the versions {known}, and the \
         instance was started with {version}. Register the function for that version too, or for any"
    )]
    Version {
        /// The name.
        name: String,
        /// The version.
        version: String,
        /// Those that there are.
        known: String,
    },
}

impl Orchestrators {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an orchestrator function for instances of any version:
    /// `async fn(OrchestrationContext, Input) -> Result<Output, Failure>`.
    ///
    /// An instance whose input is not an `I` fails with a permanent failure of type `BadInput`.
    #[must_use]
    pub fn with<I, O, F, Fut>(self, name: &str, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize,
        F: Fn(OrchestrationContext, I) -> Fut + Clone + 'static,
        Fut: Future<Output = Result<O, Failure>> + 'static,
    {
        self.add(name, None, function)
    }

    /// Adds an orchestrator function for instances that were started with `version`.
    #[must_use]
    pub fn with_version<I, O, F, Fut>(self, name: &str, version: &str, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize,
        F: Fn(OrchestrationContext, I) -> Fut + Clone + 'static,
        Fut: Future<Output = Result<O, Failure>> + 'static,
    {
        self.add(name, Some(version.to_owned()), function)
    }

    fn add<I, O, F, Fut>(mut self, name: &str, version: Option<String>, function: F) -> Self
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
        self.functions.entry(name.to_owned()).or_default().insert(version, Box::new(start));
        self
    }

    /// Whether there is a function `name` for instances of `version`.
    ///
    /// # Errors
    /// Says what there is instead.
    pub fn check(&self, name: &str, version: Option<&str>) -> Result<(), NotRegistered> {
        self.function(name, version).map(|_| ())
    }

    /// Which functions there are.
    pub fn registered(&self) -> Registered {
        let named = self.functions.iter();
        Registered(named.map(|(name, versions)| (name.clone(), versions.keys().cloned().collect())).collect())
    }

    /// Starts the function `name` from its beginning.
    pub(crate) fn start(
        &self,
        name: &str,
        version: Option<&str>,
        context: OrchestrationContext,
        input: Json,
    ) -> Result<Orchestration, NotRegistered> {
        self.function(name, version).map(|function| function(context, input))
    }

    fn function(&self, name: &str, version: Option<&str>) -> Result<&Function, NotRegistered> {
        let Some(versions) = self.functions.get(name) else {
            let known: Vec<_> = self.functions.keys().map(String::as_str).collect();
            return Err(NotRegistered::Name { name: name.to_owned(), known: known.join(", ") });
        };
        let found = versions.get(&version.map(str::to_owned)).or_else(|| versions.get(&None));
        found.ok_or_else(|| {
            let known: Vec<_> = versions.keys().flatten().map(|version| format!("'{version}'")).collect();
            let version = version.map_or_else(|| "none".to_owned(), |version| format!("'{version}'"));
            NotRegistered::Version { name: name.to_owned(), version, known: known.join(", ") }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_runs_the_function_of_its_version_or_the_one_for_any() {
        let only_versions = Orchestrators::new()
            .with_version("o", "1", |_: OrchestrationContext, _: Json| async { Ok(1) })
            .with_version("o", "2", |_: OrchestrationContext, _: Json| async { Ok(2) });
        assert_eq!(only_versions.check("o", Some("2")), Ok(()));
        let registered = only_versions.registered();
        let has = |name, version| registered.has(name, version);
        assert!(has("o", Some("2")) && !has("o", None) && !has("o", Some("3")) && !has("p", Some("2")));
        for version in [None, Some("3")] {
            let message = only_versions.check("o", version).unwrap_err().to_string();
            assert!(message.contains("for the versions '1', '2'"), "{message}");
        }
        let message = only_versions.check("p", None).unwrap_err().to_string();
        assert!(message.contains("no orchestrator function 'p'; it has: o"), "{message}");
        assert_eq!(serde_json::to_string(&only_versions.registered()).unwrap(), r#"{"o":["1","2"]}"#);
        let any = only_versions.with("o", |_: OrchestrationContext, _: Json| async { Ok(0) });
        assert_eq!((any.check("o", None), any.check("o", Some("3"))), (Ok(()), Ok(())));
        assert_eq!(serde_json::to_string(&any.registered()).unwrap(), r#"{"o":[null,"1","2"]}"#);
    }
}
