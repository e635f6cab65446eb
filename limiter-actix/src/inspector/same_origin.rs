//! Checks that a request comes from this server's own pages, or from no page at all.

use actix_web::{
    HttpRequest,
    http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN},
};

/// A name of this server that a request was sent to, without the port.
struct HostName<'a>(&'a str);

/// Returns the `Host` of a request, with its port. `None` if it has none, or several.
fn host(req: &HttpRequest) -> Option<&str> {
    match req.uri().authority() {
        // The authority of HTTP/2, or of a request for a proxy.
        Some(authority) => Some(authority.as_str()),
        None => only(req.headers(), &HOST),
    }
}

/// Returns whether the host of a request is one that this server is known under.
///
/// A page of an attacker may rebind its name to this address. The browser then sends that name, and counts both as the
/// same origin. It cannot do so with an address.
pub(super) fn is_known_host(req: &HttpRequest, hosts: &[String]) -> bool {
    host(req).is_some_and(|host| HostName::of(host).is_known(hosts))
}

/// Returns whether a change was sent by a page of this server, or by a program that is no browser.
///
/// Browsers send `Origin` with each POST, and recent ones `Sec-Fetch-Site`, and pages cannot change either. JSON keeps
/// forms of other pages away too: a browser asks before it sends that from another origin, and gets no consent.
pub(super) fn is_same_origin(req: &HttpRequest, hosts: &[String]) -> bool {
    const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    let headers = req.headers();
    let is_same_site = match headers.get(&SEC_FETCH_SITE) {
        None => true,
        Some(_) => only(headers, &SEC_FETCH_SITE) == Some("same-origin"),
    };
    let is_own_page = match headers.get(&ORIGIN) {
        None => true,
        Some(_) => only(headers, &ORIGIN).is_some_and(|origin| is_own(origin, host(req), hosts)),
    };
    is_same_site && is_own_page
}

/// Returns whether the body is declared as JSON.
pub(super) fn is_json(req: &HttpRequest) -> bool {
    let value = only(req.headers(), &CONTENT_TYPE).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// Returns whether an origin is that of this server. A proxy may have changed the host, so names that are set count too.
fn is_own(origin: &str, host: Option<&str>, hosts: &[String]) -> bool {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| {
        let is_host = host.is_some_and(|host| host.eq_ignore_ascii_case(authority));
        is_host || HostName::of(authority).is_listed(hosts)
    })
}

/// Returns the value of a header that a request has once.
fn only<'r>(headers: &'r HeaderMap, name: &HeaderName) -> Option<&'r str> {
    let mut values = headers.get_all(name);
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

impl<'a> HostName<'a> {
    fn of(authority: &'a str) -> Self {
        let is_port = |port: &str| port.bytes().all(|it| it.is_ascii_digit());
        // Of an IPv6 address in brackets, the last colon may be a part.
        let end = if authority.ends_with(']') { None } else { authority.rsplit_once(':') };
        Self(end.filter(|(_, port)| is_port(port)).map_or(authority, |(name, _)| name))
    }

    fn is_known(&self, hosts: &[String]) -> bool {
        let bare = self.0.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(self.0);
        bare.parse::<std::net::IpAddr>().is_ok()
            || self.0.eq_ignore_ascii_case("localhost")
            || self.is_listed(hosts)
    }

    fn is_listed(&self, hosts: &[String]) -> bool {
        hosts.iter().any(|known| known.eq_ignore_ascii_case(self.0))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn with(headers: &[(&str, &str)]) -> HttpRequest {
        headers
            .iter()
            .fold(TestRequest::default(), |req, header| req.append_header(*header))
            .to_http_request()
    }

    fn hosts() -> Vec<String> {
        vec!["ops.example.com".to_owned()]
    }

    #[test]
    fn hosts_are_addresses_or_set_by_name() {
        for known in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "localhost:80",
            "LOCALHOST",
            "Ops.Example.com:443",
        ] {
            assert!(is_known_host(&with(&[("host", known)]), &hosts()), "{known}");
        }
        for other in [
            "",
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "127.0.0.1:a",
            "[::1",
        ] {
            assert!(!is_known_host(&with(&[("host", other)]), &hosts()), "{other}");
        }
        assert!(!is_known_host(&with(&[]), &hosts()));
        assert!(!is_known_host(&with(&[("host", "127.0.0.1"), ("host", "evil.example")]), &hosts()));
    }

    #[test]
    fn changes_come_from_own_pages_or_from_none() {
        let is_own = |headers: &[(&str, &str)]| {
            let all: Vec<_> = headers.iter().copied().chain([("host", "127.0.0.1:8080")]).collect();
            is_same_origin(&with(&all), &hosts())
        };
        for own in [
            &[][..],
            &[("origin", "http://127.0.0.1:8080")],
            &[("origin", "https://ops.example.com")],
            &[("sec-fetch-site", "same-origin")],
            &[("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(is_own(own), "{own:?}");
        }
        for other in [
            &[("origin", "http://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "")],
            &[("origin", "http://127.0.0.1:8081")],
            &[("origin", "http://127.0.0.1:8080.evil.example")],
            &[("origin", "http://ops.example.com@evil.example")],
            &[("origin", "file://127.0.0.1:8080")],
            &[("origin", "http://127.0.0.1:8080"), ("origin", "http://evil.example")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "cross-site")],
        ] {
            assert!(!is_own(other), "{other:?}");
        }
    }

    #[test]
    fn only_json_is_json() {
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("text/plain; application/json", false),
            ("application/json5", false),
            ("", false),
        ] {
            assert_eq!(is_json(&with(&[("content-type", value)])), expected, "{value}");
        }
        assert!(!is_json(&with(&[])));
    }
}
