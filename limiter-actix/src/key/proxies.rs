//! Clients behind proxies.

pub(crate) mod error;
mod forwarded;
mod hops;
mod network;

use std::net::IpAddr;

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName, X_FORWARDED_FOR};
use ipnet::IpNet;

pub use self::error::TrustedProxiesError;
use self::hops::{Hops, Syntax};

/// No real chain is longer; what a client adds on the left is not worth reading.
const MAX_HOPS: usize = 64;

/// The proxies that are believed when they say whose request they pass on.
///
/// It takes three decisions, none of which can be guessed:
///
/// 1. *The header.* Exactly one is read: [`X-Forwarded-For`](Self::x_forwarded_for),
///    [`Forwarded`](Self::forwarded) (RFC 7239), or [one with a single address](Self::header). It must be one
///    that the nearest proxy sets or adds to whatever a client sends; any other is the client's to forge.
/// 2. *Who is believed*: the proxies' [networks](Self::networks), or [how many](Self::hops) they are.
/// 3. Whether they come through a [Unix socket](Self::unix_sockets).
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
/// The header is read from the right, where the nearest proxy writes: while the address reached so far is a
/// trusted one, the next entry is believed. The first address that is not trusted is the client. All lines of
/// the header are one list. An entry that is no address (`unknown`, an obfuscated name, nothing, garbage) ends
/// the walk at the last address reached, so clients behind it are counted together but never as somebody of
/// their choice; so does the end of 64 entries or 8 kB.
#[derive(Clone, Debug)]
#[must_use]
pub struct TrustedProxies {
    header: HeaderName,
    syntax: Syntax,
    networks: Option<Vec<IpNet>>,
    hops: Option<usize>,
    unix_sockets: bool,
    /// What was wrong on the way, for the limiter's `build`.
    error: Option<TrustedProxiesError>,
}

impl TrustedProxies {
    /// Proxies that append the address of whoever connects to them to `X-Forwarded-For`, as most do.
    pub fn x_forwarded_for() -> Self {
        Self::new(X_FORWARDED_FOR, Syntax::List)
    }

    /// Proxies that append an element to `Forwarded` (RFC 7239).
    pub fn forwarded() -> Self {
        Self::new(FORWARDED, Syntax::Forwarded)
    }

    /// Proxies that put the client's address alone into a header, such as `CF-Connecting-IP` or `X-Real-IP`,
    /// and replace what a client sends under that name. When it comes several times, the last counts.
    ///
    /// `X-Forwarded-For` and `Forwarded` are read as the lists they are.
    pub fn header(name: &str) -> Self {
        match HeaderName::try_from(name) {
            Ok(name) if name == X_FORWARDED_FOR => Self::x_forwarded_for(),
            Ok(name) if name == FORWARDED => Self::forwarded(),
            Ok(name) => Self::new(name, Syntax::Single),
            Err(_) => Self { error: Some(TrustedProxiesError::Header(name.to_owned())), ..Self::none() },
        }
    }

    /// Nobody: clients connect directly, and whatever they claim is not read. This is so anyway where nothing is
    /// set; said aloud, it is no longer asked whether a proxy was forgotten (`L011`).
    pub fn none() -> Self {
        Self::x_forwarded_for().networks::<[&str; 0], _>([])
    }

    fn new(header: HeaderName, syntax: Syntax) -> Self {
        Self { header, syntax, networks: None, hops: None, unix_sockets: false, error: None }
    }

    /// Believes proxies in these networks: `10.0.0.0/8`, `2001:db8::/32`, or single addresses. May be called
    /// several times.
    pub fn networks<I, N>(mut self, networks: I) -> Self
    where
        I: IntoIterator<Item = N>,
        N: AsRef<str>,
    {
        let known = self.networks.get_or_insert_default();
        for text in networks {
            let text = text.as_ref();
            known.extend(network::read(text).or_else(|| {
                self.error.get_or_insert_with(|| TrustedProxiesError::Network(text.to_owned()));
                None
            }));
        }
        self
    }

    /// Believes this many entries from the right, which is how many proxies stand in front of the server.
    ///
    /// Without [networks](Self::networks) it is for addresses that cannot be known, as in many clouds: then
    /// whoever connects is taken for the nearest proxy, so *nobody but that proxy may be able to connect*. With
    /// networks, both must agree.
    pub fn hops(mut self, hops: usize) -> Self {
        if hops == 0 {
            self.error.get_or_insert(TrustedProxiesError::NoHops);
        }
        self.hops = Some(hops);
        self
    }

    /// Whether connections through a Unix socket, which have no address, come from a trusted proxy; not unless
    /// set.
    pub fn unix_sockets(mut self, trusted: bool) -> Self {
        self.unix_sockets = trusted;
        self
    }

    /// Whose request it is: the address of the connection, or what trusted proxies made of it. None when only
    /// Unix sockets were on the way.
    ///
    /// The limiter does this for each request; by hand, it tells what a setting makes of a recorded one. A
    /// setting with a issue in it, for which the limiter would not have been built, trusts nobody.
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

    /// Whether a limiter can be built with it.
    pub(crate) fn check(&self) -> Result<(), TrustedProxiesError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let Some(networks) = &self.networks else {
            let names_somebody = self.hops.is_some() || self.unix_sockets;
            return if names_somebody { Ok(()) } else { Err(TrustedProxiesError::Nobody) };
        };
        if self.hops.is_none() && networks.iter().any(|network| network.prefix_len() == 0) {
            network::warn_of_all();
        }
        Ok(())
    }
}
