//! Finds the client behind trusted proxies.

pub(crate) mod error;
mod forwarded;
mod hops;
pub(crate) mod network;
pub(super) mod trace;

use std::net::IpAddr;

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName, X_FORWARDED_FOR};
use ipnet::IpNet;

pub use self::error::TrustedProxiesError;
use self::hops::{Hops, Syntax};

/// The number of entries read at most. No real chain is longer; clients add the rest.
const MAX_HOPS: usize = 64;

/// The proxies whose forwarding header the limiter trusts.
///
/// It has three settings, none of which the limiter can guess:
///
/// 1. The header. The limiter reads exactly one: [`X-Forwarded-For`](Self::x_forwarded_for),
///    [`Forwarded`](Self::forwarded) (RFC 7239), or [one with a single address](Self::header). Choose a header that
///    the nearest proxy writes itself. Clients can forge any other.
/// 2. The trusted proxies: their [networks](Self::networks), or their [number](Self::hops).
/// 3. Whether proxies connect through a [Unix socket](Self::unix_sockets).
///
/// ```
/// use limiter_actix::{Limiter, TrustedProxies};
///
/// let limiter = Limiter::builder()
///     .trusted_proxies(TrustedProxies::x_forwarded_for().networks(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]))
///     .build()?;
/// # let _ = limiter;
/// # Ok::<(), limiter_actix::BuildError>(())
/// ```
///
/// The limiter reads the header from the right, where the nearest proxy has added the address that connected to it.
/// As long as the current address is trusted, it moves on to the next entry. The first address that is not trusted
/// is the client. Several header lines form one list.
///
/// If an entry is not an IP address (`unknown`, an obfuscated name, empty, garbage), the walk stops at the last
/// valid one. Clients behind that hop share a count; none can choose whose. The walk also stops after 64 entries or
/// 8 kB.
#[derive(Clone, Debug)]
#[must_use]
pub struct TrustedProxies {
    header: HeaderName,
    syntax: Syntax,
    networks: Option<Vec<IpNet>>,
    hops: Option<usize>,
    unix_sockets: bool,
    /// The first error, returned by the limiter's `build`.
    error: Option<TrustedProxiesError>,
}

impl TrustedProxies {
    /// Trusts proxies that append the address of their client to `X-Forwarded-For`, as most proxies do.
    pub fn x_forwarded_for() -> Self {
        Self::new(X_FORWARDED_FOR, Syntax::List)
    }

    /// Trusts proxies that append an element to `Forwarded` (RFC 7239).
    pub fn forwarded() -> Self {
        Self::new(FORWARDED, Syntax::Forwarded)
    }

    /// Trusts proxies that write a single address into a header, such as `CF-Connecting-IP` or `X-Real-IP`.
    ///
    /// The proxy must replace the client's header of that name. If there are several, the last one applies.
    /// `X-Forwarded-For` and `Forwarded` are still read as lists.
    pub fn header(name: &str) -> Self {
        match HeaderName::try_from(name) {
            Ok(name) if name == X_FORWARDED_FOR => Self::x_forwarded_for(),
            Ok(name) if name == FORWARDED => Self::forwarded(),
            Ok(name) => Self::new(name, Syntax::Single),
            Err(_) => Self { error: Some(TrustedProxiesError::Header(name.to_owned())), ..Self::none() },
        }
    }

    /// Trusts no proxy: the peer address is the client. This is the default; setting it explicitly silences `L011`.
    pub fn none() -> Self {
        Self::x_forwarded_for().networks::<[&str; 0], _>([])
    }

    fn new(header: HeaderName, syntax: Syntax) -> Self {
        Self { header, syntax, networks: None, hops: None, unix_sockets: false, error: None }
    }

    /// Trusts proxies in these networks: `10.0.0.0/8`, `2001:db8::/32`, or single addresses. May be called more than
    /// once.
    pub fn networks<I, N>(mut self, networks: I) -> Self
    where
        I: IntoIterator<Item = N>,
        N: AsRef<str>,
    {
        let known = self.networks.get_or_insert_default();
        for text in networks {
            let text = text.as_ref();
            known.extend(network::parse(text).or_else(|| {
                self.error.get_or_insert_with(|| TrustedProxiesError::Network(text.to_owned()));
                None
            }));
        }
        self
    }

    /// Trusts this many entries from the right: the number of proxies in front of the server.
    ///
    /// Use it without [networks](Self::networks) if the addresses of the proxies are unknown, as in many clouds. Every
    /// connection is then trusted, so *only the nearest proxy may be able to reach the server*. With networks, both
    /// must agree.
    pub fn hops(mut self, hops: usize) -> Self {
        if hops == 0 {
            self.error.get_or_insert(TrustedProxiesError::NoHops);
        }
        self.hops = Some(hops);
        self
    }

    /// Sets whether connections through a Unix socket, which have no address, come from a trusted proxy. Defaults to
    /// `false`.
    pub fn unix_sockets(mut self, trusted: bool) -> Self {
        self.unix_sockets = trusted;
        self
    }

    /// Returns the client's address: that of the connection, or the one that trusted proxies report.
    ///
    /// Returns `None` if there were only Unix sockets on the way. The limiter calls this for each request. Call it
    /// yourself to test a setting on a recorded request. Invalid settings, which `build()` rejects, trust no proxy.
    ///
    /// ```
    /// use actix_web::test::TestRequest;
    /// use limiter_actix::TrustedProxies;
    ///
    /// let proxies = TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8"]);
    /// let req = TestRequest::default().insert_header(("X-Forwarded-For", "6.6.6.6, 192.0.2.7")).to_http_request();
    ///
    /// let through_a_proxy = proxies.client(Some([10, 0, 0, 1].into()), req.headers());
    /// assert_eq!(through_a_proxy, Some([192, 0, 2, 7].into()));
    ///
    /// let by_itself = proxies.client(Some([203, 0, 113, 9].into()), req.headers());
    /// assert_eq!(by_itself, Some([203, 0, 113, 9].into()));
    /// ```
    #[must_use]
    pub fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let mut client = peer.map(|address| address.to_canonical());
        if !self.trusts(client) {
            return client;
        }
        let mut hops = Hops::new(headers, &self.header, self.syntax);
        for _ in 0..self.hops.unwrap_or(MAX_HOPS).min(MAX_HOPS) {
            if !self.trusts(client) {
                break;
            }
            let Some(address) = hops.next() else { break };
            client = Some(address);
        }
        client
    }

    fn trusts(&self, hop: Option<IpAddr>) -> bool {
        let is_trusted = match (hop, &self.networks) {
            (None, _) => self.unix_sockets,
            (Some(address), Some(networks)) => networks.iter().any(|network| network.contains(&address)),
            (Some(_), None) => self.hops.is_some(),
        };
        is_trusted && self.error.is_none()
    }

    /// Returns the first error in these settings.
    pub(crate) fn check(&self) -> Result<(), TrustedProxiesError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let Some(networks) = &self.networks else {
            let trusts_any = self.hops.is_some() || self.unix_sockets;
            return if trusts_any { Ok(()) } else { Err(TrustedProxiesError::Nobody) };
        };
        if self.hops.is_none() && networks.iter().any(|network| network.prefix_len() == 0) {
            network::warn_all_trusted();
        }
        Ok(())
    }
}
