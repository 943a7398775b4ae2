//! Random programs. `LONGHAUL_SEED` is the first of their seeds, and `LONGHAUL_PROGRAMS` how many there are.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use http::{Method, StatusCode};
use longhaul_program::{Scenario, allows, generate};
use longhaul_tests::app::Launch;
use longhaul_tests::programs::{Programs, faster, outcome};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{HOST, Scene, start};

/// By how much the programs are faster than the simulation's, whose time costs nothing.
const SPEED: u32 = 40;
/// How many of them run at the same time.
const AT_ONCE: usize = 32;
/// How often the host is killed.
const KILLS: usize = 8;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The scenarios of a run, with their seeds.
fn scenarios(usual: u64) -> impl Iterator<Item = (u64, Scenario)> {
    let first = setting("LONGHAUL_SEED").unwrap_or_else(|| rand::random::<u32>().into());
    let count = setting("LONGHAUL_PROGRAMS").unwrap_or(usual);
    println!("LONGHAUL_SEED={first} LONGHAUL_PROGRAMS={count}");
    (first..first + count).map(|seed| (seed, faster(scenario(seed), SPEED)))
}

/// Every third has entities.
fn scenario(seed: u64) -> Scenario {
    match seed % 3 {
        0 => generate::scenario_with_entities(seed),
        _ => generate::scenario(seed),
    }
}

/// What is wrong with what came of a scenario, if anything.
fn judge(scenario: &Scenario, shown: &Value) -> Result<(), String> {
    let outcome = outcome(shown).map_err(|error| error.to_string())?;
    allows(&scenario.program, &scenario.events(), &outcome).map_err(|error| {
        let program = serde_json::to_string(scenario).expect("a scenario has a JSON form");
        format!("{error}: {outcome:?} of {program}")
    })
}

/// Runs all, some at a time, and fails if any did.
async fn all_succeed<F: Future<Output = Result<(), String>>>(runs: impl Iterator<Item = (u64, F)>) {
    let runs = runs.map(|(seed, run)| async move { (seed, run.await) });
    let results: Vec<_> = futures::stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    let count = results.len();
    let wrong: Vec<_> = results
        .into_iter()
        .filter_map(|(seed, result)| Some(format!("LONGHAUL_SEED={seed}: {}", result.err()?)))
        .collect();
    assert!(wrong.is_empty(), "{} of {count} programs:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn random_programs_give_what_the_reference_allows() {
    let scene = Scene::new().await;
    let run = |(seed, scenario): (u64, Scenario)| {
        let programs = scene.programs.clone();
        let run = async move {
            let program = serde_json::to_value(&scenario.program).map_err(said)?;
            // Half of them under ids that were chosen, which are created otherwise.
            let to = if seed % 2 == 0 { String::new() } else { format!("/p-{seed}") };
            let begin = Instant::now();
            let instance = programs.start(&to, &program).await.map_err(said)?;
            let raised = instance.raise(&scenario, begin);
            let (raised, shown) = futures::future::join(raised, instance.finished()).await;
            raised.map_err(said)?;
            judge(&scenario, &shown.map_err(said)?)
        };
        (seed, run)
    };
    all_succeed(scenarios(300).map(run)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_programs_survive_the_death_of_the_host_at_any_moment() {
    let state = tempfile::tempdir().unwrap();
    let launch = Launch::program(HOST, state.path());
    let mut app = start(launch.clone()).await;
    let (tell_base, base) = watch::channel(Programs::of(&app));
    let scenarios: Vec<_> = scenarios(100).collect();
    let mut dice = rand::rngs::StdRng::seed_from_u64(scenarios.first().map_or(0, |(seed, _)| *seed));
    let runs = scenarios
        .into_iter()
        .map(|(seed, scenario)| (seed, run_through_deaths(base.clone(), seed, scenario)));
    let kills = async {
        for _ in 0..KILLS {
            // The moment of the kill is what is random here; nothing is waited for.
            tokio::time::sleep(Duration::from_millis(dice.random_range(200..3000))).await;
            app.kill().unwrap();
            app = start(launch.clone()).await;
            tell_base.send_replace(Programs::of(&app));
        }
        app
    };
    let (_app, ()) = futures::future::join(kills, all_succeed(runs)).await;
}

/// A client that asks again until it is answered.
async fn run_through_deaths(
    base: watch::Receiver<Programs>,
    seed: u64,
    scenario: Scenario,
) -> Result<(), String> {
    let id = format!("d-{seed}");
    let input = json!({"program": serde_json::to_value(&scenario.program).map_err(said)?, "n": 0});
    // That there is one of the id says that an earlier request was heard.
    insist(&base, &format!("/start/{id}"), &input).await?;
    let begin = Instant::now();
    for raise in &scenario.raised {
        tokio::time::sleep_until((begin + raise.after).into()).await;
        // It may be raised twice, which the reference does not mind: it asks only what its data can be.
        insist(&base, &format!("/instances/{id}/events/{}", raise.name), &raise.data).await?;
    }
    let begin = Instant::now();
    loop {
        let instance = base.borrow().instance(&id);
        match instance.finished().await {
            Ok(shown) => return judge(&scenario, &shown),
            Err(error) if begin.elapsed() > Duration::from_secs(120) => return Err(said(error)),
            // The host is gone.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Posts until it is answered that it is done, or that it is too late for it.
async fn insist(base: &watch::Receiver<Programs>, path: &str, body: &Value) -> Result<(), String> {
    let begin = Instant::now();
    loop {
        let programs = base.borrow().clone();
        let why = match programs.ask(Method::POST, path, body).await {
            Ok(answer) if [StatusCode::ACCEPTED, StatusCode::CONFLICT].contains(&answer.status) => {
                return Ok(());
            }
            Ok(answer) => format!("{} {}", answer.status, answer.body),
            Err(error) => error.to_string(),
        };
        if begin.elapsed() > Duration::from_secs(60) {
            return Err(format!("{path}: {why}"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn said(error: impl Display) -> String {
    format!("{error:#}")
}
