//! The `spin-*` headers that a host adds to a request.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::{
    HeaderName, HeaderValue,
    header::{InvalidHeaderName, InvalidHeaderValue},
};

use crate::{RouteMatch, route::parameter_header};

/// The client address of a request that another component of the application made.
pub const CHAINED_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// What the headers are computed from, besides the route.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// `"http"` or `"https"`.
    pub scheme: &'r str,
    /// The request's `Host`; `None` (no header, or a request of another component) stands for `localhost`.
    pub authority: Option<&'r str>,
    /// The path, as the client sent it.
    pub path: &'r str,
    /// The query without its `?`; `None` if the URL has no `?`.
    pub query: Option<&'r str>,
    /// Who sent the request; [`CHAINED_CLIENT`] for a request of another component.
    pub client: SocketAddr,
}

/// The headers that Spin adds to each request, in Spin's order:
///
/// | header | meaning | for `/shop/:user/...` and `http://x/shop/7/cart?n=1` |
/// | --- | --- | --- |
/// | `spin-path-info` | what the wildcard of the route stands for; empty if it has none | `/cart` |
/// | `spin-full-url` | the whole URL: scheme, `Host`, path, query | `http://x/shop/7/cart?n=1` |
/// | `spin-matched-route` | the route, wildcard included, without a `/` at its end (so empty for `/`) | `/shop/:user/...` |
/// | `spin-base-path` | the application's base path, which manifests can no longer set | `/` |
/// | `spin-raw-component-route` | the route exactly as the manifest has it | `/shop/:user/...` |
/// | `spin-component-route` | the route without `/...` at its end | `/shop/:user` |
/// | `spin-client-addr` | address and port of the client | `10.0.0.9:51234` |
/// | `spin-path-match-<name>` | the value of each parameter; the name in lower case, with `-` for `_` | `7` |
///
/// Values are not percent-decoded. A host should remove what the client sent under these names first: Spin does not.
///
/// # Errors
/// If a part of the request cannot stand in a header, such as a control character in the path. The host's answer to
/// that is 400.
pub fn request_headers(
    found: &RouteMatch,
    request: &Request<'_>,
) -> Result<Vec<(HeaderName, HeaderValue)>, InvalidHeaderValue> {
    let authority = request.authority.unwrap_or("localhost");
    let query = request.query.map(|query| format!("?{query}")).unwrap_or_default();
    let full_url = format!("{}://{authority}{}{query}", request.scheme, request.path);
    let matched = found.route.strip_suffix('/').unwrap_or(&found.route);
    let component_route = found.route.strip_suffix("/...").unwrap_or(&found.route);

    let mut headers = Vec::with_capacity(7 + found.parameters.len());
    for (name, value) in [
        ("spin-path-info", found.path_info.as_str()),
        ("spin-full-url", &full_url),
        ("spin-matched-route", matched),
        ("spin-base-path", "/"),
        ("spin-raw-component-route", &found.route),
        ("spin-component-route", component_route),
        ("spin-client-addr", &request.client.to_string()),
    ] {
        // From bytes, since a path may hold UTF-8, which headers may too.
        headers.push((HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes())?));
    }
    for (name, value) in &found.parameters {
        let name: Result<HeaderName, InvalidHeaderName> = parameter_header(name).parse();
        let name = name.expect("the names of parameters are letters, digits, '-' and '_'");
        headers.push((name, HeaderValue::from_bytes(value.as_bytes())?));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HttpTrigger, Route, Router};

    fn headers(route: &str, path: &str, query: Option<&str>) -> String {
        let trigger =
            HttpTrigger { component: "c".parse().unwrap(), route: Route::Path(route.parse().unwrap()) };
        let found = Router::new([&trigger]).unwrap().route(path).unwrap();
        let client = "10.0.0.9:51234".parse().unwrap();
        show(&found, &Request { scheme: "https", authority: Some("x.example:8443"), path, query, client })
    }

    fn show(found: &RouteMatch, request: &Request<'_>) -> String {
        let headers = request_headers(found, request).unwrap();
        let line = |(name, value): &(HeaderName, HeaderValue)| {
            format!(
                "{}: {}",
                name.as_str().trim_start_matches("spin-"),
                String::from_utf8_lossy(value.as_bytes())
            )
        };
        headers.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn headers_say_what_was_matched() {
        assert_eq!(
            headers("/shop/:User_Id/...", "/shop/7/cart/", Some("n=1&m=")),
            "path-info: /cart/\n\
             full-url: https://x.example:8443/shop/7/cart/?n=1&m=\n\
             matched-route: /shop/:User_Id/...\n\
             base-path: /\n\
             raw-component-route: /shop/:User_Id/...\n\
             component-route: /shop/:User_Id\n\
             client-addr: 10.0.0.9:51234\n\
             path-match-user-id: 7"
        );
        assert_eq!(
            headers("/a/", "/a", Some("")),
            "path-info: \n\
             full-url: https://x.example:8443/a?\n\
             matched-route: /a\n\
             base-path: /\n\
             raw-component-route: /a/\n\
             component-route: /a/\n\
             client-addr: 10.0.0.9:51234"
        );
        assert_eq!(
            headers("/...", "/é", None),
            "path-info: /é\n\
             full-url: https://x.example:8443/é\n\
             matched-route: /...\n\
             base-path: /\n\
             raw-component-route: /...\n\
             component-route: \n\
             client-addr: 10.0.0.9:51234"
        );
    }

    #[test]
    fn a_chained_request_has_the_wildcard_route_on_localhost() {
        let found = RouteMatch::chained("activity".parse().unwrap(), "/run/1");
        let request =
            Request { scheme: "http", authority: None, path: "/run/1", query: None, client: CHAINED_CLIENT };
        assert_eq!(
            show(&found, &request),
            "path-info: /run/1\n\
             full-url: http://localhost/run/1\n\
             matched-route: /...\n\
             base-path: /\n\
             raw-component-route: /...\n\
             component-route: \n\
             client-addr: 0.0.0.0:0"
        );
    }

    #[test]
    fn a_control_character_in_the_request_is_an_error() {
        let found = RouteMatch::chained("activity".parse().unwrap(), "/a\r\nevil: yes");
        let request =
            Request { scheme: "http", authority: None, path: "/", query: None, client: CHAINED_CLIENT };
        assert!(request_headers(&found, &request).is_err());
    }
}
