//! The engine under simulation. `LONGHAUL_SEEDS` sets how many seeds each test runs, `LONGHAUL_SEED` runs one.

use longhaul_sim::scenario::{Weather, run};
use longhaul_sim::store::Backend;

fn seeds(ordinary: u64) -> Vec<u64> {
    let variable = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    match variable("LONGHAUL_SEED") {
        Some(seed) => vec![seed],
        None => (0..variable("LONGHAUL_SEEDS").unwrap_or(ordinary)).collect(),
    }
}

fn run_all(ordinary: u64, weather: Weather) -> usize {
    let mut acknowledged = 0;
    let mut failures = Vec::new();
    for seed in seeds(ordinary) {
        for backend in Backend::ALL {
            match run(seed, backend, weather) {
                Ok(report) => acknowledged += report.acknowledged,
                Err(failure) => failures.push(failure),
            }
        }
    }
    assert!(failures.is_empty(), "{} runs failed; the first:\n{}", failures.len(), failures[0]);
    acknowledged
}

#[test]
fn in_fine_weather_every_start_is_acknowledged_and_ends_as_expected() {
    let acknowledged = run_all(20, Weather::FINE);
    assert!(acknowledged >= 8 * seeds(20).len() * Backend::ALL.len(), "{acknowledged}");
}

#[test]
fn whatever_fails_no_acknowledged_instance_is_lost_and_no_invariant_broken() {
    let acknowledged = run_all(200, Weather::STORM);
    assert!(acknowledged > seeds(200).len() * Backend::ALL.len(), "{acknowledged}: the storm leaves nothing to check");
}

#[test]
fn a_seed_gives_the_same_run_every_time() {
    let once = run(7, Backend::Sqlite, Weather::STORM).expect("the run is sound");
    let again = run(7, Backend::Sqlite, Weather::STORM).expect("the run is sound");
    assert_eq!((once.operations, once.took), (again.operations, again.took));
}
