//! The headers of responses to admitted requests.

use std::cmp::Reverse;

use actix_web::http::header::HeaderMap;
use limiter_core::Window;

use super::{state::RequestState, straight_request::StraightRequest};
use crate::{
    Headers,
    plan::bound_limit::{BoundLimit, Tier},
    report::current::Current,
    response::headers,
};

/// A window that may stand for the whole request in `X-RateLimit-*`, with its rank. The innermost level ranks
/// highest, there the shortest window, and of equal ones the one with the least remaining.
struct Representative {
    rank: (Tier, Reverse<u64>, Reverse<u64>),
    window: Window,
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
        let last_best =
            |best: Representative, next: Representative| if next.rank >= best.rank { next } else { best };
        all.reduce(last_best).map(|best| best.window)
    }

    fn representative(&self) -> Option<Representative> {
        let charges = self.charges.borrow();
        let shown = charges.iter().filter(|charge| !charge.limit.options.shadow);
        Representative::of(shown.filter_map(|charge| Some((&*charge.limit, charge.window.as_ref()?))))
    }
}

impl StraightRequest {
    /// Sets the headers of a response.
    pub(super) fn show(&self, headers: &mut HeaderMap) {
        let settings = &self.settings().headers;
        if settings.which == Headers::NONE {
            return;
        }
        let Some(Representative { window, .. }) = Representative::of(self.limits()) else { return };
        let mut limits = Current::new();
        if settings.which.ietf_draft_11 {
            self.add_current(&mut limits);
        }
        headers::set(settings, headers, &window, &limits, self.decided_at());
    }
}

impl Representative {
    fn of<'a>(limits: impl Iterator<Item = (&'a BoundLimit, &'a Window)>) -> Option<Self> {
        let all = limits.map(|(limit, window)| {
            let length = limit.policy.quota().window_seconds();
            Self { rank: (limit.tier, Reverse(length), Reverse(window.remaining())), window: *window }
        });
        all.reduce(|best, next| if next.rank > best.rank { next } else { best })
    }
}
