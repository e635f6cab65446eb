//! The headers of responses to admitted requests.

use std::cmp::Reverse;

use actix_web::http::header::HeaderMap;
use limiter_core::Window;

use super::{state::RequestState, straight_request::StraightRequest};
use crate::{
    Headers,
    plan::{
        bound_limit::{BoundLimit, Tier},
        field_texts::FieldTexts,
    },
    report::current::Current,
    response::headers::{self, ietf_draft_11, x_ratelimit},
};

/// The rank of a window that may stand for the whole request in `X-RateLimit-*`. The innermost level ranks highest,
/// there the shortest window, and of equal ones the one with the least remaining. Concurrent requests have no window, and
/// rank lowest at their level.
type Rank = (Tier, Reverse<u64>, Reverse<u64>);

fn rank(limit: &BoundLimit, window: &Window) -> Rank {
    let quota = limit.policy.quota();
    let seconds = if quota.unit().is_concurrent() { u64::MAX } else { quota.window_seconds() };
    (limit.tier, Reverse(seconds), Reverse(window.remaining()))
}

impl RequestState {
    /// Sets the headers of a response. They include the limits of limiters further in, whose headers they replace.
    pub(super) fn show(&self, headers: &mut HeaderMap) {
        let settings = &self.predicted.settings().headers;
        headers::set_fallback(settings, headers, self.decided_by.get());
        if settings.which == Headers::NONE {
            return;
        }
        let breach = self.breach.borrow();
        let window = breach.as_ref().map(|breach| breach.window()).or_else(|| self.shown_window());
        let Some(window) = window else { return };
        let mut limits = Current::new();
        if settings.which.ietf_draft_11 {
            self.add_current(&mut limits);
            self.inner.borrow().iter().for_each(|inner| inner.add_current(&mut limits));
            limits.extend(breach.iter().flat_map(|breach| breach.limits().iter()).cloned());
        }
        headers::set(settings, headers, &window, &limits, self.predicted.decided_at);
    }

    fn shown_window(&self) -> Option<Window> {
        let inner = self.inner.borrow();
        let all =
            self.representative().into_iter().chain(inner.iter().filter_map(|inner| inner.representative()));
        all.max_by_key(|(rank, _)| *rank).map(|(_, window)| window)
    }

    fn representative(&self) -> Option<(Rank, Window)> {
        let charges = self.charges.borrow();
        let shown = charges.iter().filter(|charge| !charge.limit.options.shadow);
        let all =
            shown.filter_map(|charge| Some((rank(&charge.limit, charge.window.as_ref()?), charge.window?)));
        // The first of equal ones.
        all.reduce(|best, next| if next.0 > best.0 { next } else { best })
    }
}

impl StraightRequest {
    /// Sets the headers of a response, if clients see any.
    #[inline]
    pub(super) fn show(&self, headers: &mut HeaderMap) {
        if self.settings().headers.which != Headers::NONE {
            self.set_headers(headers);
        }
    }

    fn set_headers(&self, headers: &mut HeaderMap) {
        let settings = &self.settings().headers;
        if settings.partitions.is_some() || self.plan.has_calendar {
            return self.show_anew(headers);
        }
        if settings.which.x_ratelimit
            && let Some((limit, window)) = self.representative()
        {
            x_ratelimit::set_admitted(headers, &settings.names, limit, window, self.decided_at());
        }
        if settings.which.ietf_draft_11
            && let Some(texts) = self.field_texts()
        {
            ietf_draft_11::set_admitted(headers, texts, self.limits().map(|(_, window)| window));
        }
    }

    fn representative(&self) -> Option<(&BoundLimit, &Window)> {
        let rank_of = |(limit, window): (&BoundLimit, &Window)| rank(limit, window);
        self.limits().reduce(|best, next| if rank_of(next) > rank_of(best) { next } else { best })
    }

    /// Returns the texts of the IETF fields of these limits. `None` if the client is unlimited.
    fn field_texts(&self) -> Option<&FieldTexts> {
        self.limits().next()?;
        let make = || {
            let mut limits = Current::new();
            self.add_current(&mut limits);
            ietf_draft_11::texts(&limits)
        };
        self.plan.field_texts.get_or_init(make).as_ref()
    }

    /// Sets the headers without the texts of earlier requests: with a part of the client's own, or with the length of this
    /// very window.
    fn show_anew(&self, headers: &mut HeaderMap) {
        let settings = &self.settings().headers;
        let Some((_, window)) = self.representative() else { return };
        let mut limits = Current::new();
        self.add_current(&mut limits);
        headers::set(settings, headers, window, &limits, self.decided_at());
    }
}
