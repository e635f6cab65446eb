use std::{borrow::Cow, cell::RefCell, collections::HashMap, fmt, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;
use limiter_core::Quotas;
use smallvec::{SmallVec, smallvec};

use super::{Found, Placed, placed::Maker};
use crate::{TellsQuotas, limit::QuotasFn};

/// A limit at its place, whose quotas a function of the request tells.
pub(crate) struct Told {
    function: QuotasFn,
    maker: Maker,
    /// What each text was read as; none when it could not be.
    texts: RefCell<HashMap<Cow<'static, str>, Option<Quotas>>>,
    /// What quotas came to.
    placed: RefCell<HashMap<Quotas, Several>>,
}

type Several = SmallVec<[Rc<Placed>; 2]>;

/// How many texts and quotas of one function are remembered. One that tells more of them is read anew.
const MOST_REMEMBERED: usize = 256;

impl Told {
    pub(super) fn new(function: &QuotasFn, maker: Maker) -> Self {
        let (texts, placed) = (RefCell::default(), RefCell::default());
        Self { function: Arc::clone(function), maker, texts, placed }
    }

    /// Nothing when the function says so, or when it says what cannot be.
    pub(super) fn of(&self, req: &ServiceRequest) -> Found {
        let quotas = match (self.function)(req) {
            TellsQuotas::Nothing => return Found { limits: smallvec![], failed: false },
            TellsQuotas::Quotas(quotas) => Some(quotas),
            TellsQuotas::Text(text) => self.read(text),
        };
        let limits = quotas.map(|quotas| self.placed(quotas));
        Found { failed: limits.is_none(), limits: limits.unwrap_or_default() }
    }

    fn read(&self, text: Cow<'static, str>) -> Option<Quotas> {
        if let Some(known) = self.texts.borrow().get(&text) {
            return known.clone();
        }
        let quotas = text.parse().inspect_err(|error| self.complain(error)).ok();
        remember(&self.texts, text, &quotas);
        quotas
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
