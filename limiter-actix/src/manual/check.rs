use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use limiter_core::{Key, Timestamp, Window, storage::Decision};

use crate::{
    decision::{
        charge::{Charge, Charges, any_key_failed},
        context::DecisionContext,
        decided::{DecidedBatch, record_windows},
        query::StorageQuery,
        reservation::reserve,
        usage::Usage,
    },
    limit::named::NamedLimit,
    limiter::shared::Shared,
    plan::{
        DeclaredLimit,
        bound_limit::{LimitSlot, Tier},
    },
    report::{decided_by::DecidedBy, route_limits::LimitOrigin, setting_source::SettingSource},
    request::{
        banned_check,
        pending::{PendingAdmission, PendingDecision, Progress, decide},
        refuse::Refusal,
    },
    routing::plan_builder::plan_of_meta_limits,
    settings::Config,
    telemetry,
};

/// The check of a named limit for a request.
pub(super) struct NamedCheck<'a> {
    config: &'a Arc<Config>,
    named: &'a NamedLimit,
    client: Key,
    limits: Charges,
    meta: Charges,
    now: Timestamp,
    decided_by: DecidedBy,
    callback_failed: bool,
}

impl<'a> NamedCheck<'a> {
    pub(super) async fn new(config: &'a Arc<Config>, named: &'a NamedLimit, req: &ServiceRequest) -> Self {
        let settings = &config.settings;
        let slot = LimitSlot {
            tier: Tier::Route,
            scope: named.scope.clone(),
            label: named.policy.label().to_owned(),
            origin: LimitOrigin::new("named_limit", SettingSource::Code),
            is_local: true,
        };
        let declared = DeclaredLimit::new(&named.limit, slot, settings);
        let plan = plan_of_meta_limits(settings, req);
        declared.call_async(req, settings).await;
        plan.call_async(req, settings).await;
        let client = settings.client(req);
        let limits = Charge::of(&declared.of(req).limits, &client, req);
        let mut meta = Charge::of(&plan.applicable(req).meta, &client, req);
        meta.extend(Charge::of_breaches(&limits));
        let callback_failed = any_key_failed(&[&limits, &meta], &client, settings);
        let (now, decided_by) = (settings.clock.now(), DecidedBy::default());
        Self { config, named, client, limits, meta, now, decided_by, callback_failed }
    }

    /// Returns whether the client is limited, or the refusal of a banned one.
    pub(super) fn refuse_banned(
        &self,
        limiter: &Arc<Shared>,
        req: &ServiceRequest,
    ) -> Result<bool, Box<Refusal>> {
        if !self.config.bans.is_in_use() {
            return Ok(true);
        }
        banned_check::apply_in_manual_check(limiter, self.config, &self.context(), &self.limits, req)
    }
}

impl PendingDecision for NamedCheck<'_> {
    /// The window of the limit. `None` if the limit does not apply to the request, or is skipped.
    type Admitted = Option<Window>;

    fn config(&self) -> &Arc<Config> {
        self.config
    }

    fn callback_failed(&self) -> bool {
        self.callback_failed
    }

    fn query<'q>(&'q self, _: &'q ServiceRequest) -> StorageQuery<'q> {
        StorageQuery {
            guards: &self.meta,
            limits: &self.limits,
            on_refusal: &self.meta,
            is_breach_deferred: false,
            client: &self.client,
            now: self.now,
            outage: None,
        }
    }

    fn batch<'b>(&'b self, decision: &'b Decision) -> DecidedBatch<'b> {
        DecidedBatch { decision, guards: &self.meta, limits: &self.limits, refunded: &[] }
    }

    fn context(&self) -> DecisionContext<'_> {
        DecisionContext {
            settings: &self.config.settings,
            client: &self.client,
            now: self.now,
            route: None,
            decided_by: self.decided_by,
            meta_wait: None,
            is_by_reservations: false,
            manual: Some(&self.named.name),
        }
    }

    fn record_decider(&mut self, by: DecidedBy) {
        self.decided_by = by;
    }

    /// Never called, since a named limit has no outage limits.
    fn replace_limits(&mut self, outage_limits: Charges) {
        self.limits = outage_limits;
    }

    fn admit(mut self, req: &ServiceRequest, decision: &Decision) -> Option<Window> {
        let window =
            decision.limits().first().filter(|_| self.limits.first().is_some_and(Charge::is_decided))?;
        telemetry::manual_hit(&self.named.name, window, self.named.limit.shadow);
        let window = *window;
        record_windows(decision, &mut self.limits);
        reserve(&mut self.limits, &self.client, self.now, self.config);
        for charge in self.limits.iter().filter(|charge| charge.is_metered()) {
            Usage::of(req.request()).track(charge, &self.client, self.config);
        }
        Some(window)
    }

    /// Never called, since a check is awaited anyway.
    fn decide_now(self, _: &ServiceRequest) -> Progress<Self> {
        Progress::Waits(self)
    }

    fn decide_later<'r>(self, req: &'r ServiceRequest) -> PendingAdmission<'r, Self::Admitted>
    where
        Self: 'r,
    {
        Box::pin(decide(self, req))
    }
}
