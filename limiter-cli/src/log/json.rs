//! JSON lines of nginx, Caddy and Traefik.

use std::{borrow::Cow, fmt, net::IpAddr};

use limiter_actix::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;

use super::fields::{Fields, InvalidLine, request_line};
use crate::{
    args::Format,
    time::{self, CommonTime},
};

/// The fields that are read. Those of nginx have the names of its variables.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct JsonLine<'a> {
    remote_addr: Text<'a>,
    time_iso8601: Text<'a>,
    time_local: Text<'a>,
    msec: Text<'a>,
    request: Request<'a>,
    request_method: Text<'a>,
    request_uri: Text<'a>,
    // Other usual names.
    time: Text<'a>,
    timestamp: Text<'a>,
    #[serde(rename = "@timestamp")]
    at_timestamp: Text<'a>,
    method: Text<'a>,
    uri: Text<'a>,
    // Caddy, beside `request`.
    ts: Text<'a>,
    // Traefik.
    #[serde(rename = "ClientHost")]
    client_host: Text<'a>,
    #[serde(rename = "ClientAddr")]
    client_addr: Text<'a>,
    #[serde(rename = "RequestMethod")]
    traefik_method: Text<'a>,
    #[serde(rename = "RequestPath")]
    traefik_path: Text<'a>,
    #[serde(rename = "StartUTC")]
    start_utc: Text<'a>,
    #[serde(rename = "StartLocal")]
    start_local: Text<'a>,
}

/// The request of Caddy.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct CaddyRequest<'a> {
    client_ip: Text<'a>,
    remote_ip: Text<'a>,
    remote_addr: Text<'a>,
    method: Text<'a>,
    uri: Text<'a>,
}

/// A text or a number as text; empty if there is none.
#[derive(Clone, Default)]
struct Text<'a>(Cow<'a, str>);

/// The field `request`: a request line of nginx, or an object of Caddy.
#[derive(Default)]
enum Request<'a> {
    #[default]
    Missing,
    Line(Text<'a>),
    Caddy(Box<CaddyRequest<'a>>),
}

pub(super) fn parse(line: &[u8], format: Format, wants_headers: bool) -> Result<Fields<'_>, InvalidLine> {
    let text = str::from_utf8(line).map_err(|_| InvalidLine::Json)?;
    let fields: JsonLine<'_> = serde_json::from_str(text).map_err(|_| InvalidLine::Json)?;
    let kind = match &fields.request {
        Request::Caddy(_) => Format::Caddy,
        _ if !fields.traefik_method.0.is_empty() => Format::Traefik,
        _ => Format::Nginx,
    };
    if format != Format::Auto && format != kind {
        return Err(InvalidLine::OtherFormat);
    }
    let headers = if wants_headers { headers(text, kind) } else { Vec::new() };
    Ok(Fields { headers, ..fields.parts()? })
}

impl<'a> JsonLine<'a> {
    fn parts(self) -> Result<Fields<'a>, InvalidLine> {
        let at = self.at().ok_or(InvalidLine::Time)?;
        let Self { remote_addr, request, request_method, request_uri, method, uri, .. } = self;
        let (client, method, target) = match request {
            Request::Caddy(caddy) => {
                (first([caddy.client_ip, caddy.remote_ip, caddy.remote_addr]), caddy.method, caddy.uri)
            }
            _ if !self.traefik_method.0.is_empty() => {
                (first([self.client_host, self.client_addr]), self.traefik_method, self.traefik_path)
            }
            Request::Line(line) => {
                let (method, target) = split(line)?;
                (remote_addr, method, target)
            }
            Request::Missing => (remote_addr, first([request_method, method]), first([request_uri, uri])),
        };
        let client = address(&client.0).ok_or(InvalidLine::Client)?;
        if method.0.is_empty() || target.0.is_empty() {
            return Err(InvalidLine::Request);
        }
        let target = match target.0 {
            Cow::Borrowed(target) => Cow::Borrowed(target.as_bytes()),
            Cow::Owned(target) => Cow::Owned(target.into_bytes()),
        };
        Ok(Fields { at, client, method: method.0, target, headers: Vec::new() })
    }

    /// Returns the most exact time that there is.
    fn at(&self) -> Option<Timestamp> {
        let exact = [&self.msec, &self.ts, &self.start_utc, &self.start_local];
        let others = [&self.time_iso8601, &self.at_timestamp, &self.timestamp, &self.time, &self.time_local];
        let text = exact.into_iter().chain(others).find(|text| !text.0.is_empty())?;
        time::parse(&text.0).or_else(|| CommonTime::default().parse(text.0.as_bytes()))
    }
}

fn first<const N: usize>(texts: [Text<'_>; N]) -> Text<'_> {
    texts.into_iter().find(|text| !text.0.is_empty()).unwrap_or_default()
}

/// Splits a request line.
fn split(line: Text<'_>) -> Result<(Text<'_>, Text<'_>), InvalidLine> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match line.0 {
        Cow::Borrowed(line) => {
            let (method, target) = request_line(line.as_bytes())?;
            let target = str::from_utf8(target).map_err(|_| InvalidLine::Request)?;
            Ok((Text(method.into()), Text(target.into())))
        }
        Cow::Owned(line) => {
            let (method, target) = request_line(line.as_bytes())?;
            Ok((Text(method.to_owned().into()), Text(text(target).into())))
        }
    }
}

/// Parses an address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse().ok().map(|address: std::net::SocketAddr| address.ip()))
}

