//! Limits whose quotas are computed from the request.

use std::{borrow::Cow, cell::RefCell, collections::HashMap, fmt, rc::Rc};

use actix_web::{HttpMessage, dev::ServiceRequest};
use limiter_core::{
    Quotas, Strategy,
    log::{event, shown},
};

use super::{
    applicable::{BoundLimits, ResolvedLimits},
    bound_limit::LimitSlot,
    limit_binder::LimitBinder,
};
use crate::{DynamicQuotas, Limit, limit::quota_source::QuotasFn, linked::Linked};

/// A dynamic limit bound to a level and scope.
pub(crate) struct DynamicLimit {
    function: QuotasFn,
    binder: LimitBinder,
    /// The limits bound so far.
    bound: RefCell<HashMap<QuotasKey, BoundQuotas>>,
}

/// A value of the function that makes limits.
#[derive(PartialEq, Eq, Hash)]
enum QuotasKey {
    Quotas(Quotas),
    Text(Cow<'static, str>),
}

/// The limits of the valid quotas, and whether a part of the text is invalid.
type BoundQuotas = (BoundLimits, bool);

/// The quotas that functions returned for a request; in its extensions.
#[derive(Default)]
struct DynamicQuotasCache(Vec<(QuotasFn, DynamicQuotas)>);

/// The number of quotas and texts that are remembered for one function. Beyond it, none are at first.
pub(super) const MAX_REMEMBERED: usize = 256;

/// Resolves a limit for a request. Linked if there may be any.
static RESOLVE: Linked<fn(&DynamicLimit, &ServiceRequest) -> ResolvedLimits> = Linked::new();

pub(crate) fn link_dynamic() {
    RESOLVE.link(DynamicLimit::resolve);
}

impl DynamicLimit {
    pub(super) fn new(function: &QuotasFn, binder: LimitBinder) -> Self {
        Self { function: function.clone(), binder, bound: RefCell::default() }
    }

    pub(super) fn options(&self) -> &Rc<Limit> {
        &self.binder.limit
    }

    /// Returns the place of the limit, and the strategy that counts it.
    pub(super) fn place(&self) -> (&LimitSlot, Strategy) {
        (&self.binder.slot, self.binder.strategy)
    }

    /// Returns the limits for a request. There are none if the function returns none, or an invalid text.
    pub(super) fn of(&self, req: &ServiceRequest) -> ResolvedLimits {
        RESOLVE.get()(self, req)
    }

    fn resolve(&self, req: &ServiceRequest) -> ResolvedLimits {
        let returned = match self.call(req) {
            DynamicQuotas::Unlimited => return ResolvedLimits::default(),
            DynamicQuotas::Quotas(quotas) => QuotasKey::Quotas(quotas),
            DynamicQuotas::Text(text) => QuotasKey::Text(text),
            DynamicQuotas::Error(error) => {
                event!(
                    self.binder.permit(|lines| &lines.dynamic_failed),
                    ERROR,
                    error = shown(&error),
                    place = self.binder.slot.origin.place(),
                    "dynamic limit failed; responding with 500"
                );
                return ResolvedLimits { callback_failed: true, ..ResolvedLimits::default() };
            }
        };
        let (limits, is_invalid) = self.bound(returned);
        ResolvedLimits { limits, is_invalid, callback_failed: false }
    }

    /// Calls the function once per request. After a misprediction, another plan may need its result again.
    fn call(&self, req: &ServiceRequest) -> DynamicQuotas {
        let is_this = |(function, _): &&(QuotasFn, DynamicQuotas)| *function == self.function;
        let cached = req
            .extensions()
            .get::<DynamicQuotasCache>()
            .and_then(|cache| cache.0.iter().find(is_this).cloned());
        if let Some((_, quotas)) = cached {
            return quotas;
        }
        let quotas = (self.function)(req);
        let mut extensions = req.extensions_mut();
        if extensions.get::<DynamicQuotasCache>().is_none() {
            extensions.insert(DynamicQuotasCache::default());
        }
        if let Some(cache) = extensions.get_mut::<DynamicQuotasCache>() {
            cache.0.push((self.function.clone(), quotas.clone()));
        }
        quotas
    }

    /// Binds the limits, or takes the remembered ones.
    fn bound(&self, returned: QuotasKey) -> BoundQuotas {
        if let Some(known) = self.bound.borrow().get(&returned) {
            return known.clone();
        }
        let bound = match &returned {
            QuotasKey::Quotas(quotas) => (self.bind(quotas), false),
            QuotasKey::Text(text) => self.bind_text(text),
        };
        // Longer texts are invalid and may come from a client, so they are not remembered.
        if !matches!(&returned, QuotasKey::Text(text) if text.len() > Quotas::MAX_TEXT_LEN) {
            let mut known = self.bound.borrow_mut();
            if known.len() >= MAX_REMEMBERED {
                known.clear();
            }
            known.insert(returned, bound.clone());
        }
        bound
    }

    fn bind_text(&self, text: &str) -> BoundQuotas {
        match text.parse() {
            Ok(quotas) => (self.bind(&quotas), false),
            Err(error) => {
                self.log_invalid(&error);
                let valid = Quotas::lenient(text);
                (valid.map(|quotas| self.bind(&quotas)).unwrap_or_default(), true)
            }
        }
    }

    fn bind(&self, quotas: &Quotas) -> BoundLimits {
        let each = quotas.as_slice().iter().enumerate();
        each.map(|(ordinal, quota)| Rc::new(self.binder.numbered(ordinal).bind(*quota))).collect()
    }

    /// Logs an invalid text. Happens once for each text, as long as its result is remembered.
    fn log_invalid(&self, error: &dyn fmt::Display) {
        event!(
            self.binder.permit(|lines| &lines.invalid_quota),
            ERROR,
            error = shown(error),
            place = self.binder.slot.origin.place(),
            "invalid quota from a dynamic limit; applying the outer limits instead"
        );
    }
}
