//! Bans by the rules of limits.
//!
//! A limit with a rule counts its breaches as its meta limits do, in a limit in shadow that is tested before the decision
//! and charged by a refusal. The breach that takes the last of that count bans the client, in a task of its own: others may
//! be in flight with it, and its own request may be dropped.

use std::{sync::Arc, time::Duration};

use futures_util::{
    FutureExt,
    future::{LocalBoxFuture, join},
};
use limiter_core::{
    BanRule, Key, Policy, Quota, Scope, Strategy, Unit, Window,
    log::{event, shown},
    storage::{Batch, Decision, Hit, Verdict},
};
use tokio::{sync::oneshot, time::sleep};

use super::{charge::Charge, decide::decide_remotely, query::StorageQuery};
use crate::{
    bans::{
        ban::Ban,
        target::BanTarget,
        turn::{BanTurn, RuledBan},
    },
    deadline::{OF_REQUESTS, in_time},
    linked::Linked,
    report::decided_by::DecidedBy,
    settings::{Config, backend::Backend},
    tasks::spawn,
};

/// The number of bans that a count of earlier ones distinguishes. By then all rules have reached their longest.
const MAX_BANS: u64 = 32;

/// The time that the breach which bans has for it, before a later one tries. Longer than the calls take that it needs.
const LATE: Duration = Duration::from_secs(2);

/// Bans by the rules of a query.
static BAN: Linked<RunBan> = Linked::new();

type RunBan = for<'a> fn(
    &'a StorageQuery<'_>,
    &'a Arc<Config>,
    &'a Decision,
    DecidedBy,
) -> LocalBoxFuture<'a, Option<Duration>>;

pub(crate) fn link_ban() {
    BAN.link(|query, config, decision, by| Box::pin(query.ban_now(config, decision, by)));
}

