use std::{borrow::Cow, cell::RefCell, collections::HashMap, fmt, rc::Rc, sync::Arc};

use actix_web::{HttpMessage, dev::ServiceRequest};
use limiter_core::Quotas;
use smallvec::SmallVec;

use super::{
    Found,
    bound_limit::{Maker, Placed},
};
use crate::{DynamicQuotas, limit::quota_source::QuotasFn};

/// A limit at its place, whose quotas a function of the request tells.
pub(crate) struct Told {
    function: QuotasFn,
    maker: Maker,
    /// What each text was read as, and whether a part of it could not be.
    texts: RefCell<HashMap<Cow<'static, str>, Read>>,
    /// What quotas came to.
    placed: RefCell<HashMap<Quotas, Several>>,
}

/// What was read of a text, and whether a part of it could not be.
type Read = (Option<Quotas>, bool);
type Several = SmallVec<[Rc<Placed>; 2]>;

/// What functions have told for a request; in its extensions.
#[derive(Default)]
struct Asked(SmallVec<[(QuotasFn, DynamicQuotas); 2]>);

/// How many texts and quotas of one function are remembered. One that tells more of them is read anew.
const MOST_REMEMBERED: usize = 256;

impl Told {
    pub(super) fn new(function: &QuotasFn, maker: Maker) -> Self {
        let (texts, placed) = (RefCell::default(), RefCell::default());
        Self { function: Arc::clone(function), maker, texts, placed }
    }

    /// Nothing when the function says so, or when it says what cannot be.
    pub(super) fn of(&self, req: &ServiceRequest) -> Found {
        let (quotas, failed) = match self.ask(req) {
            DynamicQuotas::Unlimited => (None, false),
            DynamicQuotas::Quotas(quotas) => (Some(quotas), false),
            DynamicQuotas::Text(text) => self.read(text),
            DynamicQuotas::Error(error) => {
                tracing::error!(code = "L014", %error, place = %self.maker.place.label,
                    "a function could not tell a limit; the request is answered 500");
                return Found { is_broken: true, ..Found::default() };
            }
        };
        let limits = quotas.map(|quotas| self.placed(quotas)).unwrap_or_default();
        Found { limits, failed, is_broken: false }
    }

    /// Asks the function, once per request: a plan may be made anew when the request meets another rule than
    /// its path let expect.
    fn ask(&self, req: &ServiceRequest) -> DynamicQuotas {
        let is_this = |(function, _): &&(QuotasFn, DynamicQuotas)| Arc::ptr_eq(function, &self.function);
        let asked = req.extensions().get::<Asked>().and_then(|asked| asked.0.iter().find(is_this).cloned());
        if let Some((_, told)) = asked {
            return told;
        }
        let told = (self.function)(req);
        let mut extensions = req.extensions_mut();
        if extensions.get::<Asked>().is_none() {
            extensions.insert(Asked::default());
        }
        if let Some(asked) = extensions.get_mut::<Asked>() {
            asked.0.push((Arc::clone(&self.function), told.clone()));
        }
        told
    }

    /// What can be read of the text, and whether something cannot.
    fn read(&self, text: Cow<'static, str>) -> Read {
        if let Some(known) = self.texts.borrow().get(&text) {
            return known.clone();
        }
        let read = match text.parse() {
            Ok(quotas) => (Some(quotas), false),
            Err(error) => {
                self.complain(&error);
                (Quotas::lenient(&text), true)
            }
        };
        // Longer texts cannot be read, and may have come from a client: they are not kept.
        if text.len() <= Quotas::MAX_TEXT_LEN {
            remember(&self.texts, text, &read);
        }
        read
    }

    fn placed(&self, quotas: Quotas) -> Several {
        if let Some(known) = self.placed.borrow().get(&quotas) {
            return known.clone();
        }
        let each = quotas.as_slice().iter().enumerate();
        let placed =
            each.map(|(ordinal, quota)| Rc::new(self.maker.numbered(ordinal).make(*quota))).collect();
        remember(&self.placed, quotas, &placed);
        placed
    }

    /// Said once for each text, since it is remembered.
    fn complain(&self, error: &dyn fmt::Display) {
        tracing::error!(code = "L001", %error, place = %self.maker.place.label,
            "a function told a limit that cannot be read; the limits further out hold");
    }
}

fn remember<K: std::hash::Hash + Eq, V: Clone>(known: &RefCell<HashMap<K, V>>, key: K, value: &V) {
    let mut known = known.borrow_mut();
    if known.len() >= MOST_REMEMBERED {
        known.clear();
    }
    known.insert(key, value.clone());
}
