//! Keys whose values never come, or come only after the limiter has looked for them.

use std::{
    any::type_name,
    cell::Cell,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use actix_web::{
    HttpMessage, HttpRequest,
    dev::{Extensions, ServiceRequest},
};
use limiter_core::log::{Throttle, event};

/// The number of requests after which a value that none of them has never comes.
const ENOUGH: u32 = 1000;

/// The requests that a key has looked at, until one has its value. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<AtomicU32>);

impl Watch {
    /// Notes whether a request has the value. Returns `true` once, if the first requests all lack it.
    #[inline]
    pub(super) fn never_comes(&self, has_value: bool) -> bool {
        let number = self.0.load(Relaxed);
        number < ENOUGH && self.note(has_value)
    }

    #[cold]
    fn note(&self, has_value: bool) -> bool {
        if has_value {
            self.0.store(u32::MAX, Relaxed);
            return false;
        }
        // It may have come meanwhile, in another thread.
        let add = |number: u32| (number < ENOUGH).then_some(number + 1);
        self.0.fetch_update(Relaxed, Relaxed, add) == Ok(ENOUGH - 1)
    }

    /// Returns whether the value has come, or will not be looked for any more.
    #[inline]
    fn is_over(&self) -> bool {
        self.0.load(Relaxed) >= ENOUGH
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

/// Logs that the header of a key never comes.
#[cold]
pub(super) fn log_header(name: &str) {
    static NEVER: Throttle = Throttle::of("L065");
    event!(
        NEVER.permit_now(),
        WARN,
        name = name,
        "the header of a key was missing in the first 1000 requests: they counted by the limiter's key, or by address; \
         check its name, and that the proxy passes it on"
    );
}

thread_local! {
    /// The number of requests of this thread whose extensions have an [`AwaitedExtension`].
    static AWAITED: Cell<usize> = const { Cell::new(0) };
}

/// A value that a key has not found in the extensions of a request. Later middleware may set it.
struct AwaitedExtension {
    is_there: fn(&Extensions) -> bool,
    name: &'static str,
    watch: Watch,
}

impl Drop for AwaitedExtension {
    fn drop(&mut self) {
        AWAITED.set(AWAITED.get().saturating_sub(1));
    }
}

/// Notes that a request has no value of this type yet.
#[cold]
pub(super) fn await_extension<T: 'static>(req: &ServiceRequest, watch: &Watch) {
    if watch.is_over() || req.extensions().contains::<AwaitedExtension>() {
        return;
    }
    // Of a value that never comes, nothing is logged: nobody may be signed in.
    watch.never_comes(false);
    AWAITED.set(AWAITED.get() + 1);
    let (is_there, name) = (Extensions::contains::<T> as fn(&_) -> _, type_name::<T>());
    req.extensions_mut().insert(AwaitedExtension { is_there, name, watch: watch.clone() });
}

/// Looks whether a value that a key has missed was set after it, now that the request has its response.
#[inline]
pub(crate) fn look_again(req: &HttpRequest) {
    if AWAITED.get() > 0 {
        look(req);
    }
}

#[cold]
fn look(req: &HttpRequest) {
    static LATE: Throttle = Throttle::of("L066");
    let Some(awaited) = req.extensions_mut().remove::<AwaitedExtension>() else { return };
    if (awaited.is_there)(&req.extensions()) && !awaited.watch.is_over() {
        awaited.watch.never_comes(true);
        event!(
            LATE.permit_now(),
            WARN,
            extension = awaited.name,
            "the value of `key::extension` is set only after the limiter: the request counted by the limiter's key, or \
             by address; wrap the middleware that sets it after the limiter, so that it runs first"
        );
    }
}
