use super::*;

/// Parses `https://a.example:8/` as a client would, and asks.
fn allows(hosts: &AllowedHosts, url: &str) -> bool {
    let url: http::Uri = url.parse().unwrap();
    let authority = url.authority().unwrap();
    hosts.allows(url.scheme_str().unwrap(), authority.host(), authority.port_u16())
}

fn one(entry: &str) -> AllowedHosts {
    AllowedHosts::parse([entry], []).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn an_entry_allows_what_it_says_and_nothing_else() {
    for (entry, allowed, denied) in [
        (
            "https://example.com",
            &[
                "https://example.com",
                "https://example.com:443/x",
                "HTTPS://EXAMPLE.com",
                "https://user:pw@example.com",
            ][..],
            &[
                "http://example.com",
                "https://example.com:8443",
                "https://www.example.com",
                "https://example.com.",
                "https://example.com.evil.org",
                "https://evilexample.com",
                "https://example.co",
                "https://example.com@evil.org",
                "https://example.com:443@evil.org",
            ][..],
        ),
        ("https://example.com/", &["https://example.com"], &["https://example.org"]),
        ("HTTPS://Example.COM", &["https://example.com"], &["http://example.com"]),
        ("https://example.com.", &["https://example.com."], &["https://example.com"]),
        ("http://example.com:", &["http://example.com:80"], &["http://example.com:81"]),
        (
            "https://*.table.core.windows.net",
            &[
                "https://x.table.core.windows.net",
                "https://a.b.table.core.windows.net",
                "https://X.Table.Core.Windows.NET",
            ],
            &[
                "https://table.core.windows.net",
                "https://evil-table.core.windows.net",
                "https://x.table.core.windows.net.evil.com",
                "https://x.table.core.windows.net@evil.com",
                "https://x.table.core.windows.net.",
                "https://.table.core.windows.net",
                "https://xtable.core.windows.net",
                "https://x.table.core.windows.net:8443",
                "http://x.table.core.windows.net",
                "http://x.table.core.windows.net:443",
            ],
        ),
        (
            "*://example.com:80",
            &["http://example.com", "ftp://example.com:80"],
            &["https://example.com", "ftp://example.com"],
        ),
        (
            "*://*:*",
            &["http://a", "https://[::1]:7", "ftp://a", "x://10.0.0.1:1", "http://a.spin.internal"],
            &[],
        ),
        ("https://*", &["https://a", "https://10.0.0.1", "https://[::1]"], &["https://a:444", "http://a"]),
        ("https://*:*", &["https://a:444"], &["http://a:444"]),
        (
            "http://localhost:8000..8002",
            &["http://localhost:8000", "http://localhost:8001"],
            &["http://localhost:7999", "http://localhost:8002", "http://localhost"],
        ),
        (
            "redis://cache",
            &["redis://cache:6379", "redis://cache"],
            &["redis://cache:6380", "http://cache:6379"],
        ),
        ("ftp://files:21", &["ftp://files:21"], &["ftp://files", "ftp://files:22"]),
        ("ftp://files:*", &["ftp://files", "ftp://files:22"], &["sftp://files"]),
        (
            "http://127.0.0.1:3000",
            &["http://127.0.0.1:3000"],
            &["http://127.0.0.1", "http://127.0.0.2:3000", "http://localhost:3000"],
        ),
        (
            "http://[::1]",
            &["http://[::1]", "http://[0:0:0:0:0:0:0:1]:80"],
            &["http://[::2]", "http://[::1]:81", "http://0.0.0.1"],
        ),
        ("http://[::1]:8080/", &["http://[::1]:8080"], &["http://[::1]"]),
        (
            "http://10.0.0.0/8",
            &["http://10.0.0.1", "http://10.255.255.255:80"],
            &["http://11.0.0.1", "http://10.0.0.1:81", "http://10.example.com", "http://[::ffff:10.0.0.1]"],
        ),
        ("http://10.1.2.3/8:8080", &["http://10.9.9.9:8080"], &["http://10.9.9.9"]),
        ("http://fe80::/10:*", &["http://[fe80::1]:9"], &["http://[fec0::1]:9"]),
        (
            "http://activity.spin.internal",
            &["http://activity.spin.internal"],
            &["http://other.spin.internal", "https://activity.spin.internal"],
        ),
        ("https://bücher.example", &["https://xn--bcher-kva.example"], &["https://bucher.example"]),
        ("http://self", &[], &["http://self", "http://example.com"]),
    ] {
        let hosts = one(entry);
        for url in allowed {
            assert!(allows(&hosts, url), "{entry} must allow {url}");
        }
        for url in denied {
            assert!(!allows(&hosts, url), "{entry} must deny {url}");
        }
    }
}

#[test]
fn what_is_no_host_is_denied() {
    let hosts = one("https://*.example.com");
    for host in [
        "",
        "a@b.example.com",
        "a.example.com:443",
        "a.example.com/",
        "a b.example.com",
        "[::1",
        "a.example.com\\",
    ] {
        assert!(!hosts.allows("https", host, None), "{host:?}");
    }
    assert!(!AllowedHosts::default().allows("https", "a.example.com", None));
}

#[test]
fn addresses_are_compared_as_addresses() {
    for (entry, host) in
        [("http://[::1]", "::1"), ("http://127.0.0.1", "127.1"), ("http://127.0.0.0/8", "0x7f.2.3.4")]
    {
        assert!(one(entry).allows("http", host, None), "{entry} {host}");
    }
}

#[test]
fn self_and_any_allow_requests_to_the_application() {
    for (entry, http, https) in [
        ("http://self", true, false),
        ("https://self", false, true),
        ("*://self:*", true, true),
        ("http://self.alt", true, false),
        ("*://*:*", true, true),
        ("http://example.com", false, false),
    ] {
        let hosts = one(entry);
        assert_eq!((hosts.allows_self("http"), hosts.allows_self("https")), (http, https), "{entry}");
    }
}

#[test]
fn the_chaining_wildcard_stands_for_the_components() {
    let components: Vec<ComponentId> =
        ["activity", "HTTP-api"].iter().map(|id| id.parse().unwrap()).collect();
    let hosts = AllowedHosts::parse(["http://*.spin.internal"], &components).unwrap();
    for (url, allowed) in [
        ("http://activity.spin.internal", true),
        ("http://HTTP-api.spin.internal/x", true),
        ("http://other.spin.internal", false),
        ("http://spin.internal", false),
        ("https://activity.spin.internal", false),
        ("http://activity.spin.internal.evil.com", false),
    ] {
        assert_eq!(allows(&hosts, url), allowed, "{url}");
    }
}

#[test]
fn chaining_hosts_name_a_component() {
    for (host, component) in [
        ("activity.spin.internal", Some("activity")),
        ("HTTP-api.Spin.Internal", Some("HTTP-api")),
        ("spin.internal", None),
        (".spin.internal", None),
        ("a.b.spin.internal", None),
        ("activity.spin.internal.", None),
        ("activity.spin.internal.evil.com", None),
        ("activityspin.internal", None),
        ("é", None),
        ("", None),
    ] {
        let found = service_chaining_target(host);
        assert_eq!(found.as_ref().map(ComponentId::as_str), component, "{host}");
    }
}

#[test]
fn what_is_no_entry_is_refused() {
    for (entry, expected) in [
        ("insecure:allow-all", "really does allow everything"),
        ("", "write <scheme>://<host>"),
        ("*", "write <scheme>://<host>"),
        ("example.com", "write <scheme>://<host>"),
        ("://example.com", "is no scheme"),
        ("ht tp://example.com", "is no scheme"),
        ("{http,https}://example.com", "is no scheme"),
        ("ftp://example.com", "has no port of its own"),
        ("*://example.com", "has no port of its own"),
        ("https://", "the host is missing"),
        ("https://:80", "the host is missing"),
        ("https://example.com/path", "must have no path"),
        ("https://example.com:443/path", "must have no path"),
        ("https://user@example.com", "no user information"),
        ("https://user:pw@example.com", "is no port"),
        ("https://example.com?x", "is no host"),
        ("https://a.*.com", "only for the whole front"),
        ("https://*a.com", "only for the whole front"),
        ("https://*.*.com", "only for the whole front"),
        ("https://*.10.0.0.1", "no subdomains"),
        ("https://example.com:http", "is no port"),
        ("https://example.com:65536", "is no port"),
        ("https://example.com:+1", "is no port"),
        ("https://example.com:9000..8000", "no port is in"),
        ("https://example.com:80..80", "no port is in"),
        ("https://example.com:1..x", "is no port"),
        ("http://[::1", "without a ']'"),
        ("http://[::1]8080", "cannot follow the host"),
        ("http://10.0.0.0/33", "is no network"),
    ] {
        let error = AllowedHosts::parse([entry], []).unwrap_err().to_string();
        assert!(error.contains(expected), "{entry}: {error}");
    }
}
