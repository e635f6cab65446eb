//! What the headers of an answer show of its request.

use std::cmp::Reverse;

use actix_web::http::header::HeaderMap;
use limiter_core::Window;

use super::state::Ticket;
use crate::response::headers::Headers;
use crate::{plan::bound_limit::Tier, report::current::Current};

/// A window that may speak for all of a request, and what decides which of them does: the innermost level, and
/// there the shortest window, or of equal ones the one with the least left.
struct Speaker {
    rank: (Tier, Reverse<u64>, Reverse<u64>),
    window: Window,
}

impl Ticket {
    /// Sets the headers of an answer to its request. Where other limiters stand further in, theirs are shown as
    /// well, so that what they have set is not lost.
    pub(crate) fn show(&self, headers: &mut HeaderMap) {
        let settings = &self.local.config.settings.headers;
        settings.set_fallback(headers, self.decided_by.get());
        if settings.which == Headers::NONE {
            return;
        }
        let breach = self.breach.borrow();
        let window = breach.as_ref().map(|breach| breach.window()).or_else(|| self.shown());
        let Some(window) = window else { return };
        let mut limits = Current::new();
        if settings.which.ietf_draft_11 {
            self.add_current(&mut limits);
            self.inner.borrow().iter().for_each(|inner| inner.add_current(&mut limits));
            limits.extend(breach.iter().flat_map(|breach| breach.limits().iter()).cloned());
        }
        settings.set(headers, &window, &limits, self.decided_at);
    }

    fn shown(&self) -> Option<Window> {
        let inner = self.inner.borrow();
        let speakers = self.speaker().into_iter().chain(inner.iter().filter_map(|inner| inner.speaker()));
        let last_best = |best: Speaker, next: Speaker| if next.rank >= best.rank { next } else { best };
        speakers.reduce(last_best).map(|speaker| speaker.window)
    }

    fn speaker(&self) -> Option<Speaker> {
        let charges = self.charges.borrow();
        let speakers = charges.iter().filter(|charge| !charge.placed.limit.shadow).filter_map(|charge| {
            let placed = &charge.placed;
            let window = charge.window?;
            let length = placed.policy.quota().window_seconds();
            Some(Speaker { rank: (placed.tier, Reverse(length), Reverse(window.remaining())), window })
        });
        speakers.reduce(|best, next| if next.rank > best.rank { next } else { best })
    }
}
