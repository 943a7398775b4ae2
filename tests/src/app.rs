//! The applications, served by `longhaul up` in a process of their own.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use http::Method;
use serde_json::Value;

use crate::guests;
use crate::http_client::{Answer, get, send};

/// The packages of the application's components.
pub const COMPONENTS: [&str; 6] = ["submit", "status", "orchestrator", "activity", "scheduler", "management"];
/// Those of the test application's.
pub const PROGRAM_COMPONENTS: [&str; 6] = [
    "program-client",
    "program-orchestrator",
    "program-activity",
    "program-entities",
    "scheduler",
    "management",
];

const START_TIMEOUT: Duration = Duration::from_secs(120);
/// How long an instance may take in a test. It is the limit of a wait for a condition, not a measure.
const FINISH_TIMEOUT: Duration = Duration::from_secs(120);

/// How to start an application.
#[derive(Debug, Clone)]
pub struct Launch {
    binary: PathBuf,
    /// In the workspace.
    manifest: &'static str,
    components: &'static [&'static str],
    state_dir: PathBuf,
    listen: String,
    arguments: Vec<String>,
    /// What runs it, if it is not run by itself.
    under: Vec<String>,
}

impl Launch {
    /// The application itself, with the host `binary` and this state directory.
    pub fn new(binary: impl Into<PathBuf>, state_dir: &Path) -> Self {
        Self {
            binary: binary.into(),
            manifest: "spin.toml",
            components: &COMPONENTS,
            state_dir: state_dir.to_owned(),
            listen: "127.0.0.1:0".to_owned(),
            arguments: Vec::new(),
            under: Vec::new(),
        }
    }

    /// The test application, whose orchestrations are data.
    pub fn program(binary: impl Into<PathBuf>, state_dir: &Path) -> Self {
        let (manifest, components) = ("tests/program-app/spin.toml", &PROGRAM_COMPONENTS);
        Self { manifest, components, ..Self::new(binary, state_dir) }
    }

    /// With a variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend(["--variable".to_owned(), format!("{name}={value}")]);
        self
    }

    /// With the table service at `connection_string` as its storage account.
    #[must_use]
    pub fn querying(self, connection_string: &str) -> Self {
        let endpoint = connection_string.split(';').find_map(|part| part.strip_prefix("TableEndpoint="));
        let origin = endpoint.map(|endpoint| endpoint.splitn(4, '/').take(3).collect::<Vec<_>>().join("/"));
        self.variable("table_connection_string", connection_string)
            .variable("table_emulator_host", &origin.unwrap_or_default())
    }

    /// At an address of its own, so that it can be started anew there.
    #[must_use]
    pub fn listening(mut self, address: std::net::SocketAddr) -> Self {
        self.listen = address.to_string();
        self
    }

    /// With another argument of `longhaul up`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Run by another command, whose process becomes that of the host.
    #[must_use]
    pub fn under(mut self, command: Vec<String>) -> Self {
        self.under = command;
        self
    }

    /// The command, not started.
    ///
    /// # Errors
    /// When the components cannot be built.
    pub fn command(&self) -> anyhow::Result<Command> {
        static BUILT: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if !built.contains(self.manifest) {
            guests::build(self.components)?;
            built.insert(self.manifest);
        }
        let workspace =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tests are in a workspace")?;
        let mut command = match self.under.split_first() {
            Some((runner, arguments)) => {
                let mut command = Command::new(runner);
                command.args(arguments).arg(&self.binary);
                command
            }
            None => Command::new(&self.binary),
        };
        command.arg("up").arg("--from").arg(workspace.join(self.manifest));
        command.args(["--listen", &self.listen, "--state-dir"]);
        command.arg(&self.state_dir).args(&self.arguments).stdin(Stdio::null());
        Ok(command)
    }

    /// Starts it, and waits until it serves. Blocks.
    ///
    /// # Errors
    /// When it does not come up, with what it said.
    pub fn start(&self) -> anyhow::Result<App> {
        let log = self.state_dir.join("host_stderr.txt");
        let stderr = File::options().create(true).append(true).open(&log)?;
        let mut child = self.command()?.stdout(Stdio::piped()).stderr(stderr).spawn()?;
        let stdout = BufReader::new(child.stdout.take().context("its output is piped")?);
        let mut app = App { child, base: String::new(), started: Instant::now() };
        // The rest is read too, so that the process never waits for us.
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if let Some(base) = line.strip_prefix("Serving ") {
                    let _ = sender.send(base.to_owned());
                }
            }
        });
        match receiver.recv_timeout(START_TIMEOUT) {
            Ok(base) => {
                app.base = base;
                Ok(app)
            }
            Err(_) => {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                drop(app);
                bail!("the application did not come up:\n{said}")
            }
        }
    }
}

/// A running application. It is killed when this is dropped.
#[derive(Debug)]
pub struct App {
    child: Child,
    base: String,
    /// When its process was started.
    pub started: Instant,
}

impl App {
    /// Where it serves, such as `http://127.0.0.1:3000`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The process's id.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process with no chance to do anything: `kill -9`.
    ///
    /// # Errors
    /// When it has ended by itself.
    pub fn kill(mut self) -> anyhow::Result<()> {
        ensure!(self.child.try_wait()?.is_none(), "the host had ended by itself");
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the process to end, and waits for it.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn terminate(mut self) -> anyhow::Result<ExitStatus> {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        ensure!(sent.success(), "kill -TERM failed");
        Ok(self.child.wait()?)
    }

    /// Submits a query.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn submit(&self, s: &str, e: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
        submit(&self.base, s, e, headers).await
    }

    /// Waits until the instance has finished, and answers its public status.
    ///
    /// # Errors
    /// When it does not finish, or its status is not found.
    pub async fn finished(&self, id: &str) -> anyhow::Result<Value> {
        let url = format!("{}/api/status/{id}", self.base);
        let begin = Instant::now();
        loop {
            let answer = send(Method::GET, &url, &[("prefer", "wait=5")]).await?;
            ensure!(answer.status == 200, "{url}: {} {}", answer.status, answer.body);
            let status = answer.json()?;
            if !matches!(status["status"].as_str(), Some("Pending" | "Running")) {
                return Ok(status);
            }
            ensure!(begin.elapsed() < FINISH_TIMEOUT, "{id} does not finish: {}", answer.body);
        }
    }

    /// Submits a query and waits for its end.
    ///
    /// # Errors
    /// As [`App::submit`] and [`App::finished`].
    pub async fn query(&self, s: &str, e: &str) -> anyhow::Result<Value> {
        let answer = self.submit(s, e, &[]).await?;
        self.finished(&instance_id(&answer)?).await
    }

    /// Sends a `GET` to a path of the application.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        get(&format!("{}{path}", self.base)).await
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Submits a query to the application at `base`.
///
/// # Errors
/// When there is no answer.
pub async fn submit(base: &str, s: &str, e: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
    send(Method::POST, &format!("{base}/api/submit/query?s={s}&e={e}"), headers).await
}

/// The instance id in the answer to a submission.
///
/// # Errors
/// When the submission was not accepted.
pub fn instance_id(answer: &Answer) -> anyhow::Result<String> {
    let uri = answer.json()?["statusUri"].as_str().map(str::to_owned);
    let uri = uri.with_context(|| format!("not accepted: {} {}", answer.status, answer.body))?;
    Ok(uri.rsplit('/').next().context("a URI has segments")?.to_owned())
}
