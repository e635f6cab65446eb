//! Who the client is: ready-made keys.
//!
//! Each is a function of the request, for `.key(..)` of a builder or a limit and for `key = ..` of an attribute.
//! They are put together with [`KeyExt`].
//!
//! ```
//! use actix_web::{HttpResponse, Responder, get};
//! use limiter_actix::{Limiter, TrustedProxies, key::{self, KeyExt}, limit};
//!
//! // By API key, and by address where there is none.
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
//! What a request lacks never makes it unlimited: a key that is missing or empty falls back to the limiter's own
//! key, and that to the [client's address](client_address).

pub(crate) mod address;
mod compose;
mod node;
pub(crate) mod proxies;
mod values;

use self::address::IPV6_PREFIXES;

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use limiter_core::Key;

#[cfg(feature = "cookies")]
pub use self::values::cookie;
pub use self::{
    compose::KeyExt,
    values::{bearer_token, extension, header, query},
};

/// The client's address: that of the connection, or what [trusted
/// proxies](crate::LimiterBuilder::trusted_proxies) say it is.
///
/// IPv4 addresses count one by one, also where a socket for both families dresses them as IPv6; IPv6 addresses
/// count by their first 64 bits, or as [set](crate::LimiterBuilder::ipv6_prefix). This is the key of limiters
/// and limits that have no other.
///
/// A connection without an address (a Unix socket, a request made by a test) counts under one key that all
/// such connections share; the first is logged.
///
/// ```
/// use limiter_actix::{key::{self, KeyExt}, Limit, Quota};
///
/// let limit = Limit::new(Quota::per_minute(5)).key(key::query("tenant").and(key::client_address));
/// # let _ = limit;
/// ```
pub fn client_address(req: &ServiceRequest) -> Key {
    address::in_force(req, |set| set.key(req))
}

/// The client's address by the first `ipv6_prefix` bits of an IPv6 address, 32 to 128, whatever the limiter has
/// [set](crate::LimiterBuilder::ipv6_prefix): for a second, coarser limit on whole networks.
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
    move |req| address::in_force(req, |set| address::key(set.of(req), ipv6_prefix))
}

/// The address of the connection, whoever is behind it. Behind a proxy, that is the proxy's.
pub fn peer_address(req: &ServiceRequest) -> Key {
    address::in_force(req, |set| address::key(address::peer(req), set.ipv6_prefix))
}

/// The client's whole address, for keys that are made of it: a country, a network's owner. None where the
/// connection has no address.
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
    address::in_force(req, |set| set.of(req))
}
