/// An error in [`TrustedProxies`](super::TrustedProxies).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustedProxiesError {
    /// The text is neither a network nor an address.
    #[error(
        "invalid network `{0}`: expected an address with or without a prefix, such as `10.0.0.0/8` or `fd00::1`"
    )]
    Network(String),
    /// The text is not a header name.
    #[error("invalid header name `{0}`: expected one such as `CF-Connecting-IP`")]
    Header(String),
    /// No networks, hops or Unix sockets are trusted.
    #[error("no proxy is trusted: set `networks`, `hops` or `unix_sockets`, or use `TrustedProxies::none()`")]
    Nobody,
    /// The number of hops is 0.
    #[error("invalid number of hops `0`: expected the number of proxies in front of the server")]
    NoHops,
}
