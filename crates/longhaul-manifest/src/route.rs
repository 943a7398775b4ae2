//! The route of an HTTP trigger.

use std::{fmt, str::FromStr};

/// Which requests a trigger answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Requests from outside whose path the pattern matches.
    Path(RoutePattern),
    /// `{ private = true }`: only requests of other components of the application (service chaining).
    Private,
}

/// A pattern for paths: `/exact`, `/prefix/...` for everything at and below a prefix, `/:name` for any one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePattern {
    source: String,
    segments: Vec<Segment>,
    wildcard: bool,
}

/// What one segment of a path must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Literal(String),
    Parameter(String),
}

/// Why a text is not a route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{route:?} is not a route: {problem}")]
pub struct InvalidRoute {
    /// What was given.
    pub route: String,
    /// What is wrong with it, and what to write.
    pub problem: String,
}

const EMPTY_SEGMENT: &str = "it has an empty segment; remove the doubled '/'";

impl RoutePattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub(crate) fn is_wildcard(&self) -> bool {
        self.wildcard
    }
}

impl FromStr for RoutePattern {
    type Err = InvalidRoute;

    fn from_str(source: &str) -> Result<Self, Self::Err> {
        let refuse = |problem: String| InvalidRoute { route: source.to_owned(), problem };
        let Some(path) = source.strip_prefix('/') else {
            return Err(refuse("it must begin with '/'".to_owned()));
        };
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#') {
            return Err(refuse(
                "only what may stand in a URL's path may stand in it; percent-encode the rest".to_owned(),
            ));
        }
        let (path, wildcard) = match path.strip_suffix("...") {
            Some("") => ("", true),
            Some(prefix) if prefix.ends_with('/') => (prefix, true),
            Some(_) => return Err(refuse("\"...\" must be the whole of its last segment".to_owned())),
            None => (path, false),
        };
        if path == "/" {
            return Err(refuse(EMPTY_SEGMENT.to_owned()));
        }
        // As in Spin, one slash at the end makes no difference.
        let path = path.strip_suffix('/').unwrap_or(path);

        let mut segments = Vec::new();
        for text in path.split('/').take(if path.is_empty() { 0 } else { usize::MAX }) {
            let segment = segment(text).map_err(refuse)?;
            if let Segment::Parameter(name) = &segment {
                let header = parameter_header(name);
                let taken =
                    |other: &Segment| matches!(other, Segment::Parameter(o) if parameter_header(o) == header);
                if segments.iter().any(taken) {
                    return Err(refuse(format!(
                        "two parameters would share the header {header}; rename one"
                    )));
                }
            }
            segments.push(segment);
        }
        Ok(Self { source: source.to_owned(), segments, wildcard })
    }
}

fn segment(text: &str) -> Result<Segment, String> {
    if text.is_empty() {
        return Err(EMPTY_SEGMENT.to_owned());
    }
    if text.contains("...") {
        return Err("\"...\" may stand only at the end".to_owned());
    }
    if text.contains('*') {
        return Err(
            "'*' is no wildcard here; write \"/...\" at the end, or \":name\" for one segment".to_owned()
        );
    }
    match text.strip_prefix(':') {
        Some(name) => {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(fits) {
                return Err(format!(
                    "{text:?}: a parameter needs a name of letters, digits, '-' and '_' after its ':'"
                ));
            }
            Ok(Segment::Parameter(name.to_owned()))
        }
        None if text.contains(':') => Err(format!("{text:?}: a parameter must be the whole of its segment")),
        None => Ok(Segment::Literal(text.to_owned())),
    }
}

/// The request header that carries the value of a parameter.
pub(crate) fn parameter_header(name: &str) -> String {
    format!("spin-path-match-{}", name.to_ascii_lowercase().replace('_', "-"))
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Route::Path(pattern) => pattern.fmt(f),
            Route::Private => f.write_str("private"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_segments_and_maybe_a_wildcard() {
        for (source, expected) in [
            ("/", ""),
            ("/...", "..."),
            ("/a", "a"),
            ("/a/", "a"),
            ("/a/b.c", "a b.c"),
            ("/a/...", "a ..."),
            ("/a/:id/...", "a :id ..."),
            ("/:a/:b", ":a :b"),
            ("/caf%C3%A9", "caf%C3%A9"),
        ] {
            let route: RoutePattern = source.parse().unwrap();
            let mut parts: Vec<_> = route
                .segments()
                .iter()
                .map(|segment| match segment {
                    Segment::Literal(text) => text.clone(),
                    Segment::Parameter(name) => format!(":{name}"),
                })
                .collect();
            parts.extend(route.is_wildcard().then(|| "...".to_owned()));
            assert_eq!((parts.join(" ").as_str(), route.as_str()), (expected, source));
        }
    }

    #[test]
    fn what_is_no_route_is_refused() {
        for (source, expected) in [
            ("", "must begin with '/'"),
            ("a", "must begin with '/'"),
            ("/a//b", "empty segment"),
            ("//", "empty segment"),
            ("//...", "empty segment"),
            ("/a...", "whole of its last segment"),
            ("/.../a", "only at the end"),
            ("/a/*", "no wildcard"),
            ("/:", "needs a name"),
            ("/:a.b", "needs a name"),
            ("/a:b", "whole of its segment"),
            ("/:id/:id", "share the header spin-path-match-id"),
            ("/:a_b/:A-B", "share the header spin-path-match-a-b"),
            ("/a?b", "may stand in a URL"),
            ("/a b", "may stand in a URL"),
            ("/é", "may stand in a URL"),
        ] {
            let error = source.parse::<RoutePattern>().unwrap_err().to_string();
            assert!(error.contains(expected), "{source}: {error}");
        }
    }
}
