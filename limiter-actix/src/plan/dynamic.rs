//! Limits whose quotas are computed from the request.

use std::{borrow::Cow, cell::RefCell, collections::HashMap, fmt, rc::Rc};

use actix_web::{HttpMessage, dev::ServiceRequest};
use limiter_core::{
    Quotas,
    log::{event, shown},
};
use smallvec::SmallVec;

use super::{
    applicable::ResolvedLimits,
    bound_limit::{BoundLimit, LimitBinder},
};
use crate::{DynamicQuotas, limit::quota_source::QuotasFn};

/// A dynamic limit bound to a level and scope.
pub(crate) struct DynamicLimit {
    function: QuotasFn,
    binder: LimitBinder,
    /// The texts parsed so far.
    texts: RefCell<HashMap<Cow<'static, str>, ParsedText>>,
    /// The limits bound so far, by their quotas.
    bound: RefCell<HashMap<Quotas, BoundLimits>>,
}

/// The valid quotas of a text, and whether a part of it is invalid.
type ParsedText = (Option<Quotas>, bool);
type BoundLimits = SmallVec<[Rc<BoundLimit>; 2]>;

/// The quotas that functions returned for a request; in its extensions.
#[derive(Default)]
struct DynamicQuotasCache(SmallVec<[(QuotasFn, DynamicQuotas); 2]>);

/// The number of texts and of quotas that are remembered for one function. Beyond it, both start empty.
const MAX_REMEMBERED: usize = 256;

impl DynamicLimit {
    pub(super) fn new(function: &QuotasFn, binder: LimitBinder) -> Self {
        let (texts, bound) = (RefCell::default(), RefCell::default());
        Self { function: function.clone(), binder, texts, bound }
    }

    /// Returns the limits for a request. There are none if the function returns none, or an invalid text.
    pub(super) fn of(&self, req: &ServiceRequest) -> ResolvedLimits {
        let (quotas, is_invalid) = match self.call(req) {
            DynamicQuotas::Unlimited => (None, false),
            DynamicQuotas::Quotas(quotas) => (Some(quotas), false),
            DynamicQuotas::Text(text) => self.parse(text),
            DynamicQuotas::Error(error) => {
                event!(
                    self.binder.permit(|lines| &lines.dynamic_failed),
                    ERROR,
                    error = shown(&error),
                    place = self.binder.slot.label.as_str(),
                    "dynamic limit failed; responding with 500"
                );
                return ResolvedLimits { callback_failed: true, ..ResolvedLimits::default() };
            }
        };
        let limits = quotas.map(|quotas| self.bind(quotas)).unwrap_or_default();
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

    /// Parses a text, or takes the remembered result.
    fn parse(&self, text: Cow<'static, str>) -> ParsedText {
        if let Some(known) = self.texts.borrow().get(&text) {
            return known.clone();
        }
        let parsed = match text.parse() {
            Ok(quotas) => (Some(quotas), false),
            Err(error) => {
                self.log_invalid(&error);
                (Quotas::lenient(&text), true)
            }
        };
        // Longer texts are invalid and may come from a client, so they are not remembered.
        if text.len() <= Quotas::MAX_TEXT_LEN {
            remember(&self.texts, text, &parsed);
        }
        parsed
    }

    fn bind(&self, quotas: Quotas) -> BoundLimits {
        if let Some(known) = self.bound.borrow().get(&quotas) {
            return known.clone();
        }
        let each = quotas.as_slice().iter().enumerate();
        let limits =
            each.map(|(ordinal, quota)| Rc::new(self.binder.numbered(ordinal).bind(*quota))).collect();
        remember(&self.bound, quotas, &limits);
        limits
    }

    /// Logs an invalid text. Happens once for each text, as long as its result is remembered.
    fn log_invalid(&self, error: &dyn fmt::Display) {
        event!(
            self.binder.permit(|lines| &lines.invalid_quota),
            ERROR,
            error = shown(error),
            place = self.binder.slot.label.as_str(),
            "invalid quota from a dynamic limit; applying the outer limits instead"
        );
    }
}

fn remember<K: std::hash::Hash + Eq, V: Clone>(known: &RefCell<HashMap<K, V>>, key: K, value: &V) {
    let mut known = known.borrow_mut();
    if known.len() >= MAX_REMEMBERED {
        known.clear();
    }
    known.insert(key, value.clone());
}