/// Returns the headers that a line has: an object of Caddy, `http_user_agent` of nginx, `request_User-Agent` of Traefik.
fn headers(text: &str, kind: Format) -> Vec<(String, String)> {
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else { return Vec::new() };
    if kind == Format::Caddy {
        let headers = fields.get("request").and_then(|request| request.get("headers"));
        let headers = headers.and_then(Value::as_object).into_iter().flatten();
        let each = headers.flat_map(|(name, values)| {
            values
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|value| Some((name.clone(), value.as_str()?.to_owned())))
        });
        return each.collect();
    }
    let name = |field: &str| match kind {
        Format::Traefik => field.strip_prefix("request_").map(str::to_owned),
        _ => field.strip_prefix("http_").map(|name| name.replace('_', "-")),
    };
    let each = fields.iter().filter_map(|(field, value)| Some((name(field)?, value.as_str()?.to_owned())));
    each.filter(|(_, value)| !value.is_empty() && value != "-").collect()
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Text::default())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Text::default())
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Text::default())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Request<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RequestVisitor)
    }
}

struct RequestVisitor;

impl<'de> Visitor<'de> for RequestVisitor {
    type Value = Request<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request line or an object")
    }

    fn visit_borrowed_str<E: Error>(self, line: &'de str) -> Result<Self::Value, E> {
        Ok(Request::Line(Text(Cow::Borrowed(line))))
    }

    fn visit_str<E: Error>(self, line: &str) -> Result<Self::Value, E> {
        Ok(Request::Line(Text(Cow::Owned(line.to_owned()))))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Request::Missing)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        CaddyRequest::deserialize(MapAccessDeserializer::new(map))
            .map(|request| Request::Caddy(Box::new(request)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NGINX: &str = r#"{"time_iso8601":"2026-10-09T13:55:36+00:00","remote_addr":"192.0.2.7","request":"GET /a?b=\u0063 HTTP/1.1","status":200,"http_x_api_key":"k","http_referer":"-"}"#;
    const NGINX_PARTS: &str = r#"{"msec":"1791554136.000","remote_addr":"192.0.2.7","request_method":"GET","request_uri":"/a?b=c","status":"200"}"#;
    const CADDY: &str = r#"{"level":"info","ts":1791554136.0,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"10.0.0.1","remote_port":"4711","client_ip":"192.0.2.7","proto":"HTTP/2.0","method":"GET","host":"example.com","uri":"/a?b=c","headers":{"X-Api-Key":["k"],"Accept":["*/*"]}},"status":200,"duration":0.001}"#;
    const TRAEFIK: &str = r#"{"ClientAddr":"192.0.2.7:4711","ClientHost":"192.0.2.7","RequestMethod":"GET","RequestPath":"/a?b=c","StartUTC":"2026-10-09T13:55:36Z","time":"2026-10-09T13:55:40Z","DownstreamStatus":200,"request_X-Api-Key":"k"}"#;

    #[test]
    fn lines_of_three_servers() {
        for (line, format) in [
            (NGINX, Format::Nginx),
            (NGINX_PARTS, Format::Nginx),
            (CADDY, Format::Caddy),
            (TRAEFIK, Format::Traefik),
        ] {
            for format in [Format::Auto, format] {
                let entry =
                    parse(line.as_bytes(), format, false).unwrap_or_else(|error| panic!("{line}: {error}"));
                assert_eq!((&*entry.method, &*entry.target), ("GET", &b"/a?b=c"[..]), "{line}");
                assert_eq!(entry.client.to_string(), "192.0.2.7", "{line}");
                assert_eq!(time::shown(entry.at), "2026-10-09T13:55:36Z", "{line}");
            }
        }
        assert_eq!(parse(CADDY.as_bytes(), Format::Nginx, false), Err(InvalidLine::OtherFormat));
    }

    #[test]
    fn headers_are_read_if_wanted() {
        for line in [NGINX, CADDY, TRAEFIK] {
            let headers = parse(line.as_bytes(), Format::Auto, true).expect("a valid line").headers;
            let key = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-api-key"));
            assert_eq!(key.map(|(_, value)| value.as_str()), Some("k"), "{line}");
            assert!(!headers.iter().any(|(_, value)| value == "-"), "{line}");
        }
    }

    #[test]
    fn broken_lines_have_reasons() {
        for (line, expected) in [
            ("{", InvalidLine::Json),
            ("{\"msec\":1}", InvalidLine::Client),
            ("{\"remote_addr\":\"192.0.2.7\",\"request\":\"GET / HTTP/1.1\"}", InvalidLine::Time),
            ("{\"msec\":1,\"remote_addr\":\"unix:\",\"request\":\"GET / HTTP/1.1\"}", InvalidLine::Client),
            ("{\"msec\":1,\"remote_addr\":\"192.0.2.7\",\"request\":\"\"}", InvalidLine::Request),
            ("{\"msec\":1,\"remote_addr\":\"192.0.2.7\"}", InvalidLine::Request),
            ("{\"msec\":{\"a\":[1]},\"remote_addr\":[[]],\"request\":null}", InvalidLine::Time),
        ] {
            assert_eq!(parse(line.as_bytes(), Format::Auto, true), Err(expected), "{line}");
        }
        assert_eq!(parse(b"{\"msec\":1,\"a\":\"\xff\"}", Format::Auto, false), Err(InvalidLine::Json));
    }
}
