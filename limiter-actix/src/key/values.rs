//! Keys that are sent with the request, or set by other middleware.

use std::{borrow::Cow, str};

use actix_web::{
    HttpMessage,
    dev::ServiceRequest,
    http::header::{AUTHORIZATION, AsHeaderName, HeaderName, HeaderValue},
};
use limiter_core::Key;

/// The value of a header. Missing when the header is, and when it comes more than once: which of the values the
/// application takes for true is not known here.
///
/// Its keys are those of `Key::text("header NAME", value)`, with the name in lower case. A client chooses the
/// value, and each new one has a fresh count: use it where something further out has checked it, or together
/// with the [client's address](crate::key::client_address).
///
/// A name that no header can have is logged as an error, and its key is always missing.
///
/// ```
/// use limiter_actix::{Limit, Quota, key};
///
/// let limit = Limit::new(Quota::per_minute(100)).key(key::header("X-Api-Key"));
/// # let _ = limit;
/// ```
pub fn header(name: &str) -> impl Fn(&ServiceRequest) -> Key + Clone + Send + Sync + 'static + use<> {
    let name = HeaderName::try_from(name)
        .inspect_err(|_| {
            tracing::error!(
                code = "L012",
                name,
                "no header can have this name: its key is always missing, and limits fall back to the limiter's key"
            );
        })
        .ok();
    let kind = name.as_ref().map(|name| format!("header {name}"));
    move |req| {
        let value = name.as_ref().and_then(|name| only_value(req, name));
        text(kind.as_deref(), value)
    }
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750, section 2.1). Missing when there is none, or more than
/// one such header.
///
/// Its keys are those of `Key::text("bearer token", token)`. A token that nobody has checked is a fresh count
/// whenever the client makes up another one: see [`header`].
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

/// The value of a parameter of the query, decoded. Missing when the parameter is, and when it stands there more
/// than once.
///
/// Its keys are those of `Key::text("query NAME", value)`. For values that clients make up, see [`header`].
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

/// The value of a cookie.
///
/// Its keys are those of `Key::text("cookie NAME", value)`. For values that clients make up, see [`header`].
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
    move |req| {
        let cookie = req.cookie(&name);
        text(Some(&kind), cookie.as_ref().map(actix_web::cookie::Cookie::value))
    }
}

/// What middleware further out has put into the request's extensions: the user it has found, say. Missing
/// where there is no such value.
///
/// ```
/// use limiter_actix::{Key, Limiter, key};
///
/// struct User {
///     id: u64,
/// }
///
/// // By user, and whoever is not signed in by address.
/// let limiter = Limiter::builder()
///     .key(key::extension(|user: &User| Key::text("user", user.id.to_string())))
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
    move |req| req.extensions().get::<T>().map(&key).into()
}

/// The value of a header that came once, as text.
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
