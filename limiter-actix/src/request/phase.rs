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
    /// Charged as [`Admitted`](Self::Admitted), but a limiter further in decides the limits of the rules that follow.
    TakenOver,
    /// Charged for good: the check of the handler has passed.
    Final,
    /// Refused after its admission, by a correction or a check. All charges are refunded.
    Refused,
    /// There is a response, or an error that becomes one.
    Settled,
}
