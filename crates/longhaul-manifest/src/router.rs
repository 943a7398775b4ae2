//! From the path of a request to the component that answers it.

use crate::{ComponentId, HttpTrigger, Route, RoutePattern, route::Segment};

/// Picks the trigger that fits a path best.
///
/// Compared segment by segment, an exact one wins over a parameter and a parameter over the wildcard, so that longer
/// prefixes win; a route that ends where the path ends wins over a wildcard there. A prefix ends at a segment: `/foo/...`
/// does not answer for `/foobar`.
///
/// Slashes are treated as Spin treats them: those at the beginning and the end of a path make no difference to which
/// route matches, and those inside are not merged. Nothing else is normalised, and nothing is percent-decoded. Unlike
/// in Spin, a parameter is never empty: `/a/:id/...` does not answer for `/a//b`.
#[derive(Clone, Debug)]
pub struct Router {
    /// The most specific first, so that the first match is the best one.
    routes: Vec<(RoutePattern, ComponentId)>,
}

/// Two triggers answer the same paths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{second:?} (component {second_component}) answers the same paths as {first:?} (component {first_component}); change one of them"
)]
pub struct DuplicateRoute {
    /// The route that came first.
    pub first: String,
    /// Its component.
    pub first_component: ComponentId,
    /// The route that repeats it.
    pub second: String,
    /// Its component.
    pub second_component: ComponentId,
}

/// A path, and the trigger that answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteMatch {
    /// The component to call.
    pub component: ComponentId,
    /// The route as the manifest has it; `/...` for a request of another component.
    pub route: String,
    /// What the wildcard stands for: empty, or the rest of the path from its '/' on. Empty if the route has no wildcard.
    pub path_info: String,
    /// The names and values of the route's parameters, in its order. Values are not percent-decoded.
    pub parameters: Vec<(String, String)>,
}

impl Router {
    /// A router for the triggers, of which the private ones answer no path.
    pub fn new<'t>(triggers: impl IntoIterator<Item = &'t HttpTrigger>) -> Result<Self, DuplicateRoute> {
        let mut routes: Vec<(RoutePattern, ComponentId)> = Vec::new();
        for trigger in triggers {
            let Route::Path(pattern) = &trigger.route else { continue };
            if let Some((first, component)) = routes.iter().find(|(other, _)| same_paths(other, pattern)) {
                return Err(DuplicateRoute {
                    first: first.as_str().to_owned(),
                    first_component: component.clone(),
                    second: pattern.as_str().to_owned(),
                    second_component: trigger.component.clone(),
                });
            }
            routes.push((pattern.clone(), trigger.component.clone()));
        }
        routes.sort_by_cached_key(|(pattern, _)| specificity(pattern));
        Ok(Self { routes })
    }

    /// Whether any path leads to `component`.
    pub fn leads_to(&self, component: &ComponentId) -> bool {
        self.routes.iter().any(|(_, other)| other == component)
    }

    /// The trigger that answers `path` (the path of the URL, without its query), if one does.
    pub fn route(&self, path: &str) -> Option<RouteMatch> {
        self.routes.iter().find_map(|(pattern, component)| {
            let (parameters, path_info) = match_path(pattern, path)?;
            Some(RouteMatch {
                component: component.clone(),
                route: pattern.as_str().to_owned(),
                path_info,
                parameters,
            })
        })
    }
}

impl RouteMatch {
    /// The match of a request that another component of the application made to `component` (service chaining): as if
    /// its only route were `/...`.
    pub fn chained(component: ComponentId, path: &str) -> Self {
        Self { component, route: "/...".to_owned(), path_info: path.to_owned(), parameters: Vec::new() }
    }
}

/// Whether two patterns match the same paths: the names of parameters make no difference.
fn same_paths(a: &RoutePattern, b: &RoutePattern) -> bool {
    a.is_wildcard() == b.is_wildcard()
        && a.segments().len() == b.segments().len()
        && a.segments().iter().zip(b.segments()).all(|pair| match pair {
            (Segment::Literal(a), Segment::Literal(b)) => a == b,
            (Segment::Parameter(_), Segment::Parameter(_)) => true,
            _ => false,
        })
}

/// Sorts the more specific of two patterns that match a common path first.
fn specificity(pattern: &RoutePattern) -> Vec<u8> {
    let rank = |segment: &Segment| match segment {
        Segment::Literal(_) => 0,
        Segment::Parameter(_) => 1,
    };
    pattern.segments().iter().map(rank).chain(pattern.is_wildcard().then_some(2)).collect()
}

