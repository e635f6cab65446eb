/// Why [`TrustedProxies`](super::TrustedProxies) cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustedProxiesError {
    /// A text is neither a network nor an address.
    #[error(
        "`{0}` is no network: expected an address with or without a prefix, as in `10.0.0.0/8` or `fd00::1`"
    )]
    Network(String),
    /// No header can have this name.
    #[error("`{0}` is no name of a header: expected one such as `CF-Connecting-IP`")]
    Header(String),
    /// Neither networks nor a number of hops were given.
    #[error(
        "nobody is trusted: expected `networks`, `hops` or `unix_sockets`; `TrustedProxies::none()` says it on purpose"
    )]
    Nobody,
    /// No hops at all.
    #[error("0 hops trust nobody: expected how many proxies stand in front of the server")]
    NoHops,
}
