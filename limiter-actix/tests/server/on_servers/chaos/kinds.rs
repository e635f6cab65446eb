//! Limits of every kind, each on a route of its own.

use actix_web::{HttpResponse, http::header::HeaderName, web::ServiceConfig};
use limiter_actix::{
    Leases, Limit, Limiter, LimiterBuilder, OnStorageFailure, Quota, Rule, Strategy, Unit, Usage, key,
    resource,
};

use super::LEASE;

/// A kind of limits.
#[derive(Debug)]
pub(super) struct Kind {
    /// Also its path, behind the slash.
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) amount: u64,
}

/// How a kind counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Each admitted request counts once.
    Count(Strategy),
    Calendar,
    /// The same, ahead of need.
    Leased,
    /// A second limit counts the requests of several clients. On a cluster it is in another slot.
    Pair,
    Concurrent,
    /// [`RESERVED`] and [`USED`] units.
    Metered,
    /// After [`BREACHES`], a client is refused by a meta limit.
    Meta,
    /// Without a decision, requests are denied.
    Deny,
    /// Without a decision, requests pass.
    Allow,
}

const fn kind(name: &'static str, form: Form, amount: u64) -> Kind {
    Kind { name, form, amount }
}

/// All of them.
pub(super) const KINDS: &[Kind] = &[
    kind("fixed", Form::Count(Strategy::FixedWindow), 30),
    kind("elastic", Form::Count(Strategy::FixedWindowElasticExpiry), 30),
    kind("moving", Form::Count(Strategy::MovingWindow), 30),
    kind("sliding", Form::Count(Strategy::SlidingWindowCounter), 30),
    kind("bucket", Form::Count(Strategy::TokenBucket), 30),
    kind("calendar", Form::Calendar, 30),
    kind("pair", Form::Pair, 30),
    kind("concurrent", Form::Concurrent, 3),
    kind("metered", Form::Metered, 30),
    kind("meta", Form::Meta, 20),
    kind("deny", Form::Deny, 30),
    kind("allow", Form::Allow, 30),
    kind("leased", Form::Leased, 400),
];

/// The amount of the second limit of a pair.
pub(super) const PAIRS: u64 = 45;
/// Units that a metered request reserves, and fewer that it uses.
pub(super) const RESERVED: u64 = 3;
pub(super) const USED: u64 = 2;
/// Breaches of a client until a meta limit refuses it.
pub(super) const BREACHES: u64 = 5;

pub(super) const CLIENT: &str = "x-key";
pub(super) const GROUP: &str = "x-group";
pub(super) const DECIDED_BY: &str = "x-decided-by";

/// Refused by a meta limit.
pub(super) const REFUSED_BY_META: u16 = 418;

impl Kind {
    fn limit(&self) -> Limit {
        // So slow that nothing comes back while the test runs.
        let count = Limit::new(Quota::new(self.amount, 10, Unit::Year));
        match self.form {
            Form::Count(strategy) => count.strategy(strategy),
            Form::Calendar => Limit::new(Quota::per_calendar_year(self.amount)),
            Form::Concurrent => Limit::concurrent(self.amount),
            Form::Metered => count.metered(true).cost(RESERVED),
            Form::Deny => count.on_storage_failure(OnStorageFailure::Deny),
            Form::Allow => count.on_storage_failure(OnStorageFailure::Allow),
            Form::Leased | Form::Pair | Form::Meta => count,
        }
    }

    fn rule(&self) -> Rule {
        let rule = Rule::new().limit(self.limit());
        if self.form != Form::Pair {
            return rule;
        }
        rule.limit(Limit::new(Quota::new(PAIRS, 10, Unit::Year)).key(key::header(GROUP)))
    }
}

/// The limiters of a process, as users have them: without meta limits, and with one. Requests under meta limits are not
/// leased, so one limiter cannot have both.
pub(super) fn limiters(uri: &str) -> [Limiter; 2] {
    let of_all = |it: LimiterBuilder| {
        let it = it.storage_uri(uri).key(key::header(CLIENT)).lease(LEASE);
        it.fallback_header(HeaderName::from_static(DECIDED_BY)).build().expect("a limiter")
    };
    let meta =
        Limiter::builder().key_prefix("meta").meta_limits(Limit::new(Quota::new(BREACHES, 10, Unit::Year)));
    let meta = meta.on_meta_breach(|_, _| HttpResponse::ImATeapot().finish());
    [of_all(Limiter::builder().leases(Leases::default())), of_all(meta)]
}

async fn ok() -> HttpResponse {
    HttpResponse::Ok().finish()
}

async fn metered(usage: Usage) -> HttpResponse {
    usage.set(USED);
    HttpResponse::Ok().finish()
}

/// The routes under both limiters. A request is sent to the one that its kind needs.
pub(super) fn routes(app: &mut ServiceConfig) {
    for kind in KINDS {
        let path = format!("/{}", kind.name);
        if kind.form == Form::Metered {
            app.service(resource(path, kind.rule(), |it| it.to(metered)));
        } else {
            app.service(resource(path, kind.rule(), |it| it.to(ok)));
        }
    }
}
