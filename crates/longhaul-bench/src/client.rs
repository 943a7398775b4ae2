//! A client of an application: one kept-alive connection, and as little work for each request as can be, since client
//! and host share the cores.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpStream;

/// The management key of the applications that are measured.
pub const KEY: &str = "bench";
/// How long an instance may take.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// What all operations of the management API begin with.
const API: &str = "/runtime/webhooks/durabletask";

/// A connection to an application.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    polling: Duration,
}

/// The members of the management API's answers that are needed here.
#[derive(Deserialize)]
struct Created {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    runtime_status: &'a str,
    #[serde(borrow)]
    custom_status: &'a RawValue,
    #[serde(borrow)]
    output: &'a RawValue,
}

impl Client {
    /// Connects to the application at `base`. What is polled, is polled at intervals of `polling`.
    pub async fn connect(base: &str, polling: Duration) -> anyhow::Result<Self> {
        let address = base.strip_prefix("http://").context("the application is served over http")?;
        let stream = TcpStream::connect(address).await.context("the host takes no connection")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends when the sender is dropped. What goes wrong is told to the sender too.
        tokio::spawn(connection);
        Ok(Self { sender, host: HeaderValue::try_from(address)?, polling })
    }

    /// Sends a request, and answers status and body.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &'static str)],
        body: Bytes,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, &self.host);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.sender.ready().await.context("the host has closed the connection")?;
        let response = self.sender.send_request(request.body(Full::new(body))?).await;
        let response = response.context("the host gave no answer")?;
        let status = response.status();
        let body = response.into_body().collect().await.context("the answer broke off")?.to_bytes();
        Ok((status, body))
    }

    async fn manage(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        self.send(method, &format!("{API}/{path}"), &[("x-functions-key", KEY)], body).await
    }

    /// Starts a program, and answers its id.
    pub async fn start(&mut self, input: Bytes) -> anyhow::Result<String> {
        let (status, body) = self.manage(Method::POST, "orchestrators/program", input).await?;
        ensure!(status == StatusCode::ACCEPTED, "a start was answered {status}: {}", text(&body));
        Ok(serde_json::from_slice::<Created>(&body)?.id)
    }

    /// Starts a program by a start that waits, and answers its output.
    pub async fn run(&mut self, input: Bytes) -> anyhow::Result<Bytes> {
        let path =
            format!("orchestrators/program?timeout=120&pollingInterval={}", self.polling.as_secs_f64());
        let (status, body) = self.manage(Method::POST, &path, input).await?;
        // Without an end in time it is 202, and a failure has the members of a status.
        ensure!(status == StatusCode::OK, "a waiting start was answered {status}: {}", text(&body));
        Ok(body)
    }

    /// Raises an event.
    pub async fn raise(&mut self, id: &str, event: &str, data: Bytes) -> anyhow::Result<()> {
        let (status, body) =
            self.manage(Method::POST, &format!("instances/{id}/raiseEvent/{event}"), data).await?;
        ensure!(status == StatusCode::ACCEPTED, "an event was answered {status}: {}", text(&body));
        Ok(())
    }

    async fn status(&mut self, id: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        self.manage(Method::GET, &format!("instances/{id}?showInput=false"), Bytes::new()).await
    }

    /// One look at the status of an instance: its output, if it has completed.
    pub async fn output(&mut self, id: &str) -> anyhow::Result<Option<Bytes>> {
        let (status, body) = self.status(id).await?;
        let shown: Status<'_> =
            serde_json::from_slice(&body).with_context(|| format!("{status}: {}", text(&body)))?;
        match shown.runtime_status {
            "Completed" => Ok(Some(Bytes::copy_from_slice(shown.output.get().as_bytes()))),
            "Pending" | "Running" => Ok(None),
            _ => bail!("an instance has not completed: {}", text(&body)),
        }
    }

    /// Polls the status of an instance until it has completed, and answers its output.
    pub async fn completed(&mut self, id: &str) -> anyhow::Result<Bytes> {
        let begin = Instant::now();
        loop {
            if let Some(output) = self.output(id).await? {
                return Ok(output);
            }
            ensure!(begin.elapsed() < PATIENCE, "{id} does not complete");
            tokio::time::sleep(self.polling).await;
        }
    }

    /// Polls the status of an instance until it shows this text as its custom status.
    pub async fn shows(&mut self, id: &str, wanted: &str, patience: Duration) -> anyhow::Result<()> {
        let (begin, wanted) = (Instant::now(), serde_json::to_string(wanted)?);
        loop {
            let (status, body) = self.status(id).await?;
            let shown: Status<'_> =
                serde_json::from_slice(&body).with_context(|| format!("{status}: {}", text(&body)))?;
            if shown.custom_status.get() == wanted {
                return Ok(());
            }
            ensure!(begin.elapsed() < patience, "{id} does not come to show {wanted}: {}", text(&body));
            tokio::time::sleep(self.polling).await;
        }
    }
}

/// So many connections.
pub async fn connect(base: &str, count: usize, polling: Duration) -> anyhow::Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        clients.push(Client::connect(base, polling).await?);
    }
    Ok(clients)
}

pub fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).into_owned()
}