/// The parameters and the rest of `path`, if the pattern matches it.
fn match_path(pattern: &RoutePattern, path: &str) -> Option<(Vec<(String, String)>, String)> {
    let trimmed = path.strip_prefix('/')?.trim_matches('/');
    // The segments that are still to match; `None` at the end of the path.
    let mut rest = (!trimmed.is_empty()).then_some(trimmed);
    let mut parameters = Vec::new();
    for segment in pattern.segments() {
        let (text, after) = match rest?.split_once('/') {
            Some((text, after)) => (text, Some(after)),
            None => (rest?, None),
        };
        match segment {
            Segment::Literal(literal) if literal == text => {}
            Segment::Parameter(name) if !text.is_empty() => parameters.push((name.clone(), text.to_owned())),
            _ => return None,
        }
        rest = after;
    }
    if !pattern.is_wildcard() {
        return rest.is_none().then_some((parameters, String::new()));
    }
    let rest = rest.map(|rest| format!("/{rest}")).unwrap_or_default();
    let end = if path.ends_with('/') { "/" } else { "" };
    Some((parameters, rest + end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(routes: &[&str]) -> Result<Router, DuplicateRoute> {
        let triggers: Vec<_> = routes
            .iter()
            .enumerate()
            .map(|(index, route)| HttpTrigger {
                component: format!("c{index}").parse().unwrap(),
                route: match *route {
                    "private" => Route::Private,
                    route => Route::Path(route.parse().unwrap()),
                },
            })
            .collect();
        Router::new(&triggers)
    }

    fn shown(router: &Router, path: &str) -> String {
        let Some(found) = router.route(path) else { return "nothing".to_owned() };
        let parameters: String =
            found.parameters.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        format!("{} [{}]{parameters}", found.route, found.path_info)
    }

    #[test]
    fn the_most_specific_route_answers() {
        let routes = [
            "/...",
            "/a/...",
            "/",
            "/a/b/...",
            "/a/:id",
            "/a/:id/...",
            "/a/b",
            "/:x/b",
            "/users/:id/:what/...",
            "private",
        ];
        // The order in the manifest makes no difference.
        let reversed: Vec<_> = routes.iter().rev().copied().collect();
        for router in [router(&routes).unwrap(), router(&reversed).unwrap()] {
            for (path, expected) in [
                ("/", "/ []"),
                ("//", "/ []"),
                ("/z", "/... [/z]"),
                ("/z/", "/... [/z/]"),
                ("/a", "/a/... []"),
                ("/a/", "/a/... [/]"),
                ("/ab", "/... [/ab]"),
                ("/A", "/... [/A]"),
                ("/a/b", "/a/b []"),
                ("/a/b/", "/a/b []"),
                ("//a/b", "/a/b []"),
                ("/a//b", "/a/... [//b]"),
                ("/a//", "/a/... [/]"),
                ("///z///", "/... [/z/]"),
                ("/a/7//", "/a/:id [] id=7"),
                ("/a/b/c", "/a/b/... [/c]"),
                ("/a/b//c//d//", "/a/b/... [//c//d/]"),
                ("/a/7", "/a/:id [] id=7"),
                ("/a/7/", "/a/:id [] id=7"),
                ("/a/7/x/y", "/a/:id/... [/x/y] id=7"),
                ("/a/%2F", "/a/:id [] id=%2F"),
                ("/q/b", "/:x/b [] x=q"),
                ("/q/b/c", "/... [/q/b/c]"),
                ("/users/1/name", "/users/:id/:what/... [] id=1 what=name"),
                ("/users/1/name/", "/users/:id/:what/... [/] id=1 what=name"),
                ("/é", "/... [/é]"),
                ("*", "nothing"),
                ("", "nothing"),
            ] {
                assert_eq!(shown(&router, path), expected, "{path}");
            }
        }
    }

    #[test]
    fn a_prefix_ends_at_a_segment() {
        let router = router(&["/foo/...", "/bar", "/:x/end"]).unwrap();
        for (path, expected) in [
            ("/foobar", "nothing"),
            ("/bars", "nothing"),
            ("/bar/x", "nothing"),
            ("//end", "nothing"),
            ("/", "nothing"),
        ] {
            assert_eq!(shown(&router, path), expected, "{path}");
        }
    }

    #[test]
    fn two_routes_for_the_same_paths_are_refused() {
        for (first, second) in
            [("/a", "/a"), ("/a", "/a/"), ("/:x", "/:y"), ("/a/:x/...", "/a/:y/..."), ("/...", "/...")]
        {
            let error = router(&[first, second]).unwrap_err();
            assert_eq!((error.first.as_str(), error.second.as_str()), (first, second));
        }
        for (first, second) in
            [("/a", "/b"), ("/a", "/a/..."), ("/:x", "/x"), ("private", "private"), ("/a", "private")]
        {
            assert!(router(&[first, second]).is_ok(), "{first} {second}");
        }
    }
}