impl StorageQuery<'_> {
    /// Returns whether any of the limits bans.
    #[inline]
    pub(crate) fn may_ban(&self) -> bool {
        self.on_refusal.iter().any(|count| count.limit.ban.is_some())
    }

    /// Bans the clients whose breaches are as many as a rule allows. Returns the longest of the bans.
    ///
    /// While the storage fails, nobody is banned, since it keeps the bans. With counts in memory, nothing is awaited.
    pub(crate) fn ban<'a>(
        &'a self,
        config: &'a Arc<Config>,
        decision: &'a Decision,
        by: DecidedBy,
    ) -> LocalBoxFuture<'a, Option<Duration>> {
        BAN.get()(self, config, decision, by)
    }

    async fn ban_now(&self, config: &Arc<Config>, decision: &Decision, by: DecidedBy) -> Option<Duration> {
        if decision.verdict() != Verdict::Refused || by != DecidedBy::Storage {
            return None;
        }
        let mut longest = None;
        for (count, window) in self.on_refusal.iter().zip(decision.guards()) {
            let Some(rule) = count.limit.ban else { continue };
            let Some(breached) = self.breached_limit(count, decision) else { continue };
            match window.remaining() {
                0 => self.ban_late(config, count, breached, rule),
                1 => longest = longest.max(self.ban_client(config, count, breached, rule).await),
                _ => {}
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

    /// Bans the client. Returns the duration, as soon as it is known.
    async fn ban_client(
        &self,
        config: &Arc<Config>,
        count: &Charge,
        breached: &Charge,
        rule: BanRule,
    ) -> Option<Duration> {
        let task = self.ban_task(config, count, breached, rule)?;
        let (sender, mut receiver) = oneshot::channel();
        let mut task = Box::pin(task.run(sender));
        // In memory it is done at once.
        if task.as_mut().now_or_never().is_some() {
            return receiver.try_recv().ok();
        }
        spawn(task);
        receiver.await.ok()
    }

    /// Bans the client, unless the breach that has taken the last of the count does so in time.
    ///
    /// It may have failed. Where the counts of a request are on several servers, breaches in flight together may also take
    /// the last without one of them having seen that.
    fn ban_late(&self, config: &Arc<Config>, count: &Charge, breached: &Charge, rule: BanRule) {
        // In memory none of this happens.
        if matches!(config.settings.storage, Backend::Remote { .. })
            && let Some(task) = self.ban_task(config, count, breached, rule)
            && let Some(turn) =
                BanTurn::begin(&config.bans.turns, &RuledBan { is_late: true, ..task.ban.clone() })
        {
            spawn(Box::pin(async move {
                sleep(LATE).await;
                // Whoever bans clears the count.
                if task.left(&task.policy).await == Some(0) {
                    task.run(oneshot::channel().0).await;
                }
                drop(turn);
            }));
        }
    }

    /// Returns the ban of a client. Returns `None` if clients of this key have no name.
    fn ban_task(
        &self,
        config: &Arc<Config>,
        count: &Charge,
        breached: &Charge,
        rule: BanRule,
    ) -> Option<BanTask> {
        let (key, hit) = (count.key(self.client), count.hit(self.client));
        Some(BanTask {
            config: Arc::clone(config),
            ban: RuledBan {
                name: BanTarget::from(key).name(config.settings.address.ipv6_prefix)?,
                reason: reason(breached, rule),
                is_late: false,
            },
            rule,
            scope: hit.scope.clone(),
            key: key.clone(),
            policy: hit.policy.clone(),
        })
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
    ban: RuledBan,
    rule: BanRule,
    /// The count of breaches. It begins anew, so that the client is not banned again at its first breach after this ban.
    scope: Scope,
    key: Key,
    policy: Policy,
}

impl BanTask {
    /// Bans the client if it is not banned already. Sends the duration before the ban is stored.
    async fn run(self, sender: oneshot::Sender<Duration>) {
        let Some(_turn) = BanTurn::begin(&self.config.bans.turns, &self.ban) else { return };
        let numbers = self.rule.longest().map(|longest| self.numbers_of_bans(longest));
        if let Some(duration) = self.duration(numbers.as_ref()).await {
            // Nobody waits if the request was dropped.
            let _ = sender.send(duration);
            if self.put(duration).await
                && let Some(numbers) = &numbers
            {
                // Only now, since what could not be stored is no ban.
                drop(self.decide(&Batch::new(&[self.hit(numbers)])).await);
            }
        }
        // If this fails, the next breach after the ban bans again.
        let storage = self.config.settings.storage.storage();
        drop(in_time(storage, storage.clear(&[self.hit(&self.policy)]), OF_REQUESTS).await);
    }

    /// Returns the duration of the ban. Returns `None` if the client has one that is enough.
    async fn duration(&self, numbers: Option<&Policy>) -> Option<Duration> {
        let mut duration = self.rule.duration();
        if let Some(numbers) = numbers.filter(|_| !self.is_needless(duration)) {
            // Another process may have banned the client since this one has read the bans.
            let (earlier, ()) = join(self.earlier_bans(numbers), self.config.bans.refresh_now()).await;
            duration = self.rule.duration_after(earlier);
        }
        (!self.is_needless(duration)).then_some(duration)
    }

    /// Returns whether the client has a ban by this rule, a longer one, or a pass.
    ///
    /// Breaches that were counted before this process knew the ban are no reason for a further one.
    fn is_needless(&self, duration: Duration) -> bool {
        let (bans, now) = (&self.config.bans, self.config.settings.clock.now());
        let is_enough = |ban: &Arc<Ban>| {
            ban.is_pass() || ban.reason() == self.ban.reason || ban.end() >= now.after(duration)
        };
        bans.is_in_use() && bans.find([&self.key], None, now).is_some_and(|ban| is_enough(&ban))
    }

    /// Returns the policy that counts the bans of the client.
    fn numbers_of_bans(&self, longest: Duration) -> Policy {
        // Twice as long: the time of the longest ban, and as much again without one.
        let seconds = u32::try_from(longest.as_secs().saturating_mul(2)).unwrap_or(u32::MAX);
        let quota = Quota::new(MAX_BANS, seconds, Unit::Second);
        let policy = Policy::new(quota, Strategy::FixedWindowElasticExpiry);
        let policy = policy.with_label(format!("number of {}", self.policy.label()));
        self.config.settings.known.add(&self.scope, &policy);
        policy
    }

    /// Returns the number of earlier bans.
    async fn earlier_bans(&self, numbers: &Policy) -> u64 {
        // If the storage fails by now, the ban cannot be kept either.
        self.left(numbers).await.map_or(0, |left| MAX_BANS.saturating_sub(left))
    }

    /// Returns the amount that is left of a count of the client.
    async fn left(&self, policy: &Policy) -> Option<u64> {
        let tested = self.decide(&Batch::test(&[self.hit(policy)])).await?;
        tested.guards().first().map(Window::remaining)
    }

    async fn decide(&self, batch: &Batch<'_>) -> Option<Decision> {
        let now = self.config.settings.clock.now();
        match &self.config.settings.storage {
            Backend::Memory(memory) => Some(memory.decide(batch, now)),
            Backend::Remote { storage, .. } => {
                decide_remotely(&self.config, &**storage, batch, now).await.ok()
            }
        }
    }

    fn hit<'a>(&'a self, policy: &'a Policy) -> Hit<'a> {
        Hit::new(&self.scope, &self.key, policy)
    }

    /// Stores the ban. Returns whether that has succeeded.
    async fn put(&self, duration: Duration) -> bool {
        let settings = &self.config.settings;
        let (lines, now) = (&settings.telemetry.lines, settings.clock.now());
        let put = self.config.bans.put(&self.ban.name, false, duration, &self.ban.reason).await;
        match &put {
            Ok(()) => event!(
                lines.banned_by_rule.permit(now),
                INFO,
                key = shown(self.key.logged(&settings.key_forms)),
                seconds = duration.as_secs(),
                reason = self.ban.reason.as_str(),
                "client banned by the rule of a limit"
            ),
            Err(error) => event!(
                lines.ban_failed.permit(now),
                WARN,
                key = shown(self.key.logged(&settings.key_forms)),
                error = shown(error),
                "ban by a rule could not be stored: the client is not banned"
            ),
        }
        put.is_ok()
    }
}
