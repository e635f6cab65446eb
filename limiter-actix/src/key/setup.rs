//! Looks for half-right set-ups of trusted proxies, in the first requests of a limiter.

use std::{
    net::IpAddr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
};

use actix_web::{
    dev::ServiceRequest,
    http::header::{FORWARDED, HeaderName, X_FORWARDED_FOR},
};
use limiter_core::log::{event, unthrottled};

use super::{
    address::peer,
    proxies::trace::{Fault, Trace},
};
use crate::TrustedProxies;

/// The number of requests that are looked at. Behind a proxy all have the same way, so a fault shows soon.
const SEARCHED: u32 = 1000;

/// The number of requests after which what none of them has never comes.
const ENOUGH: u32 = 100;

/// The first requests of a limiter, as far as they show its set-up.
#[derive(Debug, Default)]
pub(super) struct SetupWatch {
    requests: AtomicU32,
    is_logged: AtomicBool,
    from_proxies: AtomicU32,
    with_header: AtomicU32,
    /// From proxies, with the header.
    proxied: AtomicU32,
    /// Of these, those with fewer addresses than proxies.
    short: AtomicU32,
    first_client: OnceLock<Option<IpAddr>>,
    has_other_client: AtomicBool,
}

/// Headers that proxies write.
static FORWARDING: [HeaderName; 5] = [
    X_FORWARDED_FOR,
    FORWARDED,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("cf-connecting-ip"),
    HeaderName::from_static("true-client-ip"),
];

/// Returns the first header of a request that proxies write.
fn forwarding_header(req: &ServiceRequest) -> Option<&'static str> {
    let headers = req.headers();
    if headers.is_empty() {
        return None;
    }
    FORWARDING.iter().find(|name| headers.contains_key(*name)).map(HeaderName::as_str)
}

impl SetupWatch {
    /// Returns whether the next request is one of the first. Afterwards nothing is written that workers share.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        self.requests.load(Relaxed) < SEARCHED && !self.is_logged.load(Relaxed)
    }

    /// Looks for a forwarding header, where no proxy is trusted.
    #[cold]
    pub(super) fn look_for_proxies(&self, req: &ServiceRequest) {
        if self.requests.fetch_add(1, Relaxed) < SEARCHED
            && forwarding_header(req).is_some()
            && self.is_first()
        {
            event!(
                unthrottled(Some("L011")),
                WARN,
                "a request has X-Forwarded-For or another forwarding header, but no proxy is trusted: if a proxy sent \
                 it, all its clients share one count; set `LimiterBuilder::trusted_proxies`, or \
                 `TrustedProxies::none()` if there is no proxy"
            );
        }
    }

    /// Looks at the way of a request through trusted proxies. Logs one fault at most.
    #[cold]
    pub(super) fn look_at(&self, proxies: &TrustedProxies, req: &ServiceRequest) {
        if proxies.are_none() {
            self.requests.store(SEARCHED, Relaxed);
            return;
        }
        let trace = proxies.trace(peer(req), req.headers());
        let number = self.requests.fetch_add(1, Relaxed) + 1;
        if let Some(log) = self.add(&trace, number)
            && self.is_first()
        {
            log(req);
        }
    }

    /// Returns whether all requests from proxies had the same client, on another machine.
    fn has_one_client(&self) -> bool {
        let is_elsewhere = |client: &Option<IpAddr>| client.is_some_and(|client| !client.is_loopback());
        self.first_client.get().is_some_and(is_elsewhere) && !self.has_other_client.load(Relaxed)
    }

    fn is_first(&self) -> bool {
        !self.is_logged.swap(true, Relaxed)
    }

    /// Adds a request, and returns the event of the fault that all requests so far show.
    fn add(&self, trace: &Trace, number: u32) -> Option<fn(&ServiceRequest)> {
        let add = |to: &AtomicU32, is: bool| to.fetch_add(u32::from(is), Relaxed) + u32::from(is);
        let from_proxies = add(&self.from_proxies, trace.is_from_proxy);
        let with_header = add(&self.with_header, trace.has_header);
        let proxied = add(&self.proxied, trace.is_from_proxy && trace.has_header);
        let short = add(&self.short, trace.has_header && trace.fault == Some(Fault::Short));
        if trace.is_from_proxy && *self.first_client.get_or_init(|| trace.client) != trace.client {
            self.has_other_client.store(true, Relaxed);
        }
        let is_enough = |number: u32| number == ENOUGH;
        if trace.fault == Some(Fault::EndsAtProxy) {
            Some(log_inner_proxy)
        } else if is_enough(number) && from_proxies == 0 && with_header > 0 {
            Some(log_untrusted)
        } else if is_enough(from_proxies) && proxied == 0 {
            Some(log_missing)
        } else if is_enough(proxied) && short == proxied {
            Some(log_short)
        } else if number == SEARCHED && from_proxies == number && self.has_one_client() {
            Some(log_same)
        } else {
            None
        }
    }
}

fn log_untrusted(req: &ServiceRequest) {
    event!(
        unthrottled(Some("L060")),
        WARN,
        peer = peer(req).map(|peer| peer.to_string()).as_deref(),
        "no request came from a trusted proxy, but some have its header: the clients of the proxy share one count; add \
         its address to `TrustedProxies::networks`"
    );
}

fn log_inner_proxy(_: &ServiceRequest) {
    event!(
        unthrottled(Some("L061")),
        WARN,
        "the address behind the trusted proxies is private, and has reported another: if it is a proxy, all its clients \
         share one count; add its address to `TrustedProxies::networks`, or set `hops` to the number of all proxies"
    );
}

fn log_same(_: &ServiceRequest) {
    event!(
        unthrottled(Some("L062")),
        WARN,
        "all requests through the trusted proxies have the same client: if that is another proxy, all its clients share \
         one count; trust it too, and choose the header that the outermost proxy begins"
    );
}

fn log_missing(req: &ServiceRequest) {
    let other = forwarding_header(req);
    event!(
        unthrottled(Some("L063")),
        WARN,
        other = other,
        "no request from a trusted proxy has the header that it should write: all its clients share one count; let the \
         proxy write it, or choose the one that it writes"
    );
}

fn log_short(_: &ServiceRequest) {
    event!(
        unthrottled(Some("L064")),
        WARN,
        "requests pass fewer proxies than `TrustedProxies::hops`: clients can choose their address; set it to the number \
         of proxies"
    );
}
