//! The query behind the API: how many different values a column has between two dates.

mod count;

use azure_tables::{Clock, ConnectionString, Error, Filter, HttpClient, Query, TableClient, TableName};
use longhaul::{ActivityContext, ActivityFunctions, Failure, OrchestrationContext, Orchestrators, Step};
use thiserror::Error;

use crate::submit::{DateRange, ORCHESTRATOR};

/// The activity function that runs the query.
pub const ACTIVITY: &str = "query-storage-account-activity-function";

/// The orchestrator functions of the application.
pub fn orchestrators() -> Orchestrators {
    Orchestrators::new().with(ORCHESTRATOR, |ctx: OrchestrationContext, range: DateRange| async move {
        ctx.call_activity::<_, u64>(ACTIVITY, range).await
    })
}

/// The activity functions of the application.
pub fn activities<'a, H, C>(http: H, clock: C, settings: Settings) -> ActivityFunctions<'a>
where
    H: HttpClient + Clone + 'a,
    C: Clock + Clone + 'a,
{
    ActivityFunctions::new().with_resumable(ACTIVITY, move |context, range: DateRange| {
        let (http, clock, settings) = (http.clone(), clock.clone(), settings.clone());
        async move {
            let counted = count(context, http, clock, &settings, range).await;
            counted.inspect_err(|failure| {
                tracing::error!("the query from {} to {} failed: {failure}", range.start, range.end);
            })
        }
    })
}

/// Counts the different values, or some of them until the time is up.
async fn count<H: HttpClient, C: Clock + Clone>(
    context: ActivityContext,
    http: H,
    clock: C,
    settings: &Settings,
    range: DateRange,
) -> Result<Step<u64>, Failure> {
    let (connection, query) = prepare(settings)?;
    let concurrency = count::concurrency(&settings.concurrency)?;
    let client = TableClient::new(connection, http, clock.clone());
    count::Count { client: &client, clock, query, column: &settings.column, concurrency, range }
        .run(context)
        .await
}

/// What the query is told by variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `table_connection_string`: which account, and its key. Secret.
    pub connection_string: Secret,
    /// `table_name`.
    pub table: String,
    /// `query_filter`: which rows between the dates count.
    pub filter: String,
    /// `distinct_column`: whose different values are counted.
    pub column: String,
    /// `query_concurrency`: how many requests are under way at a time.
    pub concurrency: String,
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Why there is no count. The messages name the variable to look at and contain no secret and no address.
#[derive(Debug, Error)]
pub enum QueryError {
    /// There is no connection string.
    #[error("No connection string: set the variable table_connection_string to that of the storage account.")]
    NoConnectionString,
    /// A variable is malformed.
    #[error("The variable {variable} is not usable: {why}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// What is wrong with its value.
        why: String,
    },
    /// The service refused the query, or could not be reached.
    #[error("{error}{}", advice(error))]
    Service {
        /// How.
        #[source]
        error: Error,
    },
}

/// The account, and the query without its range.
fn prepare(settings: &Settings) -> Result<(ConnectionString, Query), QueryError> {
    let unusable = |variable: &'static str, why: String| QueryError::Variable { variable, why };
    if settings.connection_string.0.trim().is_empty() {
        return Err(QueryError::NoConnectionString);
    }
    let connection =
        settings.connection_string.0.parse().map_err(|error: azure_tables::ConnectionStringError| {
            unusable("table_connection_string", error.to_string())
        })?;
    let table: TableName = settings
        .table
        .parse()
        .map_err(|error: azure_tables::InvalidTableName| unusable("table_name", error.to_string()))?;
    if settings.column.is_empty() {
        return Err(unusable("distinct_column", "it is empty".into()));
    }
    let filter = match settings.filter.trim() {
        "" => None,
        text => {
            let filter = Filter::with_parameters(text, &[]);
            Some(filter.map_err(|error| unusable("query_filter", error.to_string()))?)
        }
    };
    Ok((connection, Query { filter, ..Query::new(table) }))
}

/// Which variable to look at.
fn advice(error: &Error) -> &'static str {
    match error {
        Error::Refused(_) => " Check the variable table_connection_string.",
        Error::TableNotFound { .. } => ". Check the variables table_name and table_connection_string.",
        Error::InvalidQuery(_) | Error::BadFilter(_) => {
            " Check the variables query_filter and distinct_column."
        }
        Error::Transport { .. } => {
            ". Check the endpoint in the variable table_connection_string, and that it is an Azure table domain or \
             named by the variable table_emulator_host."
        }
        _ => "",
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let kind = match &error {
            QueryError::NoConnectionString => "NoConnectionString",
            QueryError::Variable { .. } => "InvalidVariable",
            QueryError::Service { error } => match error {
                Error::Refused(_) => "Refused",
                Error::TableNotFound { .. } => "TableNotFound",
                Error::InvalidQuery(_) | Error::BadFilter(_) => "InvalidQuery",
                Error::StillFailing { .. } => "StillFailing",
                Error::Transport { .. } => "Unreachable",
                _ => "BadAnswer",
            },
        };
        match matches!(kind, "StillFailing" | "Unreachable" | "BadAnswer") {
            true => Self::new(kind, error.to_string()),
            false => Self::permanent(kind, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            connection_string: Secret::new("AccountName=me;AccountKey=AAECAwQFBgcICQoLDA0ODw=="),
            table: "audit".into(),
            filter: "CertNumber ne ''".into(),
            column: "identificationNumber".into(),
            concurrency: "16".into(),
        }
    }

    #[test]
    fn a_variable_that_is_not_usable_is_named() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = settings();
            change(&mut settings);
            Failure::from(prepare(&settings).unwrap_err())
        };
        for (failure, kind, name) in [
            (
                with(|s| s.connection_string = Secret::new(" ")),
                "NoConnectionString",
                "table_connection_string",
            ),
            (
                with(|s| s.connection_string = Secret::new("nonsense")),
                "InvalidVariable",
                "table_connection_string",
            ),
            (with(|s| s.table = "a b".into()), "InvalidVariable", "table_name"),
            (with(|s| s.column = String::new()), "InvalidVariable", "distinct_column"),
        ] {
            assert_eq!(failure.kind, kind);
            assert!(failure.message.contains(name), "{failure}");
            assert!(failure.public_message().contains(name), "the public may see it: {failure}");
            assert!(!failure.retriable);
        }
    }

    #[test]
    fn settings_do_not_show_the_connection_string() {
        assert!(!format!("{:?}", settings()).contains("AccountKey"));
    }
}
