//! What goes wrong by itself, beside what befalls store operations and messages.

use std::time::Duration;

use jiff::SignedDuration;
use longhaul::SchedulerKick;

use crate::process::{ALL, OUTSIDE, SCHEDULERS};
use crate::world::World;

/// Lets things go wrong until `end`. `machines`: suspended processes lose their monotonic clocks.
pub fn unleash(world: &World, end: Duration, machines: bool) {
    let weather = world.weather();
    let (exec, processes) = (world.exec(), world.processes());
    for process in ALL {
        processes.jump(process, either_way(world, weather.skew));
    }
    if let Some(pause) = weather.mishaps {
        every(world, pause, end, |world| {
            let victim = ALL[world.exec().below(ALL.len() as u64) as usize];
            match world.exec().below(3) {
                0 => world.processes().suspend(victim, world.exec().up_to(Duration::from_secs(60))),
                _ => world.processes().crash(victim),
            }
        });
    }
    if weather.jumps {
        every(world, Duration::from_secs(15), end, move |world| {
            // Holes are waited for by clocks that run at about the same rate. So a scheduler's wall clock must not
            // jump forward, and no clock back where the monotonic one cannot be relied on instead.
            let victim = ALL[world.exec().below(ALL.len() as u64) as usize];
            let by = either_way(world, Duration::from_secs(30));
            let is_forward = by.is_positive();
            if if is_forward { !SCHEDULERS.contains(&victim) } else { !machines } {
                world.processes().jump(victim, by);
            }
        });
    }
    if weather.restarts {
        let from = exec.up_to(Duration::from_secs(10));
        every(world, Duration::from_secs(30) + from, end, |world| {
            ALL.into_iter().for_each(|process| world.processes().crash(process));
            let started_at = world.processes().now(SCHEDULERS[0]);
            world.kick_scheduler(&SchedulerKick { started_at: Some(started_at), ..SchedulerKick::default() });
        });
    }
}

fn every(world: &World, pause: Duration, end: Duration, happens: impl Fn(&World) + 'static) {
    let world = world.clone();
    world.exec().clone().spawn(OUTSIDE, async move {
        loop {
            world.exec().sleep(world.exec().up_to(pause)).await;
            if world.exec().now() >= end {
                return;
            }
            happens(&world);
        }
    });
}

fn either_way(world: &World, most: Duration) -> SignedDuration {
    let by = SignedDuration::try_from(world.exec().up_to(most)).expect("a short time");
    if world.exec().chance(0.5) { by } else { -by }
}
