//! Azurite, Microsoft's storage emulator: a Table service that is not ours, to query in the tests.
//!
//! It comes from npm, at the version that `azurite/package-lock.json` pins, and needs Node.js.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail, ensure};
use azure_tables::shared_key::{AccountKey, ToSign, authorization};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use table_service::Row;

/// The emulator's account and key, the same on every machine.
/// <https://learn.microsoft.com/azure/storage/common/storage-use-azurite#well-known-storage-account-and-key>
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A transaction takes no more entities than this, all of one partition.
const MAX_BATCH: usize = 100;
/// Transactions under way at once. Azurite works on one thread; more than one keeps it from waiting for us.
const LOADING_AT_ONCE: usize = 4;
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Tries to find a port that nobody else takes before Azurite does.
const START_TRIES: usize = 5;

/// A running Azurite with its tables in memory; it ends when this is dropped.
#[derive(Debug)]
pub struct Azurite {
    child: Child,
    tables: Signed,
}

impl Azurite {
    /// Installs Azurite if need be, and starts it on a free port. Blocks until it answers.
    ///
    /// # Errors
    ///
    /// When Node.js is missing, or the installation or the start fails, with what they said.
    pub fn start() -> anyhow::Result<Self> {
        let main = install()?.join("node_modules/azurite/dist/src/table/main.js");
        for _ in 1..START_TRIES {
            match Self::start_once(&main) {
                Err(error) if error.to_string().contains("EADDRINUSE") => {}
                result => return result,
            }
        }
        Self::start_once(&main)
    }

