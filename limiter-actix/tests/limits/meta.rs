//! Meta limits of the limiter.

use actix_web::{HttpResponse, guard, web};
use limiter_actix::{Exempt, Key, Limit, Quota, Rule, ScopeExt};
use limiter_test_support::play::{header, limits, page, ruled};

use crate::probe::hold;

#[test]
fn after_so_many_breaches_everything_is_refused_until_the_window_ends() {
    hold(
        |it| it.default_limits("1/minute").meta_limits("2/hour").headers(true),
        |app| {
            app.service(page("/a", "a")).service(page("/b", "b")).service(ruled(
                "/ping",
                Exempt::ALL,
                "pong",
            ));
        },
        &[
            (0.0, "GET /a", "", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60] '1 per 1 minute'"),
            (1.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=3599] '1 per 1 minute'"),
            (2.0, "GET /a", "", "429 [L=2 R=0 X=T+3600 A=3598] '2 per 1 hour'"),
            (2.0, "GET /b", "", "429 [L=2 R=0 X=T+3600 A=3598] '2 per 1 hour'"),
            (2.0, "GET /nowhere", "", "429 '2 per 1 hour'"),
            (2.0, "GET /ping", "", "200 [] 'pong'"),
            (2.0, "GET /b", "k: c2", "200"),
            (3599.0, "GET /b", "", "429 '2 per 1 hour'"),
            (3600.0, "GET /b", "", "200"),
        ],
    );
}

/// A client that believes a shorter wait would come back to be refused for a day.
#[test]
fn the_breach_that_spends_a_meta_limit_waits_for_it() {
    hold(
        |it| it.default_limits("1/second").meta_limits("1/day"),
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 [A=86400] '1 per 1 second'"),
            (10.0, "GET /a", "", "429 [A=86390] '1 per 1 day'"),
            (10.0, "GET /a", "k: c2", "200"),
            (86400.0, "GET /a", "", "200"),
        ],
    );
}

