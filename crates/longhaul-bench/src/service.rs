//! The table, served by the development aid in a process of its own.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use jiff::civil::date;
use table_service::{Data, Expected, Row, Table, TableService};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The name of the table.
pub const TABLE: &str = "audit";

/// The days of the table, both included.
pub const DAYS: [&str; 2] = ["2021-07-16", "2021-10-15"];
const PARTITIONS: u64 = 92;

/// What is served.
#[derive(clap::Args)]
pub struct Options {
    /// How many rows the table has.
    #[arg(long, default_value_t = 100_000)]
    rows: u64,
}

/// A table of so many rows in 92 daily partitions. Of the rows 70% have a `CertNumber`; the people in them appear about
/// three times each.
pub fn table(rows: u64) -> Table {
    let first = date(2021, 7, 16);
    let row = |index: u64| {
        let day =
            first + jiff::Span::new().days(i64::try_from(index * PARTITIONS / rows.max(1)).unwrap_or(0));
        let dice = mixed(index);
        let row = Row::new(day.to_string(), format!("{index:012}")).with("durationMs", (dice % 5000) as i32);
        let row = match dice % 100 {
            0..70 => row.with("CertNumber", format!("CERT-{:08}", dice % 100_000_000)),
            70..85 => row.with("CertNumber", ""),
            _ => row,
        };
        let person = mixed(index ^ 0x5eed) % (rows / 3).max(1);
        row.with("identificationNumber", (1_000_000_000 + person * 7_368_787 % 9_000_000_000).to_string())
    };
    Table::new((0..rows).map(row).collect()).expect("the row keys differ")
}

/// The finalizer of SplitMix64.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Serves until standard input ends. Prints the connection string; each line that is read is a latency in milliseconds,
/// which is echoed once it is in force.
pub async fn serve(options: Options) -> anyhow::Result<()> {
    let data = Data::new().with_table(TABLE, table(options.rows));
    let service =
        TableService::start(([127, 0, 0, 1], 0).into(), data, table_service::Options::default()).await?;
    say(&service.connection_string())?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let latency = Duration::from_millis(line.trim().parse().context("a latency is a number")?);
        service.options().set(table_service::Options { latency, ..table_service::Options::default() });
        say(&line)?;
    }
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// The process that serves the table. It ends when this is dropped.
pub struct Service {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// For clients on this machine.
    pub connection_string: String,
    /// What the query must find.
    pub expected: Expected,
}

impl Service {
    /// Starts it.
    pub async fn start(rows: u64) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--rows", &rows.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn()?;
        let input = child.stdin.take().context("its input is piped")?;
        let mut output = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
        let connection_string = output.next_line().await?.context("the table service did not start")?;
        let expected = table(rows).expected(DAYS[0], DAYS[1]);
        Ok(Self { child, input, output, connection_string, expected })
    }

    /// Sets how long it takes over a page.
    pub async fn set_latency(&mut self, milliseconds: u64) -> anyhow::Result<()> {
        self.input.write_all(format!("{milliseconds}\n").as_bytes()).await?;
        self.output.next_line().await?.context("the table service has ended")?;
        Ok(())
    }

    /// The process's id.
    pub fn process(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }
}
