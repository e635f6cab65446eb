//! Keys from values in the request, or in its extensions.

use std::{borrow::Cow, str};

use actix_web::{
    HttpMessage,
    dev::ServiceRequest,
    http::header::{AUTHORIZATION, AsHeaderName, HeaderName, HeaderValue},
};
#[cfg(feature = "cookies")]
use actix_web::{cookie::Cookie, http::header::COOKIE};
use limiter_core::{
    Key,
    log::{Throttle, event},
};

use super::absent;

/// Returns a key of the value of a header.
///
/// The key is missing if the header is missing or occurs more than once, because the limiter does not know which
/// value the application uses. It equals `Key::text("header NAME", value)`, with the name in lower case.
///
/// The client controls the value, and each new value gets a fresh count. Use it if outer middleware has verified the
/// value, or combine it with the [client's address](crate::key::client_address).
///
/// An invalid name is logged as an error with the code `L012`, and the key is always missing. If the first 1000 requests
/// lack the header, that is logged with `L065`.
///
/// ```
/// use limiter_actix::{Limit, Quota, key};
///
/// let limit = Limit::new(Quota::per_minute(100)).key(key::header("X-Api-Key"));
/// # let _ = limit;
/// ```
pub fn header(name: &str) -> impl Fn(&ServiceRequest) -> Key + Clone + Send + Sync + 'static + use<> {
    static INVALID: Throttle = Throttle::of("L012");
    let name = HeaderName::try_from(name)
        .inspect_err(|_| {
            event!(
                INVALID.permit_now(),
                ERROR,
                name = name,
                "invalid header name in a key: the key is always missing, so limits fall back to the limiter's key"
            );
        })
        .ok();
    let kind = name.as_ref().map(|name| format!("header {name}"));
    let watch = absent::Watch::default();
    move |req| {
        let value = name.as_ref().and_then(|name| only_value(req, name));
        if let Some(name) = &name
            && watch.never_comes(value.is_some() || req.headers().contains_key(name))
        {
            absent::log_header(name.as_str());
        }
        text(kind.as_deref(), value)
    }
}

/// Returns a key of the token in `Authorization: Bearer TOKEN` (RFC 6750, section 2.1).
///
/// The key is missing if there is no such header, or more than one. It equals `Key::text("bearer token", token)`. For
/// tokens that are not verified, see [`header`].
///
/// ```
/// use limiter_actix::{Limit, Quota, key};
///
/// let limit = Limit::new(Quota::per_minute(100)).key(key::bearer_token);
/// # let _ = limit;
/// ```
pub fn bearer_token(req: &ServiceRequest) -> Key {
    const SCHEME: &str = "Bearer ";
    let token = only_value(req, AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.split_at_checked(SCHEME.len())?;
        scheme.eq_ignore_ascii_case(SCHEME).then_some(token)
    });
    Key::text("bearer token", token.unwrap_or_default().trim())
}

/// Returns a key of the decoded value of a query parameter.
///
/// The key is missing if the parameter is missing or occurs more than once. It equals
/// `Key::text("query NAME", value)`. For values that clients control, see [`header`].
///
/// ```
/// use limiter_actix::{Limit, Quota, key};
///
/// // For `/search?token=abc`.
/// let limit = Limit::new(Quota::per_minute(100)).key(key::query("token"));
/// # let _ = limit;
/// ```
pub fn query(name: &str) -> impl Fn(&ServiceRequest) -> Key + Clone + Send + Sync + 'static + use<> {
    let (kind, name) = (format!("query {name}"), name.to_owned());
    move |req| {
        let pairs = form_urlencoded::parse(req.query_string().as_bytes());
        let value = only(pairs.filter(|(key, _)| *key == name));
        text(Some(&kind), value.as_ref().map(|(_, value)| &**value))
    }
}

/// Returns a key of the value of a cookie.
///
/// The key is missing if the cookie is missing. It equals `Key::text("cookie NAME", value)`. For values that clients
/// control, see [`header`].
///
/// ```
/// use limiter_actix::{Limit, Quota, key};
///
/// let limit = Limit::new(Quota::per_minute(100)).key(key::cookie("session"));
/// # let _ = limit;
/// ```
#[cfg(feature = "cookies")]
pub fn cookie(name: &str) -> impl Fn(&ServiceRequest) -> Key + Clone + Send + Sync + 'static + use<> {
    let (kind, name) = (format!("cookie {name}"), name.to_owned());
    move |req| text(Some(&kind), cookie_value(req, &name).as_deref())
}

/// Returns the decoded value of the first cookie of a name, as `HttpRequest::cookie` does.
///
/// That keeps all cookies of a request until it ends, and a client may send tens of thousands.
#[cfg(feature = "cookies")]
fn cookie_value(req: &ServiceRequest, name: &str) -> Option<String> {
    let mut found = None;
    for line in req.headers().get_all(COOKIE) {
        let line = str::from_utf8(line.as_bytes()).ok()?;
        let mut pairs = line.split(';').map(str::trim).filter(|pair| may_have_name(pair, name));
        found = found.or_else(|| {
            let cookie = pairs
                .find_map(|pair| Cookie::parse_encoded(pair).ok().filter(|cookie| cookie.name() == name))?;
            Some(cookie.value().to_owned())
        });
    }
    found
}

/// Returns whether the name of a cookie is this one, or may be once it is decoded.
#[cfg(feature = "cookies")]
fn may_have_name(pair: &str, name: &str) -> bool {
    let Some((own, _)) = pair.split_once('=') else { return false };
    let own = own.trim();
    own == name || (own.contains('%') && own.len() <= 3 * name.len())
}

/// Returns a key of a value in the request's extensions, such as the user that outer middleware has found.
///
/// The key is missing if there is no value of this type. If that is set only after the limiter has looked for it, a
/// warning is logged (`L066`): wrap the middleware that sets it after the limiter.
///
/// ```
/// use limiter_actix::{Key, Limiter, key};
///
/// struct User {
///     id: u64,
/// }
///
/// // By user, or by address if nobody is signed in.
/// let limiter = Limiter::builder()
///     .key(key::extension(|user: &User| Key::text("user", user.id)))
///     .build()?;
/// # let _ = limiter;
/// # Ok::<(), limiter_actix::BuildError>(())
/// ```
pub fn extension<T, F, K>(key: F) -> impl Fn(&ServiceRequest) -> Key + Send + Sync + 'static
where
    T: 'static,
    F: Fn(&T) -> K + Send + Sync + 'static,
    K: Into<Key>,
{
    let watch = absent::Watch::default();
    move |req| {
        let found = req.extensions().get::<T>().map(&key);
        if found.is_none() {
            absent::await_extension::<T>(req, &watch);
        }
        found.into()
    }
}

/// Returns the value of a header that occurs once, as text.
fn only_value(req: &ServiceRequest, name: impl AsHeaderName) -> Option<&str> {
    let value = only(req.headers().get_all(name))?;
    str::from_utf8(HeaderValue::as_bytes(value)).ok().map(str::trim)
}

fn only<T>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn text(kind: Option<&str>, value: Option<&str>) -> Key {
    match (kind, value) {
        (Some(kind), Some(value)) => Key::text(Cow::Owned(kind.to_owned()), value),
        _ => Key::missing(),
    }
}
