/// The outcome of a request, in the label `outcome` of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestOutcome {
    Allowed,
    /// Allowed, although a shadow limit would have refused it.
    ShadowRefused,
    Refused,
    Undecided,
    /// Refused, since the client is banned.
    Banned,
    /// Refused, since requests under way have reserved the quota.
    Reserved,
}

impl RequestOutcome {
    /// The number of outcomes; names the last one.
    #[cfg_attr(
        not(feature = "inspector"),
        expect(dead_code, reason = "only the inspector has a table of outcomes")
    )]
    pub(crate) const COUNT: usize = Self::Reserved as usize + 1;
}
