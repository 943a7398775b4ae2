//! What a request asks for: its path, query and `Accept` header as types.

use http::{Method, header};
use percent_encoding::percent_decode_str;

use crate::ACCOUNT;
use crate::continuation::{Continuation, NEXT_PARTITION_KEY, NEXT_ROW_KEY};
use crate::error::Refusal;
use crate::filter::Filter;

/// The most rows that the Table service returns at once, and the most that may be asked for.
const MAX_TOP: usize = 1000;

/// A query of a table, or of one page of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Query {
    pub table: String,
    pub filter: Option<Filter>,
    /// The properties wanted, each once; `None` for all.
    pub select: Option<Vec<String>>,
    pub top: Option<usize>,
    pub from: Option<Continuation>,
    pub metadata: Metadata,
}

/// How much the answer says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metadata {
    None,
    Minimal,
}

impl Query {
    /// Reads the query that a request makes.
    pub fn read(request: &http::request::Parts) -> Result<Self, Refusal> {
        let table = table(request.uri.path())?;
        if request.method != Method::GET {
            return Err(Refusal::UnsupportedHttpVerb);
        }
        let mut query = Self {
            table,
            filter: None,
            select: None,
            top: None,
            from: None,
            metadata: metadata(request.headers.get(header::ACCEPT))?,
        };
        let (mut partition, mut row) = (None, None);
        for (name, value) in url::form_urlencoded::parse(request.uri.query().unwrap_or("").as_bytes()) {
            match name.as_ref() {
                "$filter" if value.trim().is_empty() => query.filter = None,
                "$filter" => {
                    let filter = Filter::parse(&value);
                    query.filter = Some(filter.map_err(|error| invalid(format_args!("$filter: {error}")))?);
                }
                "$select" => query.select = select(&value),
                "$top" => query.top = Some(top(&value)?),
                NEXT_PARTITION_KEY => partition = Some(value),
                NEXT_ROW_KEY => row = Some(value),
                other if other.starts_with('$') => {
                    return Err(invalid(format_args!("the query option {other} is not supported")));
                }
                _ => {}
            }
        }
        if partition.is_some() || row.is_some() {
            let continuation = Continuation::read(partition.as_deref().unwrap_or(""), row.as_deref());
            query.from = Some(continuation.ok_or_else(|| invalid(format_args!("the continuation token")))?);
        }
        Ok(query)
    }
}

fn invalid(detail: std::fmt::Arguments<'_>) -> Refusal {
    Refusal::InvalidInput(detail.to_string())
}

/// The table that a path names: `/account/table` or `/account/table()`.
fn table(path: &str) -> Result<String, Refusal> {
    let (_, resource) = path
        .strip_prefix('/')
        .and_then(|path| path.split_once('/'))
        .filter(|(account, _)| *account == ACCOUNT)
        .ok_or(Refusal::ResourceNotFound)?;
    let resource = percent_decode_str(resource).decode_utf8().map_err(|_| Refusal::ResourceNotFound)?;
    let table = resource.strip_suffix("()").unwrap_or(&resource);
    match table {
        "" => Err(Refusal::NotImplemented("service properties and statistics")),
        "Tables" => Err(Refusal::NotImplemented("the list of tables")),
        _ if table.contains('(') => Err(Refusal::NotImplemented("single entities")),
        _ if table.starts_with('$') => Err(Refusal::NotImplemented("batches and metadata")),
        _ => Ok(table.to_owned()),
    }
}

fn select(value: &str) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if name == "*" {
            return None;
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    (!names.is_empty()).then_some(names)
}

fn top(value: &str) -> Result<usize, Refusal> {
    match value.trim().parse() {
        Ok(top) if top <= MAX_TOP => Ok(top),
        _ => Err(invalid(format_args!("$top must be a number from 0 to {MAX_TOP}"))),
    }
}

/// JSON in one of two sizes: full metadata is answered with the minimal.
fn metadata(accept: Option<&http::HeaderValue>) -> Result<Metadata, Refusal> {
    let Some(accept) = accept else { return Ok(Metadata::Minimal) };
    let accept = accept.to_str().unwrap_or("").to_ascii_lowercase();
    if accept.contains("odata=nometadata") {
        Ok(Metadata::None)
    } else if accept.contains("json") || accept.contains("*/*") {
        Ok(Metadata::Minimal)
    } else {
        Err(Refusal::AtomFormatNotSupported)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(target: &str) -> Result<Query, Refusal> {
        let request = http::Request::builder().uri(target).body(()).expect("a request");
        Query::read(&request.into_parts().0)
    }

    #[test]
    fn a_path_names_a_table_in_any_of_its_spellings() {
        for path in ["/demo/audit", "/demo/audit()", "/demo/audit%28%29", "/demo/%61udit()"] {
            assert_eq!(read(path).map(|query| query.table), Ok("audit".to_owned()), "{path}");
        }
    }

    #[test]
    fn what_is_no_query_of_a_table_is_refused() {
        let code = |target| match read(target).expect_err(target) {
            Refusal::InvalidInput(_) => "invalid",
            Refusal::ResourceNotFound => "no resource",
            Refusal::NotImplemented(_) => "not implemented",
            other => panic!("{target}: {other:?}"),
        };
        for (target, expected) in [
            ("/", "no resource"),
            ("/demo", "no resource"),
            ("/other/audit()", "no resource"),
            ("/demo/%ff", "no resource"),
            ("/demo/?comp=properties", "not implemented"),
            ("/demo/Tables", "not implemented"),
            ("/demo/audit(PartitionKey='a',RowKey='b')", "not implemented"),
            ("/demo/$batch", "not implemented"),
            ("/demo/audit()?$filter=PartitionKey", "invalid"),
            ("/demo/audit()?$top=1001", "invalid"),
            ("/demo/audit()?$top=-1", "invalid"),
            ("/demo/audit()?$orderby=RowKey", "invalid"),
            ("/demo/audit()?NextPartitionKey=x", "invalid"),
            ("/demo/audit()?NextRowKey=MSFh", "invalid"),
        ] {
            assert_eq!(code(target), expected, "{target}");
        }
    }

    #[test]
    fn selected_properties_are_named_once_and_a_star_is_all() {
        for (value, names) in
            [("a", Some(vec!["a"])), ("a,%20b,a", Some(vec!["a", "b"])), ("a,*", None), ("", None)]
        {
            let query = read(&format!("/demo/audit?$select={value}")).expect(value);
            let names = names.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(query.select, names, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_target_makes_reading_panic(target in "/demo/[a-z()%$?&=0-9A-F']{0,40}") {
            if target.parse::<http::Uri>().is_ok() {
                let _ = read(&target);
            }
        }
    }
}
