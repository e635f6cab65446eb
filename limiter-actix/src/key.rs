//! Ready-made keys, which identify the client.
//!
//! Each is a function of the request, for `.key(..)` of a builder or a limit, and for `key = ..` of an attribute.
//! [`KeyExt`] combines them.
//!
//! ```
//! use actix_web::{HttpResponse, Responder, get};
//! use limiter_actix::{Limiter, TrustedProxies, key::{self, KeyExt}, limit};
//!
//! // By API key, or by address if there is none.
//! #[limit("100/minute", key = key::header("x-api-key"))]
//! // By API key and address.
//! #[limit("10/second", key = key::header("x-api-key").and(key::client_address))]
//! #[get("/search")]
//! async fn search() -> impl Responder {
//!     HttpResponse::Ok()
//! }
//!
//! let limiter = Limiter::builder()
//!     .trusted_proxies(TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8"]))
//!     .default_limits("1000/hour")
//!     .build()?;
//! # let _ = limiter;
//! # Ok::<(), limiter_actix::BuildError>(())
//! ```
//!
//! A missing or empty key never lifts a limit. The key of a limit falls back to the limiter's own key, and that to
//! the [client's address](client_address).

pub(crate) mod absent;
pub(crate) mod address;
mod compose;
mod node;
pub(crate) mod proxies;
mod setup;
mod texts;
mod values;

use self::address::IPV6_PREFIXES;

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use limiter_core::Key;

#[cfg(feature = "cookies")]
pub use self::values::cookie;
pub use self::{
    compose::KeyExt,
    texts::{field, path},
    values::{bearer_token, extension, header, query},
};

/// Returns the client's address as a key. This is the default key of a limiter.
///
/// The address is that of the connection, or the one that [trusted
/// proxies](crate::LimiterBuilder::trusted_proxies) report. Each IPv4 address is a client, including IPv4-mapped
/// IPv6 addresses of a dual-stack socket. IPv6 addresses count by their first 64 bits, or by the limiter's
/// [`ipv6_prefix`](crate::LimiterBuilder::ipv6_prefix).
///
/// All connections without an address (Unix sockets, requests made by tests) share one key. The first one is
/// logged with the code `L005`.
///
/// ```
/// use limiter_actix::{key::{self, KeyExt}, Limit, Quota};
///
/// let limit = Limit::new(Quota::per_minute(5)).key(key::query("tenant").and(key::client_address));
/// # let _ = limit;
/// ```
pub fn client_address(req: &ServiceRequest) -> Key {
    address::with_current(req, |current| current.key(req))
}

/// Returns a key of the client's network, for a second, coarser limit.
///
/// IPv6 addresses count by their first `ipv6_prefix` bits, 32 to 128, whatever the limiter's
/// [`ipv6_prefix`](crate::LimiterBuilder::ipv6_prefix) is. Values outside this range are clamped to it. IPv4
/// addresses count in full.
///
/// ```
/// use actix_web::{HttpResponse, Responder, post};
/// use limiter_actix::{key, limit};
///
/// #[limit("5/hour")]
/// #[limit("50/hour", key = key::client_network(48))]
/// #[post("/accounts")]
/// async fn create_account() -> impl Responder {
///     HttpResponse::Created()
/// }
/// ```
pub fn client_network(ipv6_prefix: u8) -> impl Fn(&ServiceRequest) -> Key + Clone + Send + Sync + 'static {
    let ipv6_prefix = ipv6_prefix.clamp(*IPV6_PREFIXES.start(), *IPV6_PREFIXES.end());
    move |req| address::with_current(req, |current| address::key(current.of(req), ipv6_prefix))
}

/// Returns the address of the connection as a key. Behind a proxy, that is the address of the proxy.
pub fn peer_address(req: &ServiceRequest) -> Key {
    address::with_current(req, |current| address::key(address::peer(req), current.ipv6_prefix))
}

/// Returns the client's full address, for keys derived from it, such as a country.
///
/// Returns `None` if the connection has no address.
///
/// ```
/// use actix_web::dev::ServiceRequest;
/// use limiter_actix::{Key, key};
///
/// # fn country_of(_: std::net::IpAddr) -> Option<&'static str> { None }
/// fn by_country(req: &ServiceRequest) -> Option<Key> {
///     let country = country_of(key::client_ip(req)?)?;
///     Some(Key::text("country", country))
/// }
/// # let _ = limiter_actix::Limiter::builder().key(by_country);
/// ```
pub fn client_ip(req: &ServiceRequest) -> Option<IpAddr> {
    address::with_current(req, |current| current.of(req))
}
