//! The activity functions of a component, by name.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ActivityContext, ActivityOutcome, ActivityRequest, Checkpoint, ReportSink};
use crate::failure::{Failure, malformed};
use crate::json::Json;

type Function<'a> =
    Box<dyn Fn(ActivityContext, Json) -> Pin<Box<dyn Future<Output = ActivityOutcome> + 'a>> + 'a>;

/// How far a call of a resumable activity has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<O> {
    /// To the end.
    Done(O),
    /// Its time was up, and the next call goes on from here.
    Continue(Checkpoint),
}

/// The activity functions of a component, by name.
#[derive(Default)]
pub struct ActivityFunctions<'a> {
    functions: BTreeMap<String, Function<'a>>,
}

impl<'a> ActivityFunctions<'a> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an activity function: `async fn(ActivityContext, Input) -> Result<Output, Failure>`.
    #[must_use]
    pub fn with<I, O, F, Fut>(self, name: &str, function: F) -> Self
    where
        I: DeserializeOwned + 'a,
        O: Serialize + 'a,
        F: Fn(ActivityContext, I) -> Fut + Clone + 'a,
        Fut: Future<Output = Result<O, Failure>> + 'a,
    {
        self.with_resumable(name, move |context, input| {
            let output = function(context, input);
            async move { output.await.map(Step::Done) }
        })
    }

    /// Adds an activity function that may stop when its time is up, and be called again:
    /// `async fn(ActivityContext, Input) -> Result<Step<Output>, Failure>`.
    #[must_use]
    pub fn with_resumable<I, O, F, Fut>(mut self, name: &str, function: F) -> Self
    where
        I: DeserializeOwned + 'a,
        O: Serialize + 'a,
        F: Fn(ActivityContext, I) -> Fut + Clone + 'a,
        Fut: Future<Output = Result<Step<O>, Failure>> + 'a,
    {
        let named = name.to_owned();
        self.functions.insert(
            name.to_owned(),
            Box::new(move |context, input| {
                let (function, name) = (function.clone(), named.clone());
                Box::pin(async move {
                    let outcome = async {
                        let input = input.to().map_err(|error| {
                            malformed("BadInput", format!("the input of activity '{name}'"), &error)
                        })?;
                        match function(context, input).await? {
                            Step::Continue(checkpoint) => {
                                Ok(ActivityOutcome::Continue { checkpoint, progress: None })
                            }
                            Step::Done(output) => {
                                Json::of(&output).map(ActivityOutcome::Completed).map_err(|error| {
                                    malformed("BadOutput", format!("the output of activity '{name}'"), &error)
                                })
                            }
                        }
                    };
                    outcome.await.unwrap_or_else(ActivityOutcome::Failed)
                })
            }),
        );
        self
    }

    /// Whether there is a function `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }

    /// Runs the function `name` for a request that came at `now`. One that does not exist fails for good, with a message
    /// that lists those that do.
    pub async fn run(
        &self,
        name: &str,
        mut request: ActivityRequest,
        now: Timestamp,
        reports: Rc<dyn ReportSink>,
    ) -> ActivityOutcome {
        match self.functions.get(name) {
            Some(function) => {
                let context = ActivityContext::new(&mut request, now, reports);
                function(context, request.input).await
            }
            None => {
                let known: Vec<_> = self.functions.keys().map(String::as_str).collect();
                ActivityOutcome::Failed(Failure::permanent(
                    "UnknownActivity",
                    format!("there is no activity function '{name}'; there are: {}", known.join(", ")),
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures::future::{FutureExt, LocalBoxFuture};

    use super::*;
    use crate::activity::{ActivityReport, Cancelled};
    use crate::id::{ExecutionId, InstanceId, TaskId};

    /// Listens to so many reports.
    struct Listener(RefCell<Vec<ActivityReport>>, usize);

    impl ReportSink for Listener {
        fn report(&self, report: ActivityReport) -> LocalBoxFuture<'_, Result<(), Cancelled>> {
            let listens = !self.is_cancelled();
            self.0.borrow_mut().push(report);
            async move { if listens { Ok(()) } else { Err(Cancelled) } }.boxed_local()
        }

        fn is_cancelled(&self) -> bool {
            self.0.borrow().len() >= self.1
        }
    }

    fn run(
        functions: &ActivityFunctions<'_>,
        name: &str,
        input: &str,
        listener: &Rc<Listener>,
    ) -> ActivityOutcome {
        let request = ActivityRequest {
            instance_id: InstanceId::random([1; 16]),
            execution_id: ExecutionId::random([2; 16]),
            task_id: TaskId(0),
            attempt: 3,
            retry: 1,
            input: Json::parse(input).unwrap(),
            checkpoint: Some(Checkpoint::new(7, Some("a")).unwrap()),
            budget_ms: Some(2000),
        };
        let now = Timestamp::from_second(100).unwrap();
        futures::executor::block_on(functions.run(name, request, now, listener.clone()))
    }

    #[test]
    fn functions_are_run_by_name_with_typed_input_and_output() {
        let functions = ActivityFunctions::new().with("double", |_, n: u32| async move { Ok(2 * n) }).with(
            "fail",
            |context, _: Json| async move {
                let ActivityContext { attempt, retry, .. } = context;
                Err::<(), _>(Failure::new("Boom", format!("attempt {attempt}, retry {retry}")))
            },
        );
        let listener = Rc::new(Listener(RefCell::default(), 9));
        let run = |name: &str, input: &str| run(&functions, name, input, &listener);
        assert_eq!(run("double", "4"), ActivityOutcome::Completed(Json::parse("8").unwrap()));
        assert_eq!(run("fail", "0"), ActivityOutcome::Failed(Failure::new("Boom", "attempt 3, retry 1")));
        for (name, input, kind) in [("double", "\"x\"", "BadInput"), ("triple", "1", "UnknownActivity")] {
            let ActivityOutcome::Failed(failure) = run(name, input) else { panic!("{name} should fail") };
            assert_eq!((failure.kind.as_str(), failure.retriable), (kind, false));
        }
    }

    #[test]
    fn an_activity_goes_on_from_its_checkpoint_and_learns_that_it_is_cancelled() {
        let functions = ActivityFunctions::new().with_resumable("count", |context, upto: u32| async move {
            let mut cursor: u32 =
                context.checkpoint.as_ref().map_or(Ok(0), |saved| saved.cursor.to()).unwrap();
            assert_eq!(context.time_left("1970-01-01T00:01:41Z".parse().unwrap()).unwrap().as_secs(), 1);
            while cursor < upto {
                cursor += 1;
                context.save(cursor, Some(cursor)).await?;
                if cursor == 9 {
                    return Ok(Step::Continue(Checkpoint::new(cursor, None::<u32>)?));
                }
            }
            Ok(Step::Done(cursor))
        });
        let listener = Rc::new(Listener(RefCell::default(), 99));
        assert_eq!(
            run(&functions, "count", "8", &listener),
            ActivityOutcome::Completed(Json::parse("8").unwrap())
        );
        let saved = ActivityReport::Checkpoint(Checkpoint::new(8, Some(8)).unwrap());
        assert_eq!(*listener.0.borrow(), [saved]);
        let ActivityOutcome::Continue { checkpoint, .. } = run(&functions, "count", "20", &listener) else {
            panic!("its time is up")
        };
        assert_eq!(checkpoint.cursor.text(), "9");
        let deaf = Rc::new(Listener(RefCell::default(), 0));
        let ActivityOutcome::Failed(failure) = run(&functions, "count", "20", &deaf) else {
            panic!("nobody listens")
        };
        assert_eq!(failure.kind, "Cancelled");
    }
}
