//! An application of probes in a real host, on a real port.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use longhaul_host::{App, Config, Host, LoadError, Server};
use longhaul_manifest::{Manifest, RuntimeConfig, VariableSources};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Where the probes are, built once.
fn probes() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        longhaul_tests::guests::build(&["probe-p3", "probe-p2", "probe-store"])
            .expect("the probes can be built")
    })
}

/// Four components of WASI 0.3 and one of 0.2. `main` answers every path that no other does; `more` is put into its
/// table.
pub fn manifest(more: &str) -> Manifest {
    let probe = |name: &str| probes().join(name).display().to_string();
    let text = format!(
        r#"
        spin_manifest_version = 2
        application.name = "probes"
        variables.greeting = {{ default = "hello" }}
        trigger.http = [
            {{ route = "/...", component = "main" }},
            {{ route = "/echo/:Item_Id/...", component = "echoing" }},
            {{ route = "/p2/...", component = "old" }},
            {{ route = {{ private = true }}, component = "hidden" }},
            {{ route = "/conformance/...", component = "conforming" }},
        ]
        [component.conforming]
        source = "{store}"
        key_value_stores = ["default"]
        [component.echoing]
        source = "{p3}"
        [component.hidden]
        source = "{p3}"
        key_value_stores = ["default"]
        allowed_outbound_hosts = ["http://main.spin.internal"]
        [component.old]
        source = "{p2}"
        [component.main]
        source = "{p3}"
        key_value_stores = ["default"]
        allowed_outbound_hosts = ["http://hidden.spin.internal", "http://127.0.0.1:*"]
        environment = {{ COLOUR = "red" }}
        variables = {{ greeting = "{{{{ greeting }}}}, you" }}
        {more}
        "#,
        p3 = probe("probe_p3.wasm"),
        p2 = probe("probe_p2.wasm"),
        store = probe("probe_store.wasm"),
    );
    Manifest::parse("spin.toml".as_ref(), &text).expect("the manifest of the probes is right")
}

/// The host's settings: everything in `directory`, but compiled components are kept between runs.
pub fn config(directory: &Path) -> Config {
    let mut config = Config::new(directory);
    config.cache_dir = Some(probes().join("compiled"));
    config.show_output = false;
    config
}

pub async fn load(manifest: Manifest, config: Config) -> Result<Host, LoadError> {
    let variables =
        VariableSources { command_line: Vec::new(), providers: Vec::new(), environment: BTreeMap::new() };
    Host::load(App { manifest, runtime_config: RuntimeConfig::default(), variables }, config).await
}

/// A serving host.
pub struct Running {
    pub host: Arc<Host>,
    pub base: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Running {
    pub async fn start(manifest: Manifest, config: Config) -> Self {
        let host = Arc::new(load(manifest, config).await.expect("the application loads"));
        let server =
            Server::bind(Arc::clone(&host), ([127, 0, 0, 1], 0).into()).await.expect("a port is free");
        let base = format!("http://{}", server.address());
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { host, base, stop, server, client }
    }

    /// Sends a GET with these headers.
    pub async fn send(&self, path: &str, headers: &[(&str, &str)]) -> Response<String> {
        let mut request = Request::get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::default()).expect("the request is right");
        let (parts, body) = self.client.request(request).await.expect("the host answers").into_parts();
        let body = body.collect().await.expect("the answer is whole").to_bytes();
        Response::from_parts(parts, String::from_utf8(body.to_vec()).expect("the answer is text"))
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let response = self.send(path, &[]).await;
        (response.status().as_u16(), response.into_body())
    }

    /// The answer, which must be 200.
    pub async fn text(&self, path: &str) -> String {
        let (status, text) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {text}");
        text
    }

    /// Asks until the answer is as expected.
    pub async fn until(&self, path: &str, expected: &str) {
        let asking = async {
            while self.text(path).await != expected {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let limit = Duration::from_secs(20);
        tokio::time::timeout(limit, asking)
            .await
            .unwrap_or_else(|_| panic!("{path} never became {expected}"));
    }

    /// Asks the server to stop, without waiting for it.
    pub fn stop(self) -> (JoinHandle<()>, Arc<Host>) {
        let _ = self.stop.send(());
        (self.server, self.host)
    }
}

/// A host of the probes, and the directory with its state.
pub async fn probes_with(more: &str) -> (Running, TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    (Running::start(manifest(more), config(directory.path())).await, directory)
}

/// The headers that a probe echoed, without the first line.
pub fn echoed(text: &str) -> HeaderMap {
    let lines = text.lines().skip(1).filter_map(|line| line.split_once(": "));
    lines
        .map(|(name, value)| {
            let name: http::HeaderName = name.parse().expect("the probe echoes names of headers");
            (name, value.parse().expect("the probe echoes values of headers"))
        })
        .collect()
}
