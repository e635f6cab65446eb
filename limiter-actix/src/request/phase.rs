/// The progress of an admitted request.
///
/// A request that is only predicted has no phase yet: it is an [`Admission`](super::admission::Admission).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Charged for its predicted rules. A witness may correct the charges.
    Admitted,
    /// Not charged yet: the handler runs the check.
    AwaitsCheck,
    /// The check of the handler is running.
    Checking,
    /// Charged for good: the check has passed, or a limiter further in has taken over.
    Final,
    /// Refused after its admission, by a correction or a check. All charges are refunded.
    Refused,
    /// There is a response, or an error that becomes one.
    Settled,
}
