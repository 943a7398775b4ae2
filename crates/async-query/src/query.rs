//! The query behind the API: how many different values a column has between two dates.

mod count;

use std::rc::Rc;

use azure_tables::{Clock, ConnectionString, Error, Filter, HttpClient, Query, TableClient, TableName};
use longhaul::{ActivityContext, ActivityFunctions, Failure, OrchestrationContext, Orchestrators, Step};
use thiserror::Error;

use crate::credentials::{CredentialError, CredentialSettings, Kept};
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
///
/// `kept` holds what the credentials keep from one run to the next.
pub fn activities<H, C>(
    http: H,
    clock: C,
    kept: Rc<Kept<H, C>>,
    settings: Settings,
) -> ActivityFunctions<'static>
where
    H: HttpClient + Clone + 'static,
    C: Clock + Clone + 'static,
{
    ActivityFunctions::new().with_resumable(ACTIVITY, move |context, range: DateRange| {
        let (http, clock, settings) = (http.clone(), clock.clone(), settings.clone());
        let credentials = kept.of(&settings.credentials, http.clone(), clock.clone());
        async move {
            let work = async |connection| {
                let (context, http, clock) = (context.clone(), http.clone(), clock.clone());
                count(context, http, clock, connection, &settings, range).await
            };
            let counted = async { credentials?.run(Uncounted::is_refusal, work).await };
            counted.await.map_err(|error| {
                let failure = Failure::from(error);
                tracing::error!("the query from {} to {} failed: {failure}", range.start, range.end);
                failure
            })
        }
    })
}

/// Counts the different values, or some of them until the time is up.
async fn count<H: HttpClient, C: Clock + Clone>(
    context: ActivityContext,
    http: H,
    clock: C,
    connection: ConnectionString,
    settings: &Settings,
    range: DateRange,
) -> Result<Step<u64>, Uncounted> {
    let query = prepare(settings)?;
    let concurrency = count::concurrency(&settings.concurrency)?;
    let client = TableClient::new(connection, http, clock.clone());
    count::Count { client: &client, clock, query, column: &settings.column, concurrency, range }
        .run(context)
        .await
}

/// What the query is told by variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Which account, and as whom.
    pub credentials: CredentialSettings,
    /// `table_name`.
    pub table: String,
    /// `query_filter`: which rows between the dates count.
    pub filter: String,
    /// `distinct_column`: whose different values are counted.
    pub column: String,
    /// `query_concurrency`: how many requests are under way at a time.
    pub concurrency: String,
}

/// Why there is no count. The messages name the variable to look at and contain no secret; the
/// addresses in them are not shown to the public.
#[derive(Debug, Error)]
pub enum QueryError {
    /// There is no way to the table.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// A variable is malformed.
    #[error("The variable {variable} is not usable: {why}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// What is wrong with its value.
        why: String,
    },
    /// The service refused the query, or could not be reached.
    #[error("The table at {address}: {error}{}", advice(error))]
    Service {
        /// Where.
        address: String,
        /// How.
        #[source]
        error: Box<Error>,
    },
}

impl QueryError {
    /// What the client says of the table at `address`.
    fn service(address: String, error: Error) -> Self {
        match error {
            Error::NoToken(error) => CredentialError::token(&error).into(),
            error => Self::Service { address, error: Box::new(error) },
        }
    }
}

/// Why a call of the activity has not come to its end.
#[derive(Debug)]
enum Uncounted {
    /// There is no count.
    Query(QueryError),
    /// It was cancelled, or could not say how far it got.
    Activity(Failure),
}

impl Uncounted {
    /// Whether the table does not know the credential.
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Query(QueryError::Service { error, .. }) if matches!(**error, Error::Refused(_)))
    }
}

impl<E: Into<QueryError>> From<E> for Uncounted {
    fn from(error: E) -> Self {
        Self::Query(error.into())
    }
}

impl From<Failure> for Uncounted {
    fn from(failure: Failure) -> Self {
        Self::Activity(failure)
    }
}

impl From<Uncounted> for Failure {
    fn from(error: Uncounted) -> Self {
        match error {
            Uncounted::Query(error) => error.into(),
            Uncounted::Activity(failure) => failure,
        }
    }
}

/// The query without its range.
fn prepare(settings: &Settings) -> Result<Query, QueryError> {
    let unusable = |variable: &'static str, why: String| QueryError::Variable { variable, why };
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
    Ok(Query { filter, ..Query::new(table) })
}

/// Which variable to look at.
fn advice(error: &Error) -> &'static str {
    match error {
        Error::Refused(_) => {
            ". Check the variable table_connection_string, or the identity's role Storage Table Data Reader."
        }
        Error::TableNotFound { .. } => ". Check the variable table_name, and the storage account.",
        Error::InvalidQuery(_) | Error::BadFilter(_) => {
            " Check the variables query_filter and distinct_column."
        }
        Error::Transport { .. } => {
            ". Check the endpoint in the variable table_connection_string or table_endpoint, and that it is an Azure \
             table domain or named by the variable table_emulator_host."
        }
        _ => "",
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let kind = match &error {
            QueryError::Credentials(error) => {
                let (kind, message) = (error.step.kind(), error.to_string());
                return Self { retriable: error.may_pass, ..Self::new(kind, message) };
            }
            QueryError::Variable { .. } => "InvalidVariable",
            QueryError::Service { error, .. } => match &**error {
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
            credentials: CredentialSettings::default(),
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
            (with(|s| s.table = "a b".into()), "InvalidVariable", "table_name"),
            (with(|s| s.column = String::new()), "InvalidVariable", "distinct_column"),
        ] {
            assert_eq!(failure.kind, kind);
            assert!(failure.message.contains(name), "{failure}");
            assert!(failure.public_message().contains(name), "the public may see it: {failure}");
            assert!(!failure.retriable);
        }
    }
}
