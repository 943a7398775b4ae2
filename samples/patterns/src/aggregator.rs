//! Aggregator: many senders, and one place that sums up what they send.
//!
//! Each station is an entity: a small state, which only its own operations change, one at a time. Whoever has a reading
//! signals the station, and waits for nothing; readings that come at the same time are taken together. A station tells
//! the overview of every extreme, which is an entity too. Nobody creates them: they are there when they are first used.
//!
//! The orchestrator asks stations for their summaries. It could change several of them as if it were one, too, with
//! [`lock_entities`](OrchestrationContext::lock_entities).

use futures::future::try_join_all;
use longhaul::{
    EntityContext, EntityFunctions, EntityId, Failure, InvalidEntityId, Operations, OrchestrationContext,
};
use serde::{Deserialize, Serialize};

/// The orchestrator function's name.
pub const NAME: &str = "aggregator";
/// The entity function of stations.
pub const STATION: &str = "station";
/// The operation that takes a reading in.
pub const RECORD: &str = "record";

/// What a station knows of its readings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Station {
    /// How many there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The lowest and the highest.
    pub range: Option<(f64, f64)>,
}

/// What all stations have seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// The highest reading, and where that was.
    pub highest: Option<(f64, String)>,
}

/// Which stations to report on: `{"stations": ["north", "south"]}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Their keys.
    pub stations: Vec<String>,
}

/// The entity of a station.
///
/// # Errors
/// When its name cannot be a key.
pub fn station(key: &str) -> Result<EntityId, InvalidEntityId> {
    EntityId::new(STATION, key)
}

/// The entity functions.
pub fn entities() -> EntityFunctions {
    let station = Operations::new().with(RECORD, Station::record).with("mean", Station::mean);
    let overview = Operations::new().with("seen", Overview::seen);
    EntityFunctions::new().with(STATION, station).with("overview", overview)
}

impl Station {
    async fn record(&mut self, ctx: &EntityContext, reading: f64) -> Result<(), Failure> {
        if !(-90.0..=60.0).contains(&reading) {
            return Err(Failure::permanent(
                "NotATemperature",
                format!("{reading} is no temperature on Earth"),
            ));
        }
        let (low, high) = self.range.unwrap_or((reading, reading));
        if self.range.is_none() || reading > high {
            let overview = EntityId::new("overview", "").expect("a name without a key is an id");
            ctx.signal_entity(&overview, "seen", (reading, ctx.entity_id().key()))?;
        }
        self.count += 1;
        self.sum += reading;
        self.range = Some((low.min(reading), high.max(reading)));
        Ok(())
    }

    async fn mean(&mut self, _: &EntityContext, (): ()) -> Result<Option<f64>, Failure> {
        Ok((self.count > 0).then(|| self.sum / self.count as f64))
    }
}

impl Overview {
    async fn seen(&mut self, _: &EntityContext, (reading, at): (f64, String)) -> Result<(), Failure> {
        if self.highest.as_ref().is_none_or(|(highest, _)| reading > *highest) {
            self.highest = Some((reading, at));
        }
        Ok(())
    }
}

/// The means of stations, side by side.
pub async fn report(ctx: OrchestrationContext, asked: Report) -> Result<Vec<Option<f64>>, Failure> {
    let mut means = Vec::new();
    for key in &asked.stations {
        let station = station(key).map_err(|error| Failure::permanent("BadStation", error.to_string()))?;
        means.push(ctx.call_entity(&station, "mean", ()));
    }
    try_join_all(means).await
}

#[cfg(test)]
mod tests {
    use longhaul::Orchestrators;
    use longhaul::testing::TestHub;

    use super::*;

    /// Sends readings, as clients do, and reports.
    async fn day(
        ctx: OrchestrationContext,
        readings: Vec<(String, f64)>,
    ) -> Result<Vec<Option<f64>>, Failure> {
        for (key, reading) in readings {
            ctx.signal_entity(&station(&key).expect("it is one"), RECORD, reading)?;
        }
        report(ctx, Report { stations: vec!["north".into(), "south".into()] }).await
    }

    #[test]
    fn stations_sum_up_what_they_are_sent_and_tell_the_overview_of_extremes() {
        let hub = TestHub::new(Orchestrators::new().with("day", day)).entities(entities());
        let run = hub.run("day", [("north", 1.0), ("north", 4.0), ("north", 200.0), ("north", 2.5)]);
        assert_eq!(run.output(), Ok([Some(2.5), None]));
        let north = Station { count: 3, sum: 7.5, range: Some((1.0, 4.0)) };
        assert_eq!(run.entity_state("@station@north"), Some(north));
        let overview = Overview { highest: Some((4.0, "north".into())) };
        assert_eq!(run.entity_state("@overview@"), Some(overview));
    }

    #[test]
    fn a_station_that_cannot_be_is_refused() {
        let hub = TestHub::new(Orchestrators::new().with(NAME, super::report)).entities(entities());
        let run = hub.run(NAME, Report { stations: vec!["a/b".into()] });
        assert_eq!(run.output::<Vec<f64>>().unwrap_err().kind, "BadStation");
    }
}
