//! Bans by the rules of limits.
//!
//! A limit with a rule counts its breaches as its meta limits do, in a limit in shadow that is tested before the decision
//! and charged by a refusal. The breach that takes the last of that count bans the client.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use limiter_core::{
    BanRule, Key, Policy, Quota, Scope, Strategy, Timestamp, Unit, Window,
    log::{event, shown},
    storage::{Batch, Decision, Hit, Verdict},
};

use super::{charge::Charge, decide::decide_remotely, query::StorageQuery, refund::spawn};
use crate::{
    bans::{ban::Ban, target::BanTarget},
    report::decided_by::DecidedBy,
    settings::{Config, backend::Backend},
};

/// The number of bans that a count of earlier ones distinguishes. By then all rules have reached their longest.
const MAX_BANS: u64 = 32;

impl StorageQuery<'_> {
    /// Returns whether any of the limits bans.
    #[inline]
    pub(crate) fn may_ban(&self) -> bool {
        self.on_refusal.iter().any(|count| count.limit.ban.is_some())
    }

    /// Bans the clients whose breaches are as many as a rule allows. Returns the longest of the bans.
    ///
    /// While the storage fails, nobody is banned, since it keeps the bans. With counts in memory, nothing is awaited.
    pub(crate) async fn ban(
        &self,
        config: &Arc<Config>,
        decision: &Decision,
        by: DecidedBy,
    ) -> Option<Duration> {
        if decision.verdict() != Verdict::Refused || by != DecidedBy::Storage {
            return None;
        }
        let mut longest = None;
        for (count, window) in self.on_refusal.iter().zip(decision.guards()) {
            let Some(rule) = count.limit.ban else { continue };
            if let Some(breached) = self.breached_limit(count, decision)
                && window.remaining() <= 1
            {
                longest = longest.max(self.ban_client(config, count, breached, rule).await);
            }
        }
        longest
    }

    /// Returns the limit whose breaches a count is of, if that limit has refused.
    fn breached_limit(&self, count: &Charge, decision: &Decision) -> Option<&Charge> {
        let number = count.limit_number()?;
        let (limit, window) = (self.limits.get(number)?, decision.limits().get(number)?);
        limit.refuses(window).then_some(limit)
    }

    async fn ban_client(
        &self,
        config: &Arc<Config>,
        count: &Charge,
        breached: &Charge,
        rule: BanRule,
    ) -> Option<Duration> {
        let key = count.key(self.client);
        let name = BanTarget::from(key).name(config.settings.address.ipv6_prefix)?;
        let duration = match rule.longest() {
            None => rule.duration(),
            Some(longest) => rule.duration_after(self.earlier_bans(config, count, longest).await),
        };
        let is_banned_for_longer = |ban: &Arc<Ban>| ban.end() >= self.now.after(duration);
        if config.bans.is_in_use()
            && config.bans.find([key], None, self.now).is_some_and(|it| is_banned_for_longer(&it))
        {
            return None;
        }
        let hit = count.hit(self.client);
        let task = BanTask {
            config: Arc::clone(config),
            name,
            reason: reason(breached, rule),
            duration,
            scope: hit.scope.clone(),
            key: key.clone(),
            policy: hit.policy.clone(),
            now: self.now,
        };
        let mut task = Box::pin(task.run());
        // In memory it is done at once.
        if task.as_mut().now_or_never().is_none() {
            spawn(task);
        }
        Some(duration)
    }

    /// Counts a ban, and returns the number of earlier ones.
    async fn earlier_bans(&self, config: &Config, count: &Charge, longest: Duration) -> u64 {
        let hit = count.hit(self.client);
        // Twice as long: the time of the longest ban, and as much again without one.
        let seconds = u32::try_from(longest.as_secs().saturating_mul(2)).unwrap_or(u32::MAX);
        let quota = Quota::new(MAX_BANS, seconds, Unit::Second);
        let policy = Policy::new(quota, Strategy::FixedWindowElasticExpiry);
        let policy = policy.with_label(format!("number of {}", hit.policy.label()));
        config.settings.known.add(hit.scope, &policy);
        let hits = [Hit::new(hit.scope, hit.key, &policy)];
        let batch = Batch::new(&hits);
        let decision = match &config.settings.storage {
            Backend::Memory(memory) => Ok(memory.decide(&batch, self.now)),
            Backend::Remote { storage, .. } => decide_remotely(config, &**storage, &batch, self.now).await,
        };
        let earlier = |window: &Window| {
            let left = if window.is_allowed() { window.remaining().saturating_add(1) } else { 0 };
            MAX_BANS.saturating_sub(left)
        };
        // If the storage fails by now, the ban cannot be kept either.
        decision.ok().and_then(|decision| decision.limits().first().map(earlier)).unwrap_or_default()
    }
}

/// Returns the reason of a ban for operators.
fn reason(breached: &Charge, rule: BanRule) -> String {
    let limit = &breached.limit;
    let label = limit.options.name.clone().unwrap_or_else(|| limit.text());
    let mut reason = format!("{rule}: {label}");
    let end = (0..=Ban::MAX_REASON_LEN).rfind(|end| reason.is_char_boundary(*end));
    reason.truncate(end.unwrap_or_default());
    reason
}

/// A ban to be stored.
struct BanTask {
    config: Arc<Config>,
    name: String,
    reason: String,
    duration: Duration,
    /// The count of breaches. It begins anew, so that the client is not banned again at its first breach after this ban.
    scope: Scope,
    key: Key,
    policy: Policy,
    now: Timestamp,
}

impl BanTask {
    async fn run(self) {
        let Self { config, name, reason, duration, scope, key, policy, now } = self;
        let settings = &config.settings;
        let lines = &settings.telemetry.lines;
        if let Err(error) = config.bans.put(&name, false, duration, &reason).await {
            event!(
                lines.ban_failed.permit(now),
                WARN,
                key = shown(key.logged(&settings.key_forms)),
                error = shown(&error),
                "ban by a rule could not be stored: the client is not banned"
            );
            return;
        }
        event!(
            lines.banned_by_rule.permit(now),
            INFO,
            key = shown(key.logged(&settings.key_forms)),
            seconds = duration.as_secs(),
            reason = reason.as_str(),
            "client banned by the rule of a limit"
        );
        let hits = [Hit::new(&scope, &key, &policy)];
        // If this fails, the next breach after the ban bans again.
        drop(settings.storage.storage().clear(&hits).await);
    }
}
