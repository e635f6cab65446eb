//! The async functions of a plan, awaited before its limits are decided.
//!
//! Only those are called whose limits apply. Which ones do depends on the answers: if an inner limit fails, the outer ones
//! apply. So they are called level by level, beginning with those that apply if all others answer.

use std::rc::Rc;

use actix_web::dev::ServiceRequest;
use limiter_core::log::{event, shown};

use super::{
    DeclaredLimit, Plan, PlannedLevel,
    applicable::effect,
    resolve::{Level, LevelLimits, resolve},
};
use crate::{
    Limit,
    limit::async_function::{AsyncFailure, AsyncFunction, call_all},
    settings::Settings,
};

impl Plan {
    /// Returns whether any limit has an async function, or counts by the limiter's async key.
    pub(super) fn find_async(&self, settings: &Settings) -> bool {
        settings.async_key.is_some() && self.all_declared().next().is_some()
            || self.all_declared().any(|declared| !declared.options().async_functions.is_empty())
    }

    /// Returns whether async functions must be called before a request can be decided here.
    #[inline]
    pub(crate) fn awaits(&self, req: &ServiceRequest, settings: &Settings) -> bool {
        self.has_async && !self.uncalled(req, settings).is_empty()
    }

    /// Calls the async functions that decide about a request, and logs the failures.
    pub(crate) async fn call_async(&self, req: &ServiceRequest, settings: &Settings) {
        if !self.has_async {
            return;
        }
        // The functions may read the client's address.
        settings.address.begin(req);
        // Each time, the functions of one more level follow at most, and then the limiter's key.
        for _ in 0..2 * self.levels.len() + 4 {
            let functions = self.uncalled(req, settings);
            if functions.is_empty() {
                return;
            }
            settings.call_async(&functions, req).await;
        }
    }

    /// Returns the functions that are to be called next: those of the limits that apply, as far as it is known.
    fn uncalled(&self, req: &ServiceRequest, settings: &Settings) -> Vec<AsyncFunction> {
        let levels: Vec<Level> = self.levels.iter().map(|level| level.expected(req)).collect();
        let applies = resolve(&levels);
        let mut uncalled = Vec::new();
        let mut add = |limits: &[DeclaredLimit]| {
            for declared in limits {
                declared.add_uncalled(req, settings, &mut uncalled);
            }
        };
        if applies.meta {
            add(&self.meta);
        }
        if applies.application {
            add(&self.application);
        }
        for (level, _) in self.levels.iter().zip(applies.levels).filter(|(_, applies)| *applies) {
            add(&level.limits);
        }
        uncalled
    }
}

impl PlannedLevel {
    /// Returns the level as it will be if all functions answer that were not called yet.
    fn expected(&self, req: &ServiceRequest) -> Level {
        let (mut options, mut is_invalid): (Vec<Rc<Limit>>, bool) = (Vec::new(), false);
        for declared in &self.limits {
            if declared.is_uncalled(req) {
                options.push(Rc::clone(declared.options()));
                continue;
            }
            let resolved = declared.of(req);
            if resolved.callback_failed {
                return Level { exempt: self.exempt, limits: LevelLimits::Overriding };
            }
            is_invalid |= resolved.is_invalid;
            options.extend(resolved.limits.iter().map(|limit| Rc::clone(&limit.options)));
        }
        let limits = effect(options.iter().map(|options| &**options)).unless_invalid(is_invalid);
        Level { exempt: self.exempt, limits }
    }
}

impl DeclaredLimit {
    /// Calls the async functions of a limit that is not part of a plan.
    pub(crate) async fn call_async(&self, req: &ServiceRequest, settings: &Settings) {
        settings.address.begin(req);
        // The limiter's key may follow, if that of the limit is missing.
        for _ in 0..2 {
            let mut uncalled = Vec::new();
            self.add_uncalled(req, settings, &mut uncalled);
            if !uncalled.is_empty() {
                settings.call_async(&uncalled, req).await;
            }
        }
    }

    /// Returns whether a function of the limit is still to be called.
    fn is_uncalled(&self, req: &ServiceRequest) -> bool {
        self.options().async_functions.iter().any(|function| !function.is_called(req))
    }

    fn add_uncalled(&self, req: &ServiceRequest, settings: &Settings, uncalled: &mut Vec<AsyncFunction>) {
        let options = self.options();
        let own = options.async_functions.iter();
        let client = settings.async_key.iter().filter(|_| self.may_need_client(req));
        for function in own.chain(client) {
            if !function.is_called(req) && !uncalled.contains(function) {
                uncalled.push(function.clone());
            }
        }
    }

    /// Returns whether the limit counts by the limiter's key, since it has none of its own or that is missing.
    fn may_need_client(&self, req: &ServiceRequest) -> bool {
        let options = self.options();
        match &options.key {
            None => true,
            Some(key) => options.has_answers(req) && key(req).is_missing(),
        }
    }
}

impl Settings {
    /// Calls async functions at once, and logs the failures.
    pub(crate) async fn call_async(&self, functions: &[AsyncFunction], req: &ServiceRequest) {
        for AsyncFailure { function, reason } in call_all(functions, req, self.function_deadline).await {
            event!(
                self.telemetry.lines.async_failed.permit(self.clock.now()),
                ERROR,
                option = function.option,
                error = shown(&reason),
                "async function failed: for this request its limit does not apply, and the outer limits do; a filter skips \
                 nothing, and the limiter's key is the client address"
            );
        }
    }

    /// Calls the async request filters.
    pub(crate) async fn call_async_filters(&self, req: &ServiceRequest) {
        let functions: Vec<AsyncFunction> =
            self.async_filters.iter().filter(|filter| !filter.is_called(req)).cloned().collect();
        if !functions.is_empty() {
            self.address.begin(req);
            self.call_async(&functions, req).await;
        }
    }

    /// Calls the limiter's async key.
    pub(crate) async fn call_async_key(&self, req: &ServiceRequest) {
        if let Some(key) = self.async_key.as_ref().filter(|key| !key.is_called(req)) {
            self.address.begin(req);
            self.call_async(std::slice::from_ref(key), req).await;
        }
    }
}
