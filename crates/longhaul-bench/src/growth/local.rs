//! The engine in this process, on the store that a host has left or will find. It is the same engine with the same
//! orchestrators, so the records are those that the components would have written.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use longhaul::{
    Activities, ActivityOutcome, ActivityReport, ActivityRequest, Details, Engine, InstanceId, InstanceKey,
    Json, KickError, Kicks, NoAnswer, Orchestrators, Platform, RuntimeStatus, SchedulerKick, Start, TaskHub,
    TickKick, Ticked, Wanted,
};
use longhaul_kv::Database;
use longhaul_program::PROGRAM;

use super::buffered::Buffered;

/// The task hub of the test application.
const HUB: &str = "program";
/// How many instances are written in one transaction.
const BATCH: u64 = 5_000;

/// The engine on a state directory that no host uses.
pub struct Local {
    database: Database,
    engine: Engine<LocalPlatform>,
    orchestrators: Orchestrators,
}

struct LocalPlatform {
    store: Buffered,
    started: Instant,
}

impl Platform for LocalPlatform {
    type Store = Buffered;

    fn store(&self) -> &Buffered {
        &self.store
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system gives random numbers");
        bytes
    }
}

/// The activity of W2.
struct Hello;

impl Activities for Hello {
    async fn call(
        &self,
        name: &str,
        request: &ActivityRequest,
        _: &dyn Fn(ActivityReport),
    ) -> Result<ActivityOutcome, NoAnswer> {
        match (name, request.input.to::<String>()) {
            ("hello", Ok(city)) => Ok(ActivityOutcome::Completed(Json::text_of(&format!("Hello {city}!")))),
            _ => Err(NoAnswer(format!("there is no activity {name} here"))),
        }
    }
}

impl Kicks for Hello {
    async fn tick(&self, key: &InstanceKey, _: &TickKick) -> Result<(), KickError> {
        Err(KickError(format!("{key} has finished")))
    }
}

impl Local {
    pub fn open(state: &Path) -> anyhow::Result<Self> {
        let database = Database::in_state_dir(state)?;
        let store = Buffered::new(database.store("default"));
        let platform = LocalPlatform { store, started: Instant::now() };
        let engine = Engine::new(platform, TaskHub::new(HUB));
        Ok(Self { database, engine, orchestrators: longhaul_program::orchestrators() })
    }

    /// Runs so many instances of W2 to their ends, and answers their ids, or a part of them: every so many-th.
    pub async fn finish(&self, input: &str, count: u64, every: u64) -> anyhow::Result<Vec<InstanceId>> {
        let input = Json::parse(input)?;
        let mut ids = Vec::new();
        for number in 1..=count {
            let started = self.engine.start(Start::new(PROGRAM, input.clone())).await?;
            let tick = self.engine.tick(&started.key, &started.tick, &self.orchestrators, &Hello, &Hello);
            let ticked = tick.await?;
            ensure!(ticked == Ticked::Finished, "an instance ended as {ticked:?}");
            if number % every == 0 {
                ids.push(started.id);
            }
            if number % BATCH == 0 {
                self.engine.platform().store.flush().await?;
            }
        }
        // As in the application, the scheduler sees that they have finished, and goes on behind them.
        self.engine.run_scheduler(&SchedulerKick::default(), &Hello).await?;
        self.engine.platform().store.flush().await?;
        Ok(ids)
    }

    /// An instance that has completed, with its history.
    pub async fn completed(&self, id: &str) -> anyhow::Result<Details> {
        let wanted = Wanted { input: true, output: true, history: true };
        let details = self.engine.details(&InstanceId::new(id)?, wanted).await?;
        let details = details.with_context(|| format!("there is no instance {id}"))?;
        if details.head.status != RuntimeStatus::Completed {
            bail!("the instance {id} is {:?}", details.head.status);
        }
        Ok(details)
    }

    /// How long it takes to replay the history of such an instance, with all of it at hand.
    pub fn replay(&self, details: &Details) -> anyhow::Result<Duration> {
        let (input, history) =
            details.input.clone().zip(details.history.clone()).context("all was wanted")?;
        let begin = Instant::now();
        let mismatch = self.engine.check_history(
            &details.head,
            input,
            details.output.as_ref(),
            history,
            &self.orchestrators,
        )?;
        let took = begin.elapsed();
        ensure!(mismatch.is_none(), "the history does not replay: {mismatch:?}");
        Ok(took)
    }

    pub async fn close(self) -> anyhow::Result<()> {
        self.engine.platform().store.flush().await?;
        Ok(self.database.close().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn instances_finish_and_replay_as_those_of_the_application() {
        let state = tempfile::tempdir().unwrap();
        let local = Local::open(state.path()).unwrap();
        let input = r#"{"program":{"op":"activity","name":"hello","input":"Tokyo"},"n":0}"#;
        let ids = local.finish(input, 20, 10).await.unwrap();
        local.close().await.unwrap();
        assert_eq!(ids.len(), 2);
        let local = Local::open(state.path()).unwrap();
        let details = local.completed(ids[0].as_str()).await.unwrap();
        assert_eq!(details.output, Some(Json::text_of("Hello Tokyo!")));
        local.replay(&details).unwrap();
        local.close().await.unwrap();
    }
}
