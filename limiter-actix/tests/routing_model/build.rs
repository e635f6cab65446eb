//! Builds the app that is described, and its bare twin without any limiter.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_http::Request;
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    middleware::{Condition, NormalizePath, TrailingSlash, from_fn},
    test::init_service,
    web,
};
use limiter_actix::{Limiter, LimiterBuilder, ManualClock, Quota, Timestamp, storage::MemoryStorage};

use crate::{
    arrive::{Handler, handler, note_passing},
    description::{self, At, Lift, Rewrite, Rule, Settings, Verb},
    middleware::{defer, deny, take_off},
    mount::{Mount, Twin},
    sites::Sites,
};

thread_local! {
    /// One for all limiters of this thread: each has a prefix of its own.
    static STORAGE: Arc<MemoryStorage> = Arc::new(MemoryStorage::new());
}

/// Builds the app with its limiters.
pub(crate) async fn limited(
    app: &description::App,
    sites: &Sites<'_>,
) -> impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error> {
    let mut builder = limiter(&app.limiter);
    for given in &app.given {
        let Some(pattern) = sites.pattern_of(given) else { continue };
        builder = give(builder, given, &pattern);
    }
    let limiter = builder.build().expect("a limiter");
    let mount = Mount::new(Twin::Limited);
    let built = App::new()
        .wrap(Condition::new(app.inside == Some(Rewrite::TakeOff), from_fn(take_off)))
        .wrap(normalize(app.inside))
        .wrap(Condition::new(app.defers, from_fn(defer)))
        .wrap(Condition::new(app.denies, from_fn(deny)))
        .wrap(limiter)
        .wrap(normalize(app.outside))
        .wrap(Condition::new(app.outside == Some(Rewrite::TakeOff), from_fn(take_off)))
        .configure(|it| mount.all(it, &app.places));
    if app.default {
        init_service(built.default_service(web::to(handler(Handler::Default)))).await
    } else {
        init_service(built).await
    }
}

/// Builds the bare twin, in which all that can answer notes it.
pub(crate) async fn bare(
    app: &description::App,
) -> impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error> {
    let mount = Mount::new(Twin::Bare);
    let bare = App::new()
        .wrap(Condition::new(app.inside == Some(Rewrite::TakeOff), from_fn(take_off)))
        .wrap(normalize(app.inside))
        .wrap_fn(|req, next| {
            note_passing(req.match_info().as_str());
            next.call(req)
        })
        .wrap(normalize(app.outside))
        .wrap(Condition::new(app.outside == Some(Rewrite::TakeOff), from_fn(take_off)))
        .configure(|it| mount.all(it, &app.places))
        .default_service(web::to(handler(Handler::Default)));
    init_service(bare).await
}

fn normalize(rewrite: Option<Rewrite>) -> Condition<NormalizePath> {
    let slash = match rewrite {
        Some(Rewrite::Trim) => Some(TrailingSlash::Trim),
        Some(Rewrite::MergeOnly) => Some(TrailingSlash::MergeOnly),
        Some(Rewrite::Always) => Some(TrailingSlash::Always),
        Some(Rewrite::TakeOff) | None => None,
    };
    Condition::new(slash.is_some(), NormalizePath::new(slash.unwrap_or_default()))
}

/// A limiter whose time stands still, and which shares nothing with any other.
pub(crate) fn limiter(settings: &Settings) -> LimiterBuilder {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let start = Timestamp::from_millis(1_767_225_600_000);
    let mut builder = Limiter::builder()
        .clock(Arc::new(ManualClock::new(start)))
        .memory_storage(STORAGE.with(Arc::clone))
        .key_prefix(NUMBER.fetch_add(1, Ordering::Relaxed).to_string())
        .default_limits_per_method(settings.per_method)
        .default_limits_on_unmatched(!settings.not_on_unmatched);
    if settings.has_filter {
        builder = builder.request_filter(|_| false);
    }
    if let Some(amount) = settings.application {
        builder = builder.application_limits(Quota::per_hour(amount));
    }
    if let Some(amount) = settings.defaults {
        builder = builder.default_limits(Quota::per_hour(amount));
    }
    builder
}

/// Gives a rule by pattern, as limits, as an exemption, or as both.
fn give(mut builder: LimiterBuilder, given: &description::PatternRule, pattern: &str) -> LimiterBuilder {
    let methods: Vec<_> = given.methods.iter().map(|method| method.name()).collect();
    let route =
        if methods.is_empty() { pattern.to_owned() } else { format!("{} {pattern}", methods.join(",")) };
    let exempt = exempt(&given.rule);
    if !given.rule.lifts.is_empty() {
        builder = match given.at {
            At::Route => builder.exempt_route_from(&route, exempt),
            At::Scope => builder.exempt_scope_from(pattern, exempt),
        };
    }
    if given.rule.limits.is_empty() {
        return builder;
    }
    let limits = limits(&given.rule);
    match given.at {
        At::Route => builder.route(&route, limits),
        At::Scope => builder.scope(pattern, limits),
    }
}

/// The rule as the limiter takes it.
pub(crate) fn rule(rule: &Rule) -> limiter_actix::Rule {
    limiter_actix::Rule::from(limits(rule)).exempt(exempt(rule))
}

fn exempt(rule: &Rule) -> limiter_actix::Exempt {
    use limiter_actix::Exempt;
    let exempts = rule.lifts.iter().map(|lift| match lift {
        Lift::All => Exempt::ALL,
        Lift::Defaults => Exempt::DEFAULT,
        Lift::Application => Exempt::APPLICATION,
        Lift::Scopes => Exempt::SCOPES,
    });
    exempts.fold(Exempt::NONE, |all, one| all | one)
}

fn limits(rule: &Rule) -> Vec<limiter_actix::Limit> {
    let limits = rule.limits.iter().map(|limit| {
        let built = limiter_actix::Limit::new(Quota::per_hour(limit.amount))
            .override_defaults(!limit.adds)
            .per_method(limit.per_method);
        let mut methods = limit.methods.iter().map(|method: &Verb| method.name()).peekable();
        if methods.peek().is_some() { built.methods(methods) } else { built }
    });
    limits.collect()
}
