//! On which threads components run. A process of its own, whose threads are those of one host.
#![cfg(target_os = "linux")]

#[path = "host/harness.rs"]
#[expect(dead_code, reason = "the other tests of the host use all of it")]
mod harness;

use std::fs;

/// CPU time that the host's threads of this name have had, in the system's clock ticks.
fn cpu_time(name: &str) -> u64 {
    let mut ticks = 0;
    for thread in fs::read_dir("/proc/self/task").unwrap() {
        let stat = fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
        let (before, fields) = stat.rsplit_once(')').unwrap();
        if before.ends_with(&format!("({name}")) {
            // User and system time, counted from what stands behind the name.
            let fields: Vec<&str> = fields.split_whitespace().collect();
            ticks += fields[11..=12].iter().map(|field| field.parse::<u64>().unwrap()).sum::<u64>();
        }
    }
    ticks
}

#[tokio::test]
async fn private_components_run_on_other_threads_than_those_that_answer_clients() {
    let (probes, _directory) = harness::probes_with("").await;
    let spent = async |path: &str| {
        probes.text(&path.replace("busy/500", "echo/1")).await;
        let before = (cpu_time("longhaul-answer"), cpu_time("longhaul-work"));
        let answer = probes.text(path).await;
        assert!(answer.contains("busy"), "{answer}");
        (cpu_time("longhaul-answer") - before.0, cpu_time("longhaul-work") - before.1)
    };
    let (answering, working) = spent("/call?http://hidden.spin.internal/busy/500").await;
    assert!(working > 2 * answering, "a private component: {working} ticks, and {answering} for answering");
    let (answering, working) = spent("/busy/500").await;
    assert!(answering > 2 * working, "a public one: {answering} ticks, and {working} for work");
}
