/// An error in [`TrustedProxies`](super::TrustedProxies).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustedProxiesError {
    /// The text is neither a network nor an address.
    #[error("expected a network such as `10.0.0.0/8` or `fd00::1`, found `{0}`")]
    Network(String),
    /// The text is not a header name.
    #[error("expected a header name such as `CF-Connecting-IP`, found `{0}`")]
    Header(String),
    /// No networks, hops or Unix sockets are trusted.
    #[error(
        "expected `networks`, `hops` or `unix_sockets`; use `TrustedProxies::none()` if there is no proxy"
    )]
    Nobody,
    /// The number of hops is 0.
    #[error("expected the number of proxies in front of the server in `hops`, found 0")]
    NoHops,
}
