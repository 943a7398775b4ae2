//! `--demo`: a table to query, in this process. A development aid.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::SignedDuration;
use longhaul_manifest::{Manifest, VariableName, VariableSources};
use table_service::{DEMO_TABLE, Data, Options, Running, TableService};

/// The application's variable for the table's connection string.
const CONNECTION_STRING: &str = "table_connection_string";

/// The application's variable for one more host that it may connect to: the table's origin.
const EMULATOR_HOST: &str = "table_emulator_host";

/// A running demonstration table.
pub struct Demo {
    service: Running,
    latency: Duration,
}

impl Demo {
    /// Starts the table on a free port of this machine and points the application's variables to it, unless they are
    /// given.
    pub async fn start(
        manifest: &Manifest,
        variables: &mut VariableSources,
        latency: SignedDuration,
    ) -> anyhow::Result<Self> {
        let latency = Duration::try_from(latency).context("--demo-latency cannot be negative")?;
        if !manifest.variables.contains_key(CONNECTION_STRING) {
            bail!("--demo: the application has no variable {CONNECTION_STRING}, so it queries no table");
        }
        let options = Options { latency, ..Options::default() };
        let service = TableService::start(([127, 0, 0, 1], 0).into(), Data::demo(), options).await?;
        provide(manifest, variables, CONNECTION_STRING, service.connection_string())?;
        provide(manifest, variables, EMULATOR_HOST, format!("http://{}", service.local_addr()))?;
        Ok(Self { service, latency })
    }

    /// Prints what to try, and what to expect.
    pub fn print(&self, address: SocketAddr) {
        let table = self.service.data().table(DEMO_TABLE).expect("the demonstration data has its table");
        println!();
        println!(
            "Demonstration table {DEMO_TABLE:?} (a development aid) at http://{}, {:?} a page. Try:",
            self.service.local_addr(),
            self.latency
        );
        for (start, end, s, e) in [
            ("2021-07-16", "2021-10-15", "16/07/2021", "15/10/2021"),
            ("2021-08-01", "2021-08-31", "01/08/2021", "31/08/2021"),
        ] {
            let expected = table.expected_count(start, end);
            println!("  curl 'http://{address}/api/submit/query?s={s}&e={e}'    # its result: {expected}");
        }
        println!("and then curl the statusUri of the answer until its status is complete.");
    }
}

/// Sets a variable where the application has it and nobody gave it a value.
fn provide(
    manifest: &Manifest,
    variables: &mut VariableSources,
    name: &str,
    value: String,
) -> anyhow::Result<()> {
    let name: VariableName = name.parse().context("the names of the demonstration's variables are valid")?;
    let given = variables.command_line.iter().any(|(given, _)| given == name.as_str())
        || variables.providers.iter().any(|values| values.contains_key(name.as_str()))
        || variables.environment.contains_key(&name.environment_name());
    if manifest.variables.contains_key(&name) && !given {
        variables.command_line.push((name.as_str().to_owned(), value));
    }
    Ok(())
}
