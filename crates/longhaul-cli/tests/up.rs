//! `longhaul up` as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use tempfile::TempDir;

/// An application of one component, whose commands build nothing but a marker.
fn application() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let probes = longhaul_tests::guests::build(&["probe-p3"]).unwrap();
    let manifest = format!(
        r#"
        spin_manifest_version = 2
        application.name = "one"
        application.tool.longhaul.start = {{ component = "main", path = "/kv/set/started/yes" }}
        variables.greeting = {{ required = true }}
        trigger.http = [{{ route = "/...", component = "main" }}]
        [component.main]
        source = "{}"
        key_value_stores = ["default"]
        variables = {{ greeting = "{{{{ greeting }}}}" }}
        [component.main.build]
        command = ["echo built > marker", "test ! -e broken"]
        workdir = "work"
        "#,
        probes.join("probe_p3.wasm").display()
    );
    std::fs::write(directory.path().join("spin.toml"), manifest).unwrap();
    std::fs::create_dir(directory.path().join("work")).unwrap();
    directory
}

fn up(directory: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longhaul"));
    command.args(["up", "--from"]).arg(directory).args(["--listen", "127.0.0.1:0"]).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A serving process; killed when dropped.
struct Serving {
    child: Child,
    address: String,
    banner: String,
    /// Kept open for as long as the process may write to it.
    stdout: Option<BufReader<ChildStdout>>,
}

impl Serving {
    fn start(directory: &Path, more: &[&str]) -> Self {
        let mut child = up(directory, more).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        // Made first, so that the process is killed whatever happens here.
        let mut serving = Self { child, address: String::new(), banner: String::new(), stdout: None };
        loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).unwrap() == 0 {
                panic!("it ended: {}{}", serving.banner, rest(&mut serving.child));
            }
            serving.banner += &line;
            if let Some(address) = line.trim().strip_prefix("Serving http://") {
                serving.address = address.to_owned();
                serving.stdout = Some(stdout);
                return serving;
            }
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn signal(&mut self, name: &str) -> ExitStatus {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stdout = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rest(child: &mut Child) -> String {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

/// Runs to the end; answers the exit code and the error message.
fn fails(directory: &Path, more: &[&str]) -> (Option<i32>, String) {
    let output = up(directory, more).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn it_builds_serves_makes_the_start_call_and_stops_when_asked() {
    let directory = application();
    let mut serving = Serving::start(directory.path(), &["--build", "--variable", "greeting=hello"]);
    assert!(directory.path().join("work/marker").exists());
    assert!(
        serving.banner.contains(&format!("  main  http://{}/...\n", serving.address)),
        "{}",
        serving.banner
    );
    assert!(serving.get("/variable/greeting").contains("hello"));
    while !serving.get("/kv/get/started").contains("yes") {}
    assert!(directory.path().join(".spin/sqlite_key_value.db").exists());

    let (code, message) = fails(directory.path(), &["--variable", "greeting=hello"]);
    assert_eq!(code, Some(1));
    assert!(message.contains("another process uses the state directory"), "{message}");

    assert_eq!(serving.signal("-TERM").code(), Some(0));
    let said = rest(&mut serving.child);
    let (_, statistics) =
        said.split_once("store default: ").unwrap_or_else(|| panic!("no statistics: {said}"));
    assert!(statistics.contains(" reads, 1 writes, 0 deletes, 1 commits, 1 syncs"), "{statistics}");
}

#[test]
fn a_killed_process_leaves_the_state_directory_free_and_whole() {
    let directory = application();
    let mut serving = Serving::start(directory.path(), &["--variable", "greeting=hello"]);
    assert!(serving.get("/kv/set/kept/yes").contains("200 OK"));
    assert_eq!(serving.signal("-KILL").code(), None);
    let mut serving = Serving::start(directory.path(), &["--variable", "greeting=hello"]);
    assert!(serving.get("/kv/get/kept").contains("yes"));
    assert_eq!(serving.signal("-INT").code(), Some(0));
}

#[test]
fn what_is_wrong_is_said_once_and_ends_with_code_1() {
    let directory = application();
    for (more, expected) in [
        (&[][..], "greeting: pass --variable greeting=… or set SPIN_VARIABLE_GREETING"),
        (
            &["--variable", "greeting=a", "--variable", "gruss=b"],
            "--variable gruss: the application has no such variable",
        ),
        (&["--variable", "greeting=a", "--demo"], "has no variable table_connection_string"),
        (&["--variable", "greeting=a", "--runtime-config-file", "none.toml"], "cannot read none.toml"),
    ] {
        let (code, message) = fails(directory.path(), more);
        assert_eq!(code, Some(1), "{more:?}: {message}");
        assert!(message.starts_with("Error: ") && message.contains(expected), "{more:?}: {message}");
    }
    std::fs::write(directory.path().join("work/broken"), "").unwrap();
    let (code, message) = fails(directory.path(), &["--build", "--variable", "greeting=a"]);
    assert_eq!(code, Some(1));
    assert!(message.contains("component main: its build command failed"), "{message}");
}