    fn start_once(main: &Path) -> anyhow::Result<Self> {
        // Azurite does not tell which port it got when it is asked for any free one.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut child = Command::new("node")
            .arg(main)
            .args(["--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"])
            .args(["--tableHost", "127.0.0.1", "--tablePort", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| missing("node", error))?;
        let (lines, said) = mpsc::channel();
        forward(child.stdout.take(), lines.clone());
        forward(child.stderr.take(), lines);
        let endpoint = format!("http://127.0.0.1:{port}/{ACCOUNT}");
        let azurite = Self { child, tables: Signed::new(&endpoint, ACCOUNT, KEY)? };
        wait_until_it_answers(&said)?;
        Ok(azurite)
    }

    /// The connection string for clients on this machine.
    pub fn connection_string(&self) -> String {
        let endpoint = &self.tables.endpoint;
        format!(
            "DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={endpoint};"
        )
    }

    /// A client that signs with the emulator's key.
    pub fn tables(&self) -> &Signed {
        &self.tables
    }

    /// Creates the table if it does not exist, and inserts the rows into it, which must be new.
    ///
    /// # Errors
    ///
    /// When Azurite refuses, with its answer.
    pub async fn load(&self, table: &str, rows: &[Row]) -> anyhow::Result<()> {
        let body = json!({ "TableName": table }).to_string();
        let created = self.tables.send(Method::POST, "/Tables", "application/json", body).await?;
        ensure!(
            matches!(created.status(), StatusCode::CREATED | StatusCode::NO_CONTENT | StatusCode::CONFLICT),
            "Azurite did not create the table {table}: {}",
            text(&created)
        );
        let transactions = rows
            .chunk_by(|a, b| a.partition_key == b.partition_key)
            .flat_map(|partition| partition.chunks(MAX_BATCH));
        stream::iter(transactions)
            .map(|rows| self.insert(table, rows))
            .buffer_unordered(LOADING_AT_ONCE)
            .try_collect()
            .await
    }

    /// Inserts rows of one partition in one transaction.
    /// <https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions>
    async fn insert(&self, table: &str, rows: &[Row]) -> anyhow::Result<()> {
        // Azurite finds the boundaries by these beginnings of their names.
        let mut body =
            String::from("--batch_1\r\nContent-Type: multipart/mixed; boundary=changeset_1\r\n\r\n");
        for row in rows {
            body += "--changeset_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n";
            body += &format!("POST {}/{table} HTTP/1.1\r\n", self.tables.endpoint);
            body += "Content-Type: application/json\r\nAccept: application/json;odata=nometadata\r\n";
            body += "Prefer: return-no-content\r\nDataServiceVersion: 3.0\r\n\r\n";
            body += &serde_json::to_string(row)?;
            body += "\r\n";
        }
        body += "--changeset_1--\r\n--batch_1--\r\n";
        let answer =
            self.tables.send(Method::POST, "/$batch", "multipart/mixed; boundary=batch_1", body).await?;
        let inserted = text(&answer).matches("HTTP/1.1 204").count();
        ensure!(inserted == rows.len(), "Azurite did not insert {} rows: {}", rows.len(), text(&answer));
        Ok(())
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that signs its requests with an account's key, and does nothing else for the caller.
#[derive(Debug)]
pub struct Signed {
    http: Client<HttpConnector, Full<Bytes>>,
    endpoint: String,
    account: String,
    key: AccountKey,
}

impl Signed {
    /// A client of the service at this address, which ends with the account's name, without a slash.
    ///
    /// # Errors
    ///
    /// When the key is not base64.
    pub fn new(endpoint: &str, account: &str, key: &str) -> anyhow::Result<Self> {
        // Azurite closes idle connections after 5 seconds: leave them before.
        let http =
            Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(3)).build_http();
        let key = AccountKey::from_base64(key)?;
        Ok(Self { http, endpoint: endpoint.to_owned(), account: account.to_owned(), key })
    }

    /// Sends a GET for this path and query, relative to the endpoint.
    ///
    /// # Errors
    ///
    /// When there is no whole answer; its status is the caller's affair.
    pub async fn get(&self, target: &str) -> anyhow::Result<Response<Bytes>> {
        self.send(Method::GET, target, "", String::new()).await
    }

    async fn send(
        &self,
        method: Method,
        target: &str,
        content_type: &str,
        body: String,
    ) -> anyhow::Result<Response<Bytes>> {
        let uri: http::Uri = format!("{}{target}", self.endpoint).parse()?;
        let date = httpdate::fmt_http_date(SystemTime::now());
        let to_sign = ToSign {
            method: method.as_str(),
            content_md5: "",
            content_type,
            date: &date,
            path: uri.path(),
            comp: None,
        };
        let signature = authorization(&self.account, &self.key, &to_sign);
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header("x-ms-date", date)
            .header("x-ms-version", "2019-02-02")
            .header("DataServiceVersion", "3.0")
            .header(header::ACCEPT, "application/json;odata=nometadata")
            .header(header::AUTHORIZATION, signature);
        if !content_type.is_empty() {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let (parts, body) = self.http.request(request.body(Full::from(body))?).await?.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }
}

fn text(answer: &Response<Bytes>) -> String {
    format!("{} {}", answer.status(), String::from_utf8_lossy(answer.body()))
}

/// Installs what `azurite/package-lock.json` pins, unless that is done; the directory of the package.
fn install() -> anyhow::Result<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("azurite");
    let lock_path = package.join("package-lock.json");
    let wanted = std::fs::read(&lock_path).with_context(|| format!("cannot read {}", lock_path.display()))?;
    // `npm ci` begins by deleting node_modules, so tests that run at the same time must wait for each other. The
    // lock goes with the file handle.
    let lock = File::open(&lock_path)?;
    lock.lock().with_context(|| format!("cannot lock {}", lock_path.display()))?;
    // Written last, so that an installation that was cut short does not count.
    let installed = package.join("node_modules/.installed");
    if std::fs::read(&installed).is_ok_and(|found| found == wanted) {
        return Ok(package);
    }
    let output = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(&package)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| missing("npm", error))?;
    if !output.status.success() {
        bail!("`npm ci` failed in {}: {}", package.display(), String::from_utf8_lossy(&output.stderr));
    }
    std::fs::write(&installed, wanted)?;
    Ok(package)
}

fn missing(program: &str, error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::NotFound => anyhow::anyhow!(
            "the tests against Azurite need `{program}`, which is not on the PATH; \
             install Node.js 18 or later, which includes npm (https://nodejs.org)"
        ),
        _ => anyhow::Error::new(error).context(format!("cannot run `{program}`")),
    }
}

/// Reads the output of a child to its end, so that it never waits for a reader, and hands on the lines.
fn forward(output: Option<impl Read + Send + 'static>, lines: Sender<String>) {
    let Some(output) = output else { return };
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Nobody listens any more once Azurite has started.
            let _ = lines.send(line);
        }
    });
}

fn wait_until_it_answers(said: &Receiver<String>) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_TIMEOUT;
    let mut all = Vec::new();
    loop {
        match said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) if line.contains("successfully started") => return Ok(()),
            Ok(line) => all.push(line),
            Err(RecvTimeoutError::Disconnected) => {
                bail!("Azurite ended before it answered: {}", all.join("\n"))
            }
            Err(RecvTimeoutError::Timeout) => {
                bail!("Azurite did not answer within {} seconds: {}", START_TIMEOUT.as_secs(), all.join("\n"))
            }
        }
    }
}
