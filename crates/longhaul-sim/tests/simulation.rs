//! The engine under simulation. `LONGHAUL_SEEDS` sets how many seeds each test runs, `LONGHAUL_SEED` and
//! `LONGHAUL_BACKEND` run one, and `LONGHAUL_SUBJECT` is whose story a run that fails tells (part of a key).

use longhaul_sim::scenario::{Cast, Report, run};
use longhaul_sim::store::Backend;
use longhaul_sim::weather::Climate;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn run_all(ordinary: u64, climate: Climate, cast: Cast) -> Vec<Report> {
    let seeds = match variable("LONGHAUL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..variable("LONGHAUL_SEEDS").unwrap_or(ordinary),
    };
    let chosen = std::env::var("LONGHAUL_BACKEND").ok();
    let backend = |seed: u64| {
        let named = Backend::ALL.into_iter().find(|one| chosen.as_ref() == Some(&format!("{one:?}")));
        named.unwrap_or(Backend::ALL[(seed % 3) as usize])
    };
    let runs = seeds.map(|seed| (seed, backend(seed)));
    let (reports, failures): (Vec<_>, Vec<_>) =
        runs.map(|(seed, backend)| run(seed, backend, climate, cast)).partition(Result::is_ok);
    let failures: Vec<_> = failures.into_iter().filter_map(Result::err).collect();
    let heads: String = failures.iter().take(20).map(|text| head(text)).collect();
    assert!(failures.is_empty(), "{} runs failed:\n{heads}the first:\n{}", failures.len(), failures[0]);
    reports.into_iter().flatten().collect()
}

/// Which run it is, and the first thing that was violated in it.
fn head(failure: &str) -> String {
    failure.lines().take(2).map(|line| format!("{line:.300}\n")).collect()
}

#[test]
fn programs_fair_nothing_is_done_twice_and_no_lease_is_lost() {
    let reports = run_all(200, Climate::Fair, Cast::Programs);
    assert!(reports.iter().all(|report| report.acknowledged >= 5));
}

#[test]
fn programs_quiet_everything_is_done_in_time_though_nobody_polls() {
    let reports = run_all(600, Climate::Quiet, Cast::Programs);
    assert!(reports.iter().all(|report| report.acknowledged >= 5));
}

#[test]
fn programs_storm_no_acknowledged_instance_is_lost_and_no_invariant_broken() {
    let reports = run_all(1200, Climate::Storm, Cast::Programs);
    let acknowledged: usize = reports.iter().map(|report| report.acknowledged).sum();
    assert!(acknowledged >= 5 * reports.len(), "{acknowledged}: the storm leaves little to check");
}

#[test]
fn bank_fair_every_operation_is_carried_out_once_and_no_lease_is_lost() {
    let reports = run_all(40, Climate::Fair, Cast::Bank);
    assert!(reports.iter().all(|report| report.acknowledged >= 5 && report.signals >= 18));
}

#[test]
fn bank_quiet_every_operation_is_carried_out_in_time_though_nobody_polls() {
    let reports = run_all(60, Climate::Quiet, Cast::Bank);
    assert!(reports.iter().all(|report| report.acknowledged >= 5 && report.signals >= 18));
}

#[test]
fn bank_storm_no_money_is_lost_no_signal_and_no_lock() {
    let reports = run_all(100, Climate::Storm, Cast::Bank);
    let signals: usize = reports.iter().map(|report| report.signals).sum();
    assert!(signals >= 10 * reports.len(), "{signals}: the storm leaves little to check");
}

#[test]
fn a_seed_gives_the_same_run_every_time() {
    for cast in [Cast::Programs, Cast::Bank] {
        let once = || run(7, Backend::Sqlite, Climate::Storm, cast).expect("the run is sound");
        assert_eq!(once(), once());
    }
}
