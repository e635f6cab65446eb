use std::{borrow::Cow, cell::RefCell, collections::HashMap, fmt, rc::Rc, sync::Arc};

use actix_web::{HttpMessage, dev::ServiceRequest};
use limiter_core::Quotas;
use smallvec::SmallVec;

use super::{
    applicable::ResolvedLimits,
    bound_limit::{BoundLimit, LimitBinder},
};
use crate::{DynamicQuotas, limit::quota_source::QuotasFn};

/// A limit at its place, whose quotas a function of the request tells.
pub(crate) struct DynamicLimit {
    function: QuotasFn,
    binder: LimitBinder,
    /// What each text was read as, and whether a part of it could not be.
    texts: RefCell<HashMap<Cow<'static, str>, ParsedText>>,
    /// What quotas came to.
    bound: RefCell<HashMap<Quotas, BoundLimits>>,
}

/// What was read of a text, and whether a part of it could not be.
type ParsedText = (Option<Quotas>, bool);
type BoundLimits = SmallVec<[Rc<BoundLimit>; 2]>;

/// What functions have told for a request; in its extensions.
#[derive(Default)]
struct DynamicQuotasCache(SmallVec<[(QuotasFn, DynamicQuotas); 2]>);

/// How many texts and quotas of one function are remembered. One that tells more of them is read anew.
const MAX_REMEMBERED: usize = 256;

impl DynamicLimit {
    pub(super) fn new(function: &QuotasFn, binder: LimitBinder) -> Self {
        let (texts, bound) = (RefCell::default(), RefCell::default());
        Self { function: Arc::clone(function), binder, texts, bound }
    }

    /// Nothing when the function says so, or when it says what cannot be.
    pub(super) fn of(&self, req: &ServiceRequest) -> ResolvedLimits {
        let (quotas, is_invalid) = match self.call(req) {
            DynamicQuotas::Unlimited => (None, false),
            DynamicQuotas::Quotas(quotas) => (Some(quotas), false),
            DynamicQuotas::Text(text) => self.read(text),
            DynamicQuotas::Error(error) => {
                tracing::error!(code = "L014", %error, place = %self.binder.slot.label,
                    "a function could not tell a limit; the request is answered 500");
                return ResolvedLimits { callback_failed: true, ..ResolvedLimits::default() };
            }
        };
        let limits = quotas.map(|quotas| self.bind(quotas)).unwrap_or_default();
        ResolvedLimits { limits, is_invalid, callback_failed: false }
    }

    /// Asks the function, once per request: a plan may be made anew when the request meets another rule than
    /// its path let expect.
    fn call(&self, req: &ServiceRequest) -> DynamicQuotas {
        let is_this = |(function, _): &&(QuotasFn, DynamicQuotas)| Arc::ptr_eq(function, &self.function);
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
            cache.0.push((Arc::clone(&self.function), quotas.clone()));
        }
        quotas
    }

    /// What can be read of the text, and whether something cannot.
    fn read(&self, text: Cow<'static, str>) -> ParsedText {
        if let Some(known) = self.texts.borrow().get(&text) {
            return known.clone();
        }
        let read = match text.parse() {
            Ok(quotas) => (Some(quotas), false),
            Err(error) => {
                self.log_invalid(&error);
                (Quotas::lenient(&text), true)
            }
        };
        // Longer texts cannot be read, and may have come from a client: they are not kept.
        if text.len() <= Quotas::MAX_TEXT_LEN {
            remember(&self.texts, text, &read);
        }
        read
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

    /// Said once for each text, since it is remembered.
    fn log_invalid(&self, error: &dyn fmt::Display) {
        tracing::error!(code = "L001", %error, place = %self.binder.slot.label,
            "a function told a limit that cannot be read; the limits further out hold");
    }
}

fn remember<K: std::hash::Hash + Eq, V: Clone>(known: &RefCell<HashMap<K, V>>, key: K, value: &V) {
    let mut known = known.borrow_mut();
    if known.len() >= MAX_REMEMBERED {
        known.clear();
    }
    known.insert(key, value.clone());
}
