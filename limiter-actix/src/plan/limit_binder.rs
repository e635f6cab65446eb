//! Binds limits to their levels and scopes.

use std::{rc::Rc, sync::Arc, time::Duration};

use limiter_core::{
    Leases, Policy, Quota, Strategy, TimeZone,
    log::{Permit, Throttle, event, shown},
};

use super::bound_limit::{BoundLimit, LimitSlot, Tier};
use crate::{
    Limit,
    limit::{
        callback::{KeyFn, Text},
        quota_source::Source,
    },
    settings::{
        backend::Backend,
        bound_names::{BoundNames, NamedBinding},
        known_limits::KnownLimits,
        leases::check_leases,
    },
    telemetry::{Lines, Telemetry},
};

/// Binds a limit to its slot once its quota is known.
#[derive(Clone)]
pub(super) struct LimitBinder {
    pub(super) limit: Rc<Limit>,
    pub(super) slot: LimitSlot,
    /// The limiter's key, if it is async.
    pub(super) async_key: Option<KeyFn>,
    /// The strategy of limits without one.
    pub(super) strategy: Strategy,
    pub(super) time_zone: TimeZone,
    pub(super) lease: Duration,
    /// Set if units may be charged ahead of need.
    pub(super) hot_leases: Option<Leases>,
    pub(super) known: Arc<KnownLimits>,
    pub(super) bound_names: Arc<BoundNames>,
    pub(super) storage: Backend,
    pub(super) telemetry: Arc<Telemetry>,
}

impl LimitBinder {
    pub(super) fn bind(&self, quota: Quota) -> BoundLimit {
        let LimitSlot { scope, is_local, .. } = &self.slot;
        let policy = self.policy(quota);
        self.log_issues(quota, &policy);
        let is_unsupported = policy.is_concurrent() && self.storage.check(&policy).is_err();
        if self.limit.shared.as_ref().is_none_or(Text::is_fixed) {
            self.known.add(scope, &policy);
            if *is_local && matches!(self.limit.source, Source::Dynamic(_)) {
                self.bound_names.add(scope, &policy, NamedBinding::of(&self.limit).as_ref());
            }
        } else {
            self.known.add_unknown();
        }
        let limit = BoundLimit::new(&self.limit, &self.slot, policy, self.async_key.clone());
        BoundLimit { meta: self.meta(), is_unsupported, ..limit }
    }

    /// Logs options without an effect. As for [`policy`](Self::policy), the builder rejects them.
    fn log_issues(&self, quota: Quota, policy: &Policy) {
        let leases = || check_leases(&self.limit, policy).err().map(|it| it.to_string());
        let combined = self.limit.concurrent_issue(quota).or_else(leases);
        for issue in self.limit.issues.iter().chain(&combined) {
            event!(
                self.permit(|lines| &lines.unsupported),
                ERROR,
                error = shown(issue),
                limit = shown(quota),
                place = self.slot.origin.place(),
                "ignoring an invalid option of a limit"
            );
        }
    }

    /// Returns the policy, or the closest valid one if a burst or a strategy is not supported.
    ///
    /// The builder rejects such limits, but limits of attributes get here unchecked.
    fn policy(&self, quota: Quota) -> Policy {
        let place = self.slot.origin.place();
        let plain = self.plain_policy(quota, self.limit.strategy_of(quota, self.strategy));
        let policy = match self.limit.burst.map(|burst| plain.clone().with_burst(burst)) {
            None => plain,
            Some(Ok(policy)) => policy,
            Some(Err(error)) => {
                event!(
                    self.permit(|lines| &lines.unsupported),
                    ERROR,
                    error = shown(&error),
                    limit = shown(quota),
                    place = place,
                    "ignoring `burst`: it requires the token-bucket strategy"
                );
                plain
            }
        };
        match policy.check().and_then(|()| self.storage.check(&policy)) {
            Ok(()) => policy,
            Err(error) if policy.is_concurrent() => {
                event!(
                    self.permit(|lines| &lines.unsupported),
                    ERROR,
                    error = shown(&error),
                    limit = shown(quota),
                    place = place,
                    "ignoring a limit of concurrent requests: the storage does not support it"
                );
                policy
            }
            Err(error) => {
                event!(
                    self.permit(|lines| &lines.unsupported),
                    ERROR,
                    error = shown(&error),
                    limit = shown(quota),
                    place = place,
                    "unsupported strategy for this limit: counting it by `sliding-window-counter`, or by \
                     `fixed-window` if its windows end by the calendar"
                );
                let is_calendar = quota.unit().is_calendar();
                let strategy =
                    if is_calendar { Strategy::FixedWindow } else { Strategy::SlidingWindowCounter };
                self.plain_policy(quota, strategy)
            }
        }
    }

    fn plain_policy(&self, quota: Quota, strategy: Strategy) -> Policy {
        let policy = Policy::new(quota, strategy).with_label(self.slot.label.as_str());
        let policy = policy.with_time_zone(self.time_zone).with_keep_used(self.limit.keep_used);
        let policy = policy.with_metered(self.limit.metered).with_leases(self.hot_leases);
        self.storage.with_lease(policy, self.lease)
    }

    /// Permits a log event. Bound limits do not know the time of the request.
    pub(super) fn permit(&self, line: impl FnOnce(&Lines) -> &Throttle) -> Option<Permit> {
        line(&self.telemetry.lines).permit_now()
    }

    /// Returns a binder for one of several quotas, so that equal ones do not share a count.
    pub(super) fn numbered(&self, ordinal: usize) -> Self {
        let label = format!("{}:{ordinal}", self.slot.label);
        Self { slot: LimitSlot { label, ..self.slot.clone() }, ..self.clone() }
    }

    /// Binds the meta limits of a limit. They count the same clients in the same scope.
    fn meta(&self) -> Box<[Rc<BoundLimit>]> {
        let limits = self.limit.meta.iter().enumerate().map(|(ordinal, quota)| {
            let label = format!("meta {ordinal} of {}", self.slot.label);
            Rc::new(self.bind_meta(Limit::new(*quota), *quota, label))
        });
        limits.chain(self.breaches().map(Rc::new)).collect()
    }

    fn bind_meta(&self, mut meta: Limit, quota: Quota, label: String) -> BoundLimit {
        meta.key.clone_from(&self.limit.key);
        meta.shared.clone_from(&self.limit.shared);
        meta.on_storage_failure = self.limit.on_storage_failure;
        let strategy = meta.strategy.unwrap_or(self.strategy);
        let slot = LimitSlot { tier: Tier::Meta, label, ..self.slot.clone() };
        Self { limit: Rc::new(meta), slot, strategy, ..self.clone() }.bind(quota)
    }

    /// Binds the count of breaches of a limit that bans. It refuses nothing.
    fn breaches(&self) -> Option<BoundLimit> {
        let rule = self.limit.ban?;
        let quota = rule.breaches();
        if !self.storage.storage().has_notes() {
            event!(
                self.permit(|lines| &lines.unsupported),
                ERROR,
                limit = shown(rule),
                place = self.slot.origin.place(),
                "ignoring `ban`: the storage keeps no bans"
            );
            return None;
        }
        let count = Limit::new(quota).shadow(true).strategy(Strategy::FixedWindow);
        let label = format!("bans of {}", self.slot.label);
        Some(BoundLimit { ban: Some(rule), ..self.bind_meta(count, quota, label) })
    }
}
