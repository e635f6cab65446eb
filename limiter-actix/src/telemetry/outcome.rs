/// How a request came out, in the label `outcome` of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestOutcome {
    Allowed,
    /// Allowed, though a limit in shadow would have refused.
    ShadowRefused,
    Refused,
    Undecided,
}
