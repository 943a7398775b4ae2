//! Cold starts: of the host, and of components.

use std::path::Path;
use std::time::Instant;

use anyhow::ensure;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Serialize;

use super::workload::{Requests, Wait, Workload};
use crate::client::Client;
use crate::host::{self, Host};
use crate::latency::{median, milliseconds};

/// How often the host is started; the median counts.
const STARTS: usize = 5;

/// What was measured, in milliseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cold {
    /// From the start of the process until it serves, with components that were compiled before.
    pub host_ms: f64,
    /// The first answer of a component, which has no instance yet.
    pub first_answer_ms: f64,
    /// Its second answer.
    pub second_answer_ms: f64,
    /// The first orchestration of one activity, from its start until its end was seen: it starts all components.
    pub first_instance_ms: f64,
    /// The second one.
    pub second_instance_ms: f64,
}

/// Measures it.
pub async fn measure(binary: &Path, polling: std::time::Duration) -> anyhow::Result<Cold> {
    let requests = Requests::of(Workload::W2, Wait::Start, 0);
    let mut measured = [const { Vec::new() }; 5];
    // The first time is for what has to be compiled.
    for round in 0..=STARTS {
        let state = tempfile::tempdir()?;
        let host = Host::start(host::program(binary, state.path()), state.path()).await?;
        let mut client = Client::connect(host.base(), polling).await?;
        let figures = [
            milliseconds(host.start),
            answer(&mut client).await?,
            answer(&mut client).await?,
            milliseconds(requests.one(&mut client).await?),
            milliseconds(requests.one(&mut client).await?),
        ];
        drop(client);
        host.stop().await?;
        if round > 0 {
            measured.iter_mut().zip(figures).for_each(|(all, figure)| all.push(figure));
        }
    }
    let [host_ms, first_answer_ms, second_answer_ms, first_instance_ms, second_instance_ms] =
        measured.map(median);
    Ok(Cold { host_ms, first_answer_ms, second_answer_ms, first_instance_ms, second_instance_ms })
}

/// How long a component takes to say that it has nothing.
async fn answer(client: &mut Client) -> anyhow::Result<f64> {
    let begin = Instant::now();
    let (status, _) = client.send(Method::GET, "/nothing", &[], Bytes::new()).await?;
    ensure!(status == StatusCode::NOT_FOUND, "nothing was answered {status}");
    Ok(milliseconds(begin.elapsed()))
}
