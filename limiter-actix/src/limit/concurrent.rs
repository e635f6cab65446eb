//! Limits of concurrent requests: the options and places that they do not have.

use limiter_core::Quota;

use super::{Limit, place::LimitPlace};

impl Limit {
    /// Creates a limit of so many requests of a client under way at the same time.
    ///
    /// A request counts from its admission until its body is sent or dropped, so streams, server-sent events and
    /// `WebSockets` count while they are open. A panic or a disconnect of the client ends it, too. The text is `5 concurrent`.
    ///
    /// The options `burst`, `strategy`, `keep_used`, `leases`, `deduct_when` and `refund_on_drop` have no effect, so `build`
    /// rejects them. It also does so with a storage that cannot count requests under way, which is memcached.
    ///
    /// # Panics
    ///
    /// Panics if `amount` exceeds [`Quota::MAX_AMOUNT`].
    ///
    /// ```
    /// use limiter_actix::{Limit, key};
    ///
    /// let downloads = Limit::concurrent(2).key(key::header("x-api-key"));
    /// # let _ = downloads;
    /// ```
    pub fn concurrent(amount: u64) -> Self {
        Self::new(Quota::concurrent(amount))
    }

    /// Returns the reason why this limit is invalid with a quota of concurrent requests.
    pub(crate) fn concurrent_issue(&self, quota: Quota) -> Option<String> {
        let options = [
            ("burst", self.burst.is_some()),
            ("strategy", self.strategy.is_some()),
            ("keep_used", self.keep_used),
            ("deduct_when", self.deduct_when.is_some()),
            ("refund_on_drop", self.refund_on_drop),
            ("metered", self.metered),
            ("leases", self.leases.is_some()),
        ];
        let is_set = |(_, is_set): &(&str, bool)| quota.unit().is_concurrent() && *is_set;
        let (option, _) = options.into_iter().find(is_set)?;
        Some(format!("`{option}`: it has no effect on `{quota}`, which a request frees when it ends"))
    }
}

impl LimitPlace {
    /// Returns whether requests under way can be limited there.
    pub(crate) fn has_concurrent(self) -> bool {
        !matches!(self, Self::Meta | Self::Named)
    }
}
