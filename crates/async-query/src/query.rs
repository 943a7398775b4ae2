//! The query behind the API: how many different values a column has between two dates.

use std::rc::Rc;

use azure_tables::{
    Clock, ConnectionString, Error, Filter, HttpClient, PartitionRange, Query, TableClient, TableName,
    count_distinct,
};
use longhaul::{ActivityFunctions, Failure, OrchestrationContext, Orchestrators};
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
    ActivityFunctions::new().with(ACTIVITY, move |_, range: DateRange| {
        let (http, clock, settings) = (http.clone(), clock.clone(), settings.clone());
        let credentials = kept.of(&settings.credentials, http.clone(), clock.clone());
        async move {
            let counted = async {
                let work =
                    async |connection| count(http.clone(), clock.clone(), connection, &settings, range).await;
                credentials?.run(QueryError::is_refusal, work).await
            };
            let counted = counted.await;
            counted.map_err(|error| {
                tracing::error!("the query from {} to {} failed: {error}", range.start, range.end);
                Failure::from(error)
            })
        }
    })
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

    /// Whether the table does not know the credential.
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Service { error, .. } if matches!(**error, Error::Refused(_)))
    }
}

/// Counts the different values.
///
/// # Errors
/// When a variable is malformed, or the service does not answer the query.
pub async fn count<H: HttpClient, C: Clock>(
    http: H,
    clock: C,
    connection: ConnectionString,
    settings: &Settings,
    range: DateRange,
) -> Result<u64, QueryError> {
    let query = prepare(settings, range)?;
    let address = connection.endpoint().to_string();
    let client = TableClient::new(connection, http, clock);
    let count = count_distinct(&client, &query, &settings.column)
        .await
        .map_err(|error| QueryError::service(address, error))?;
    tracing::info!(
        distinct = count.distinct,
        rows = count.rows,
        rows_without_value = count.rows_without_value,
        pages = count.pages,
        retries = count.retries,
        "counted {} from {} to {}",
        settings.column,
        range.start,
        range.end
    );
    Ok(count.distinct)
}

fn prepare(settings: &Settings, range: DateRange) -> Result<Query, QueryError> {
    let unusable = |variable: &'static str, why: String| QueryError::Variable { variable, why };
    let table: TableName = settings
        .table
        .parse()
        .map_err(|error: azure_tables::InvalidTableName| unusable("table_name", error.to_string()))?;
    if settings.column.is_empty() {
        return Err(unusable("distinct_column", "it is empty".into()));
    }
    let days = PartitionRange::inclusive(range.start.to_string(), range.end.to_string());
    let filter = match settings.filter.trim() {
        "" => days.filter(),
        text => {
            let filter = Filter::with_parameters(text, &[])
                .map_err(|error| unusable("query_filter", error.to_string()))?;
            Some(days.narrow(&filter))
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
        }
    }

    fn range() -> DateRange {
        DateRange { start: "2021-10-10".parse().unwrap(), end: "2021-12-10".parse().unwrap() }
    }

    #[test]
    fn the_query_is_the_range_and_the_filter() {
        let query = prepare(&settings(), range()).unwrap();
        let filter = query.filter.unwrap().to_string();
        assert_eq!(
            filter,
            "(PartitionKey ge '2021-10-10' and PartitionKey le '2021-12-10') and (CertNumber ne '')"
        );
    }

    #[test]
    fn a_variable_that_is_not_usable_is_named() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = settings();
            change(&mut settings);
            Failure::from(prepare(&settings, range()).unwrap_err())
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
