//! Manual bans and passes.

use std::time::Duration;

use crate::{Ban, BanError, BanTarget, Limiter};

/// Bans and passes.
///
/// They are kept in the storage under the limiter's key prefix. Other processes have them within 2 s, this one at once.
/// Where a request is an exception from several, the most specific decides: that of the limiter's own key, then those
/// of the keys of its limits, then that of the client's address, then that of the smallest network around it.
///
/// ```
/// use std::time::Duration;
/// use limiter_actix::{Key, Limiter};
///
/// # #[actix_web::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limiter = Limiter::default();
/// let alice = Key::text("user", "alice");
///
/// limiter.ban(&alice, Duration::from_secs(3600), "scraping").await?;
/// limiter.ban("198.51.100.0/24".parse::<limiter_actix::BanTarget>()?, Duration::from_secs(60), "").await?;
/// assert_eq!(limiter.bans().await?.len(), 2);
///
/// assert!(limiter.unban(&alice).await?);
/// limiter.allow(&alice, Duration::from_secs(3600)).await?;
/// # Ok(())
/// # }
/// ```
impl Limiter {
    /// Bans a client, or a network: the middleware refuses its requests, before anything is counted. An earlier ban or
    /// pass of the same target is replaced.
    ///
    /// The status is 403, or [as set](crate::LimiterBuilder::ban_status), and `Retry-After` is the end of the ban. The
    /// reason is for operators; clients see it only [if set](crate::LimiterBuilder::show_ban_reason). Routes that are
    /// exempt from all limits still respond, as do requests that a filter skips.
    ///
    /// # Errors
    ///
    /// If the key identifies no client, the duration is zero, the reason is longer than [`Ban::MAX_REASON_LEN`], there
    /// are [`Ban::MAX_COUNT`] bans and passes, or the storage is unreachable or keeps no bans.
    pub async fn ban(
        &self,
        client: impl Into<BanTarget>,
        duration: Duration,
        reason: &str,
    ) -> Result<(), BanError> {
        self.put(client.into(), false, duration, reason).await
    }

    /// Gives a client, or a network, a pass: its requests are neither limited nor counted. An earlier ban or pass of
    /// the same target is replaced.
    ///
    /// # Errors
    ///
    /// As for [`ban`](Self::ban).
    pub async fn allow(&self, client: impl Into<BanTarget>, duration: Duration) -> Result<(), BanError> {
        self.put(client.into(), true, duration, "").await
    }

    /// Ends a ban. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// If the storage is unreachable or keeps no bans.
    pub async fn unban(&self, client: impl Into<BanTarget>) -> Result<bool, BanError> {
        self.remove(client.into(), false).await
    }

    /// Ends a pass. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// As for [`unban`](Self::unban).
    pub async fn disallow(&self, client: impl Into<BanTarget>) -> Result<bool, BanError> {
        self.remove(client.into(), true).await
    }

    /// Returns all bans and passes, by client, as the storage has them now.
    ///
    /// # Errors
    ///
    /// As for [`unban`](Self::unban).
    pub async fn bans(&self) -> Result<Vec<Ban>, BanError> {
        let mut bans = self.config().bans.read_all().await?;
        bans.sort_unstable_by(|one, other| one.client().cmp(other.client()));
        Ok(bans)
    }

    async fn put(
        &self,
        target: BanTarget,
        is_pass: bool,
        duration: Duration,
        reason: &str,
    ) -> Result<(), BanError> {
        let config = self.config();
        let name = target.name(config.settings.address.ipv6_prefix).ok_or(BanError::NoClient)?;
        config.bans.put(&name, is_pass, duration, reason).await
    }

    async fn remove(&self, target: BanTarget, is_pass: bool) -> Result<bool, BanError> {
        let config = self.config();
        let names = target.names(config.settings.address.ipv6_prefix);
        config.bans.remove(&names, is_pass).await
    }
}
