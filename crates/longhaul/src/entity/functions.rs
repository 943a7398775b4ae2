//! The entity functions of a component, by name.

use std::collections::BTreeMap;
use std::rc::Rc;

use futures::future::{FutureExt, LocalBoxFuture};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::EntityContext;
use super::wire::{EntityBatch, EntityOutcome, OperationResult};
use crate::failure::Failure;
use crate::json::Json;

type Function = Rc<dyn for<'a> Fn(&'a EntityContext) -> LocalBoxFuture<'a, Result<Json, Failure>>>;

type Method<S> =
    Rc<dyn for<'a> Fn(&'a mut S, &'a EntityContext) -> LocalBoxFuture<'a, Result<Json, Failure>>>;

/// The entity functions of a component, by name.
#[derive(Default)]
pub struct EntityFunctions {
    functions: BTreeMap<String, Function>,
}

/// The operations of entities whose state is an `S`, by name.
///
/// Each is an `async fn(&mut S, &EntityContext, Input) -> Result<Output, Failure>`: a method, say. The state of an
/// entity that has none is `S::default()`. An operation that fails changes nothing.
pub struct Operations<S> {
    methods: BTreeMap<String, Method<S>>,
}

impl<S> Default for Operations<S> {
    fn default() -> Self {
        Self { methods: BTreeMap::new() }
    }
}

impl<S: 'static> Operations<S> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the operation `name`.
    #[must_use]
    pub fn with<I, O, F>(mut self, name: &str, operation: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize,
        F: AsyncFn(&mut S, &EntityContext, I) -> Result<O, Failure> + 'static,
    {
        let operation = Rc::new(operation);
        let method: Method<S> = Rc::new(move |state, context| {
            let operation = operation.clone();
            async move {
                let output = operation(state, context, context.input()?).await?;
                output_of(context, &output)
            }
            .boxed_local()
        });
        self.methods.insert(name.to_owned(), method);
        self
    }
}

impl EntityFunctions {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the entity function `name`, whose operations are methods of its state.
    ///
    /// The operation `delete` removes the state, unless there is one of that name.
    #[must_use]
    pub fn with<S>(self, name: &str, operations: Operations<S>) -> Self
    where
        S: Serialize + DeserializeOwned + Default + 'static,
    {
        let operations = Rc::new(operations);
        let function: Function = Rc::new(move |context| {
            let operations = operations.clone();
            async move {
                let Some(method) = operations.methods.get(context.operation()) else {
                    return unknown_operation(context, operations.methods.keys());
                };
                let mut state: S = context.state()?.unwrap_or_default();
                let output = method(&mut state, context).await?;
                if !context.is_deleted() {
                    context.set_state(&state)?;
                }
                Ok(output)
            }
            .boxed_local()
        });
        self.add(name, function)
    }

    /// Adds the entity function `name`, which sees to all operations itself:
    /// `async fn(&EntityContext) -> Result<Output, Failure>`.
    #[must_use]
    pub fn with_dispatch<O, F>(self, name: &str, dispatch: F) -> Self
    where
        O: Serialize,
        F: AsyncFn(&EntityContext) -> Result<O, Failure> + 'static,
    {
        let dispatch = Rc::new(dispatch);
        let function: Function = Rc::new(move |context| {
            let dispatch = dispatch.clone();
            async move { output_of(context, &dispatch(context).await?) }.boxed_local()
        });
        self.add(name, function)
    }

    fn add(mut self, name: &str, function: Function) -> Self {
        self.functions.insert(name.to_lowercase(), function);
        self
    }

    /// Carries out a batch that came at `now`. Operations on entities of a function that does not exist fail for good,
    /// with a message that lists those that do.
    pub async fn run(&self, batch: EntityBatch, now: Timestamp) -> EntityOutcome {
        let mut outcome = EntityOutcome { state: batch.state.clone(), ..EntityOutcome::default() };
        let function = self.functions.get(batch.entity_id.name());
        for position in 0..batch.operations.len() {
            let context = EntityContext::new(&batch, position, outcome.state.clone(), now);
            let result = match function {
                Some(function) => function(&context).await,
                None => Err(self.unknown(&context)),
            };
            outcome.results.push(match result {
                Ok(output) => {
                    outcome.state = context.state.into_inner();
                    outcome.actions.append(&mut context.actions.into_inner());
                    OperationResult::Output(output)
                }
                Err(failure) => OperationResult::Error(failure.bounded()),
            });
        }
        outcome
    }

    fn unknown(&self, context: &EntityContext) -> Failure {
        let (name, known) = (context.entity_id().name(), list(self.functions.keys()));
        let message = format!("there is no entity function '{name}'; there are: {known}");
        Failure::permanent("UnknownEntity", message)
    }
}