#[test]
fn the_breach_that_spends_the_own_meta_limit_of_a_limit_waits_for_it() {
    let own = || Limit::new(Quota::per_second(1)).meta(Quota::per_hour(2));
    hold(
        |it| it.application_limits("3/second"),
        move |app| {
            app.service(ruled("/a", own(), "a")).service(page("/b", "b"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 [A=1] '1 per 1 second'"),
            (0.5, "GET /a", "", "429 [A=3600] '1 per 1 second'"),
            (10.0, "GET /b", "", "200"),
            (10.0, "GET /b", "", "200"),
            (10.0, "GET /b", "", "200"),
            (10.0, "GET /b", "", "429 [A=1] '3 per 1 second'"),
        ],
    );
}

#[test]
fn a_route_without_limits_is_refused_as_well() {
    hold(
        |it| it.meta_limits("1/hour"),
        |app| {
            app.service(ruled("/a", Quota::per_minute(1), "a")).service(page("/free", "f"));
        },
        &[
            (0.0, "GET /free", "", "200"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (0.0, "GET /free", "", "429 [A=3600] '1 per 1 hour'"),
            (0.0, "GET /nowhere", "", "429 [A=3600] '1 per 1 hour'"),
            (3600.0, "GET /free", "", "200"),
        ],
    );
}

#[test]
fn a_breach_of_two_limits_at_once_counts_once() {
    hold(
        |it| it.meta_limits("2/hour").application_limits("1/second"),
        |app| {
            app.service(ruled("/a", limits("1/minute; 1/day"), "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 day'"),
            (0.0, "GET /a", "", "429 '1 per 1 day'"),
            (0.0, "GET /a", "", "429 '2 per 1 hour'"),
        ],
    );
}

#[test]
fn refusals_by_the_meta_limit_add_nothing() {
    hold(
        |it| it.default_limits("1/second").meta_limits("1/minute; 2/hour"),
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 second'"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (1.0, "GET /a", "", "429 '1 per 1 minute'"),
            (59.0, "GET /a", "", "429 '1 per 1 minute'"),
            (60.0, "GET /a", "", "200"),
            (60.0, "GET /a", "", "429 '1 per 1 second'"),
            // Two breaches in this hour: this limit has the longer wait.
            (60.0, "GET /a", "", "429 '2 per 1 hour'"),
            (3599.0, "GET /a", "", "429 '2 per 1 hour'"),
            (3600.0, "GET /a", "", "200"),
        ],
    );
}

#[test]
fn shadow_breaches_add_nothing() {
    hold(
        |it| it.meta_limits("1/hour"),
        |app| {
            let shadow = Limit::new(Quota::per_minute(1)).shadow(true);
            app.service(ruled("/a", shadow, "a")).service(page("/b", "b"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /b", "", "200"),
        ],
    );
}

#[test]
fn a_meta_limit_in_shadow_refuses_nothing() {
    hold(
        |it| it.meta_limits(Limit::new(Quota::per_hour(1)).shadow(true)).default_limits("1/minute"),
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (60.0, "GET /a", "", "200"),
        ],
    );
}

#[test]
fn filtered_requests_are_neither_refused_nor_counted() {
    hold(
        |it| {
            let limited = it.default_limits("1/minute").meta_limits("1/hour");
            limited.request_filter(|req| header(req, "internal").is_some())
        },
        |app| {
            app.service(page("/a", "a")).service(page("/b", "b"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "internal: 1", "200"),
            (0.0, "GET /a", "internal: 1", "200"),
            (0.0, "GET /b", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (0.0, "GET /b", "", "429 '1 per 1 hour'"),
            (0.0, "GET /b", "internal: 1", "200"),
        ],
    );
}

#[test]
fn own_limits_of_an_exempt_route_add_nothing() {
    hold(
        |it| it.meta_limits("1/hour"),
        |app| {
            let all = Rule::from(limits("1/minute")).exempt(Exempt::ALL);
            let meta = Rule::from(limits("1/minute")).exempt(Exempt::META);
            app.service(ruled("/all", all, "")).service(ruled("/meta", meta, "")).service(page("/b", "b"));
        },
        &[
            (0.0, "GET /all", "", "200"),
            (0.0, "GET /all", "", "429 '1 per 1 minute'"),
            (0.0, "GET /all", "", "429 '1 per 1 minute'"),
            (0.0, "GET /meta", "", "200"),
            (0.0, "GET /meta", "", "429 '1 per 1 minute'"),
            (0.0, "GET /meta", "", "429 '1 per 1 minute'"),
            (0.0, "GET /b", "", "200"),
        ],
    );
}

#[test]
fn breaches_of_the_application_and_of_unmatched_paths_count() {
    hold(
        |it| it.meta_limits("2/hour").application_limits("2/minute").default_limits("1/minute"),
        |app| {
            app.service(page("/a", "a")).service(page("/b", "b"));
        },
        &[
            (0.0, "GET /nowhere", "", "404"),
            (0.0, "GET /neither", "", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /b", "", "429 '2 per 1 minute'"),
            (0.0, "GET /b", "", "429 '2 per 1 hour'"),
            (60.0, "GET /nowhere", "", "429 '2 per 1 hour'"),
        ],
    );
}

#[test]
fn a_meta_limit_with_its_own_key() {
    hold(
        |it| {
            let by_ip =
                |req: &actix_web::dev::ServiceRequest| header(req, "ip").map(|ip| Key::text("ip", ip));
            it.default_limits("1/minute").meta_limits(Limit::new(Quota::per_hour(2)).key(by_ip))
        },
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "ip: i, k: c1", "200"),
            (0.0, "GET /a", "ip: i, k: c1", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "ip: i, k: c2", "200"),
            (0.0, "GET /a", "ip: i, k: c2", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "ip: i, k: c3", "429 '2 per 1 hour'"),
            (0.0, "GET /a", "ip: j, k: c3", "200"),
        ],
    );
}

#[test]
fn a_meta_limit_with_a_cost_by_a_function() {
    hold(
        |it| {
            let cost =
                |req: &actix_web::dev::ServiceRequest| if header(req, "twice").is_some() { 2 } else { 1 };
            it.default_limits("1/hour").meta_limits(Limit::new(Quota::per_day(3)).cost_with(cost))
        },
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "twice: 1", "429 '1 per 1 hour'"),
            // One is left: too little for this one, enough for that one.
            (0.0, "GET /a", "twice: 1", "429 '3 per 1 day'"),
            (0.0, "GET /a", "", "429 '1 per 1 hour'"),
            (0.0, "GET /a", "", "429 '3 per 1 day'"),
        ],
    );
}

#[test]
fn a_limit_that_is_off_for_the_request_is_off_for_breaches() {
    hold(
        |it| {
            let on_a = |req: &actix_web::dev::ServiceRequest| req.path() != "/a";
            it.default_limits("1/minute").meta_limits(Limit::new(Quota::per_hour(1)).exempt_when(on_a))
        },
        |app| {
            app.service(page("/a", "a")).service(page("/b", "b"));
        },
        &[
            (0.0, "GET /b", "", "200"),
            (0.0, "GET /b", "", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "", "429 '1 per 1 hour'"),
            (60.0, "GET /b", "", "200"),
        ],
    );
}

#[test]
fn the_response_of_a_meta_limit() {
    hold(
        |it| {
            let meta = Limit::new(Quota::per_hour(1)).error_message("banned");
            it.default_limits("1/minute")
                .meta_limits(meta)
                .headers(true)
                .on_breach(|_, _| Some(HttpResponse::ImATeapot().body("a breach")))
                .on_meta_breach(|breach, _| {
                    assert!(breach.is_meta());
                    Some(HttpResponse::Forbidden().body(breach.message().to_owned()))
                })
        },
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "418 [L=1 R=0 X=T+60 A=3600] 'a breach'"),
            (0.0, "GET /a", "", "403 [L=1 R=0 X=T+3600 A=3600] 'banned'"),
        ],
    );
}

/// Another pattern hides the limited route, so that its limit is decided where the request arrives.
#[test]
fn a_breach_at_a_route_that_is_known_only_after_routing_counts() {
    hold(
        |it| it.meta_limits("2/day"),
        |app| {
            app.service(web::resource("/{name}").guard(guard::Host("example.com")).to(HttpResponse::Ok))
                .service(ruled("/hidden", limits("1/hour"), "h"));
        },
        &[
            (0.0, "GET /hidden", "", "200"),
            (0.0, "GET /hidden", "", "429 [A=3600] '1 per 1 hour'"),
            (0.0, "GET /hidden", "", "429 [A=86400] '1 per 1 hour'"),
            (0.0, "GET /hidden", "", "429 [A=86400] '2 per 1 day'"),
        ],
    );
}

/// One that refuses nothing has no wait either.
#[test]
fn the_breach_that_spends_a_meta_limit_does_not_wait_for_one_in_shadow() {
    let shadow = || Limit::new(Quota::per_day(1)).shadow(true);
    hold(
        |it| it.default_limits("1/second").meta_limits([Limit::new(Quota::per_hour(2)), shadow()]),
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 [A=1] '1 per 1 second'"),
            (0.0, "GET /a", "", "429 [A=3600] '1 per 1 second'"),
        ],
    );
}

#[test]
fn breaches_in_a_scope_count_unless_it_is_exempt() {
    let scope = |exempt: Exempt| {
        move |app: &mut web::ServiceConfig| {
            app.service(web::scope("/p").service(ruled("/a", limits("1/hour"), "a")).rule(exempt));
        }
    };
    hold(
        |it| it.meta_limits("1/day"),
        scope(Exempt::NONE),
        &[
            (0.0, "GET /p/a", "", "200"),
            (0.0, "GET /p/a", "", "429 [A=86400] '1 per 1 hour'"),
            (0.0, "GET /p/a", "", "429 '1 per 1 day'"),
        ],
    );
    hold(
        |it| it.meta_limits("1/day"),
        scope(Exempt::META),
        &[
            (0.0, "GET /p/a", "", "200"),
            (0.0, "GET /p/a", "", "429 [A=3600] '1 per 1 hour'"),
            (0.0, "GET /p/a", "", "429 [A=3600] '1 per 1 hour'"),
        ],
    );
}
