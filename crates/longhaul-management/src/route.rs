//! Which operation a request asks for.

use http::Method;
use http::uri::Uri;
use percent_encoding::percent_decode_str;

use crate::operations::{OPERATIONS, Operation, Row};

/// Where the API is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// `/runtime/webhooks/durabletask`: for everybody.
    Webhooks,
    /// `/durabletask`: for the client libraries of Azure's SDKs. Bodies are unwrapped, and lists are whole.
    Rpc,
}

/// The base for everybody.
pub(crate) const WEBHOOKS: &str = "/runtime/webhooks/durabletask";
/// The base for client libraries.
pub(crate) const RPC: &str = "/durabletask";

/// What the path and method of a request come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// An operation.
    To { base: Base, operation: Operation, segments: Segments },
    /// There is something under the path, for these methods.
    WrongMethod { allowed: Vec<Method> },
    /// There is nothing.
    Nowhere,
}

/// The segments of a path that are the request's choice, percent-decoded once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Segments(Vec<(&'static str, String)>);

impl Segments {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Finds the operation of a request.
pub(crate) fn route(method: &Method, uri: &Uri) -> Route {
    let Some((base, rest)) = below_base(uri.path()) else { return Route::Nowhere };
    let segments: Vec<_> = rest.trim_matches('/').split('/').collect();
    let mut allowed: Vec<Method> = Vec::new();
    for row in OPERATIONS {
        let Some(chosen) = row.paths.iter().find_map(|path| matched(path, &segments)) else { continue };
        if row.methods.contains(method) {
            return Route::To { base, operation: row.operation, segments: Segments(chosen) };
        }
        allowed.extend(
            row.methods.iter().filter(|method| !allowed.contains(method)).cloned().collect::<Vec<_>>(),
        );
    }
    match allowed.is_empty() {
        true => Route::Nowhere,
        false => Route::WrongMethod { allowed },
    }
}

fn below_base(path: &str) -> Option<(Base, &str)> {
    [(Base::Webhooks, WEBHOOKS), (Base::Rpc, RPC)].into_iter().find_map(|(base, prefix)| {
        let (start, rest) = path.split_at_checked(prefix.len())?;
        (start.eq_ignore_ascii_case(prefix) && rest.starts_with('/')).then_some((base, rest))
    })
}

/// What stands in the place of what is in braces, if the segments are those of the path.
fn matched(path: &'static str, segments: &[&str]) -> Option<Vec<(&'static str, String)>> {
    let pattern: Vec<_> = path.split('/').collect();
    if pattern.len() != segments.len() {
        return None;
    }
    let mut chosen = Vec::new();
    for (pattern, segment) in pattern.into_iter().zip(segments) {
        match pattern.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(_) if segment.is_empty() => return None,
            Some(name) => chosen.push((name, decoded(segment))),
            None if pattern.eq_ignore_ascii_case(segment) => {}
            None => return None,
        }
    }
    Some(chosen)
}

/// Bytes that are no UTF-8 become characters that no id has been given with.
fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// The row of an operation.
pub(crate) fn row(operation: Operation) -> &'static Row {
    OPERATIONS.iter().find(|row| row.operation == operation).expect("each operation has a row")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(method: Method, path: &str) -> Route {
        route(&method, &path.parse().unwrap())
    }

    fn operation(method: Method, path: &str) -> (Base, Operation) {
        match find(method, path) {
            Route::To { base, operation, .. } => (base, operation),
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_are_matched_ignoring_case_and_slashes_at_their_ends() {
        use Base::{Rpc, Webhooks};
        for (method, path, expected) in [
            (Method::POST, "/runtime/webhooks/durabletask/orchestrators/f", (Webhooks, Operation::Start)),
            (Method::POST, "/runtime/webhooks/durableTask/Orchestrators/f/id/", (Webhooks, Operation::Start)),
            (Method::GET, "/durabletask/instances", (Rpc, Operation::List)),
            (Method::GET, "/durabletask/instances/", (Rpc, Operation::List)),
            (Method::DELETE, "/durabletask/instances/?a=b", (Rpc, Operation::PurgeMany)),
            (Method::GET, "/durabletask/instances/count", (Rpc, Operation::Count)),
            (Method::DELETE, "/durabletask/instances/count", (Rpc, Operation::Purge)),
            (Method::GET, "/durabletask/instances/a", (Rpc, Operation::Status)),
            (Method::POST, "/durabletask/instances/a/TERMINATE", (Rpc, Operation::Terminate)),
            (Method::POST, "/durabletask/instances/a/raiseevent/e", (Rpc, Operation::RaiseEvent)),
            (
                Method::POST,
                "/durabletask/instances/a/restartWithOptions",
                (Rpc, Operation::RestartWithOptions),
            ),
            (Method::GET, "/durabletask/entities/", (Rpc, Operation::ListEntities)),
            (Method::GET, "/durabletask/entities/n", (Rpc, Operation::ListEntities)),
            (Method::GET, "/durabletask/entities/n/k", (Rpc, Operation::EntityState)),
            (Method::PUT, "/durabletask/makeprimary/", (Rpc, Operation::MakePrimary)),
            (Method::POST, "/durabletask/tick", (Rpc, Operation::Tick)),
        ] {
            assert_eq!(operation(method, path), expected, "{path}");
        }
    }

    #[test]
    fn segments_are_decoded_once() {
        let Route::To { segments, .. } =
            find(Method::POST, "/durabletask/instances/a%2525b%20c/raiseEvent/%C3%BC")
        else {
            panic!("there is the path")
        };
        assert_eq!((segments.get("instanceId"), segments.get("eventName")), (Some("a%25b c"), Some("ü")));
    }

    #[test]
    fn a_wrong_method_is_told_apart_from_a_wrong_path() {
        for (method, path, expected) in [
            (Method::PUT, "/durabletask/instances", "GET, DELETE"),
            (Method::POST, "/durabletask/instances/count", "GET, DELETE"),
            (Method::POST, "/durabletask/instances/a", "GET, DELETE"),
            (Method::GET, "/durabletask/instances/a/terminate", "POST"),
            (Method::PUT, "/durabletask/entities/n/k", "GET, POST, DELETE"),
        ] {
            let Route::WrongMethod { allowed } = find(method, path) else { panic!("{path}") };
            let allowed: Vec<_> = allowed.iter().map(Method::as_str).collect();
            assert_eq!(allowed.join(", "), expected, "{path}");
        }
        for path in [
            "/",
            "/durabletask",
            "/durabletask/",
            "/durabletasks/instances",
            "/runtime/webhooks/durabletask",
            "/durabletask/instances/a/dance",
            "/durabletask/instances//terminate",
            "/durabletask/instances/a/raiseEvent",
            "/durabletask/orchestrators/",
            "/durabletask/instances/a/b/c/d",
        ] {
            assert_eq!(find(Method::POST, path), Route::Nowhere, "{path}");
        }
    }
}