fn unknown_operation<'a>(
    context: &EntityContext,
    known: impl Iterator<Item = &'a String>,
) -> Result<Json, Failure> {
    if context.operation() == "delete" {
        context.delete_state();
        return Ok(Json::null());
    }
    Err(Failure::permanent(
        "UnknownOperation",
        format!(
            "the entity function '{}' has no operation '{}'; it has: {}",
            context.entity_id().name(),
            context.operation(),
            list(known)
        ),
    ))
}

fn output_of(context: &EntityContext, output: &impl Serialize) -> Result<Json, Failure> {
    context.json(output, "BadOutput", || {
        format!("the output of operation '{}' of {}", context.operation(), context.entity_id())
    })
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde::Deserialize;

    use super::*;
    use crate::entity::wire::{EntityAction, EntityOperation};

    #[derive(Default, Serialize, Deserialize)]
    struct Counter {
        value: i64,
    }

    impl Counter {
        async fn add(&mut self, context: &EntityContext, amount: i64) -> Result<i64, Failure> {
            self.value += amount;
            if self.value < 0 {
                return Err(Failure::permanent("Negative", "below zero"));
            }
            context.signal_entity(&"@log@1".parse().unwrap(), "added", amount)?;
            Ok(self.value)
        }

        async fn clear(&mut self, context: &EntityContext, (): ()) -> Result<(), Failure> {
            self.value = 7;
            context.delete_state();
            Ok(())
        }
    }

    fn functions() -> EntityFunctions {
        let counter = Operations::new().with("add", Counter::add).with("clear", Counter::clear);
        EntityFunctions::new().with("Counter", counter).with_dispatch(
            "log",
            async |context: &EntityContext| {
                let mut lines: Vec<String> = context.state()?.unwrap_or_default();
                lines.push(format!("{} {}", context.operation(), context.input::<Json>()?));
                context.set_state(&lines)?;
                Ok(lines.len())
            },
        )
    }

    fn run(entity: &str, state: Option<&str>, operations: &[(&str, &str)]) -> EntityOutcome {
        let operation = |(name, input): &(&str, &str)| EntityOperation {
            operation: (*name).into(),
            input: Json::parse(input).unwrap(),
            is_signal: false,
        };
        let batch = EntityBatch {
            entity_id: entity.parse().unwrap(),
            state: state.map(|state| Json::parse(state).unwrap()),
            operations: operations.iter().map(operation).collect(),
            seed: "s".into(),
            max_payload: 1000,
        };
        block_on(functions().run(batch, Timestamp::UNIX_EPOCH))
    }

    fn texts(outcome: &EntityOutcome) -> Vec<String> {
        let text = |result: &OperationResult| match result {
            OperationResult::Output(output) => output.text().to_owned(),
            OperationResult::Error(failure) => failure.kind.clone(),
        };
        outcome.results.iter().map(text).collect()
    }

    #[test]
    fn an_operation_that_fails_changes_nothing_and_asks_for_nothing() {
        let outcome = run("@counter@a", None, &[("add", "2"), ("add", "-3"), ("add", "5"), ("add", "\"x\"")]);
        assert_eq!(texts(&outcome), ["2", "Negative", "7", "BadInput"]);
        assert_eq!(outcome.state.unwrap().text(), r#"{"value":7}"#);
        let inputs = outcome.actions.iter().map(|action| match action {
            EntityAction::Signal { input, .. } => input.text(),
            EntityAction::Start { .. } => "start",
        });
        assert_eq!(inputs.collect::<Vec<_>>(), ["2", "5"]);
    }

    #[test]
    fn state_can_be_deleted_and_what_does_not_exist_is_named() {
        let outcome = run("@counter@a", Some(r#"{"value":3}"#), &[("clear", "null"), ("add", "1")]);
        assert_eq!(
            (texts(&outcome), outcome.state.unwrap().text()),
            (vec!["null".into(), "1".into()], r#"{"value":1}"#)
        );
        assert_eq!(run("@counter@a", Some(r#"{"value":3}"#), &[("delete", "null")]).state, None);
        let outcome = run("@counter@a", Some("true"), &[("add", "1"), ("fly", "1")]);
        assert_eq!(texts(&outcome), ["BadState", "UnknownOperation"]);
        assert_eq!(outcome.state.unwrap().text(), "true");
        assert_eq!(texts(&run("@nothing@a", None, &[("add", "1")])), ["UnknownEntity"]);
    }

    #[test]
    fn a_dispatching_function_has_all_in_its_context() {
        let outcome = run("@log@a", Some(r#"["old"]"#), &[("a", "1"), ("b", "{}")]);
        assert_eq!(texts(&outcome), ["2", "3"]);
        assert_eq!(outcome.state.unwrap().text(), r#"["old","a 1","b {}"]"#);
    }

    #[test]
    fn a_state_that_is_too_long_is_refused() {
        let long = format!("\"{}\"", "x".repeat(990));
        let outcome = run("@log@a", None, &[("a", "1"), ("b", &long), ("c", "3")]);
        assert_eq!(texts(&outcome), ["1", "PayloadTooLarge", "2"]);
    }
}
