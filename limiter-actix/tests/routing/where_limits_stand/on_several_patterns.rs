//! A rule given by one of the patterns of a resource covers all of them.

use actix_web::{dev::Service, guard, web};
use futures_util::future::join_all;
use limiter_actix::{Exempt, ScopeExt, resource};
use limiter_test_support::app::{ask, request};

use super::{
    super::{A, B, has_a, has_b, passing, plain, spend, still},
    Runs,
    at_once::at_once,
    limited, per_hour, with,
};

#[actix_web::test]
async fn a_closed_route_is_closed_at_all_of_them() {
    let app = limited(still().route("/b", "0/day"), |it| {
        it.service(web::resource(["/b", "/b2"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/b", "", 3).await, 0);
    assert_eq!(passing(&app, "GET", "/b2", "", 3).await, 0);
}

#[actix_web::test]
async fn the_second_pattern_alone_is_enough_to_be_closed() {
    let app = limited(still().route("/b", "0/day"), |it| {
        it.service(web::resource(["/b", "/b2", "/b3"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/b2", "", 3).await, 0);
    assert_eq!(passing(&app, "GET", "/b3", "", 3).await, 0);
}

#[actix_web::test]
async fn several_patterns_have_one_count() {
    let app = limited(still().route("/b", "3/hour"), |it| {
        it.service(web::resource(["/b", "/b2"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/b2", "", 2).await, 2);
    assert_eq!(passing(&app, "GET", "/b", "", 5).await, 1);
    assert_eq!(passing(&app, "GET", "/b2", "", 5).await, 0);
}

#[actix_web::test]
async fn several_patterns_have_one_count_by_default() {
    let app = limited(still().default_limits("3/hour"), |it| {
        it.service(web::resource(["/b", "/b2"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/b2", "", 2).await, 2);
    assert_eq!(passing(&app, "GET", "/b", "", 5).await, 1);
}

#[actix_web::test]
async fn the_rule_replaces_the_defaults_at_all_of_them() {
    let app = limited(still().default_limits("1/hour").route("/b", "3/hour"), |it| {
        it.service(web::resource(["/b", "/b2"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/b2", "", 5).await, 3);
}

#[actix_web::test]
async fn the_methods_of_the_rule_are_those_at_all_of_them() {
    let app = limited(still().route("POST /b", "0/day"), |it| {
        it.service(web::resource(["/b", "/b2"]).route(web::get().to(plain)).route(web::post().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "POST", "/b2", "", 3).await, 0);
    assert_eq!(passing(&app, "GET", "/b2", "", 3).await, 3);
}

#[actix_web::test]
async fn with_parameters_of_other_names() {
    let app = limited(still().route("/user/{id}", "0/day"), |it| {
        it.service(web::resource(["/user/{id}", "/u/{name}/profile"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/user/1", "", 3).await, 0);
    assert_eq!(passing(&app, "GET", "/u/1/profile", "", 3).await, 0);
}

#[actix_web::test]
async fn in_a_scope() {
    let app = limited(still().route("/api/b", "0/day"), |it| {
        it.service(
            web::scope("/api")
                .service(web::resource(["/b", "/b2"]).to(plain))
                .service(web::resource("/c").to(plain)),
        );
    })
    .await;
    assert_eq!(passing(&app, "GET", "/api/b2", "", 3).await, 0);
    assert_eq!(passing(&app, "GET", "/api/b", "", 3).await, 0);
    assert_eq!(passing(&app, "GET", "/api/c", "", 3).await, 3);
}

#[actix_web::test]
async fn an_exempt_route_always_answers_at_all_of_them() {
    let app = limited(still().application_limits("3/hour").exempt_route("/health"), |it| {
        it.service(web::resource(["/health", "/healthz"]).to(plain)).route("/spend", web::get().to(plain));
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/healthz", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/health", "", 5).await, 5);
}

#[actix_web::test]
async fn another_resource_is_not_covered() {
    let app = limited(still().route("/b", "0/day"), |it| {
        it.service(web::resource("/b2").to(plain)).service(web::resource(["/b", "/b2", "/b3"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/b3", "", 3).await, 0);
    assert_eq!(passing(&app, "GET", "/b2", "", 3).await, 3, "the resource before it answers");
}

/// The rule does not hold for the guarded place. Once a request has come to the other, it is decided before routing.
#[actix_web::test]
async fn what_a_rule_takes_behind_a_guard_comes_back() {
    let app = limited(still().route("/b", "3/hour"), |it| {
        it.service(web::resource("/x").guard(guard::fn_guard(has_a)).to(plain))
            .service(web::resource(["/b", "/{id}"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/x", A, 9).await, 9);
    assert_eq!(passing(&app, "GET", "/x", "", 9).await, 2, "of three");
}

/// The default limits of a route hold there, whatever the place that is expected.
#[actix_web::test]
async fn behind_a_guard_it_adds_to_the_default_limits() {
    let added = per_hour(100).override_defaults(false);
    let app = limited(still().default_limits("2/hour").route("/b", added), |it| {
        it.service(web::resource("/x").guard(guard::fn_guard(has_a)).to(plain))
            .service(web::resource(["/b", "/{id}"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/x", "", 9).await, 1, "of two");
}

/// Requests that may arrive at an exempt route reserve nothing of the default limits there, so they are limited by those
/// of the places where they are expected.
#[actix_web::test]
async fn behind_a_guard_an_exemption_from_the_default_limits_brings_none_of_them() {
    let runs = Runs::default();
    let app = limited(still().default_limits("2/hour").exempt_route_from("/b", Exempt::DEFAULT), |it| {
        it.service(web::resource("/x").guard(guard::fn_guard(has_a)).to(plain))
            .service(web::resource("/y").guard(guard::fn_guard(has_a)).to(plain))
            .service(web::resource(["/b", "/{id}"]).to(runs.take_a_while()));
    })
    .await;
    for target in ["/x", "/y"] {
        assert_eq!(passing(&app, "GET", target, "", 1).await, 1);
    }
    let targets = ["/x", "/x", "/y", "/y"];
    let answers = join_all(targets.map(|target| app.call(with("GET", target, "").to_request()))).await;
    let passed = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|it| it.status() == 200)).count();
    assert_eq!(passed, 4, "two at each");
}

/// Both resources have one pattern, and the rule of it counts a request once.
#[actix_web::test]
async fn behind_two_guards_it_takes_once() {
    let app = limited(still().route("/b", "4/hour"), |it| {
        it.service(web::resource("/x").guard(guard::fn_guard(has_a)).to(plain))
            .service(web::resource(["/b", "/{id}"]).guard(guard::fn_guard(has_b)).to(plain))
            .service(web::resource(["/b", "/{id}"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/x", "", 9).await, 3, "of four");
}

#[actix_web::test]
async fn behind_a_guard_that_let_nothing_in_it_closes_nothing() {
    let app = limited(still().route("/b", "9/hour").route("/c", "1/hour"), |it| {
        it.service(web::resource("/x/1").guard(guard::fn_guard(has_a)).to(plain))
            .service(web::resource(["/b", "/x/{id}"]).guard(guard::fn_guard(has_b)).to(plain))
            .service(web::resource(["/c", "/x/{name}"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/c", "", 9).await, 1);
    assert_eq!(passing(&app, "GET", "/x/1", B, 9).await, 9);
}

/// The limiter remembers of 1024 sets of places where guards have led. In others, they may lead everywhere.
#[actix_web::test]
async fn behind_guards_of_more_sets_of_places_than_are_kept_each_may_be_reached() {
    const SWITCHES: usize = 11;
    let app = limited(still().route("/b", "9999/hour").route("/c", "1/hour"), |it| {
        // Each matches the paths with an `x` at its place, so that a path chooses the set.
        for switch in 0..SWITCHES {
            let segment = |at| if at == switch { "/x".to_owned() } else { format!("/{{s{at}}}") };
            let pattern = (0..SWITCHES).map(segment).collect::<String>();
            it.service(web::resource(pattern).guard(guard::fn_guard(has_a)).to(plain));
        }
        it.service(web::resource(["/b", "/{tail}*"]).guard(guard::fn_guard(has_b)).to(plain))
            .service(web::resource(["/c", "/{rest}*"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/c", "", 9).await, 1);
    let path = |set: usize| {
        (0..SWITCHES).map(|switch| if set >> switch & 1 == 1 { "/x" } else { "/y" }).collect::<String>()
    };
    for set in 1..1000 {
        assert_eq!(passing(&app, "GET", &path(set), B, 1).await, 1, "{set}");
    }
    for set in 1000..1100 {
        passing(&app, "GET", &path(set), B, 1).await;
    }
    assert_eq!(passing(&app, "GET", &path(1100), B, 9).await, 0, "the limit of the other place is spent");
    assert_eq!(passing(&app, "GET", &path(1), B, 9).await, 9, "it never led there");
}

/// The rule of the one route is in doubt behind its guard, and that of the path is not.
#[actix_web::test]
async fn a_rule_of_the_path_refuses_beside_one_that_is_in_doubt() {
    let app = limited(still().route("/b", "99/hour").route("/x", "2/hour"), |it| {
        it.service(web::resource(["/b", "/{id}"]).guard(guard::fn_guard(has_a)).to(plain))
            .route("/{name}", web::get().to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", "", 1).await, 1, "it does not arrive under the rule of the route");
    assert_eq!(passing(&app, "GET", "/x", A, 9).await, 2);
}

/// Another rule covers the path, but its places are the same.
#[actix_web::test]
async fn a_place_that_one_path_has_reached_may_be_reached_by_others() {
    let app = limited(still().route("/b", "3/hour").route("/x/2", "99/hour"), |it| {
        it.service(web::resource("/x/{any}").guard(guard::fn_guard(has_a)).to(plain))
            .service(web::resource(["/b", "/x/{id}"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x/1", "", 9).await, 3);
    assert_eq!(passing(&app, "GET", "/x/2", "", 9).await, 0);
}

/// They are not kept, so that they leave no other set without a place.
#[actix_web::test]
async fn sets_of_places_without_rules_of_routes_count_for_nothing() {
    let app = limited(still().route("/b", "9/hour").route("/c", "1/hour"), |it| {
        for number in 0..1100 {
            it.route(&format!("/plain/{number}"), web::get().to(plain));
        }
        it.service(web::resource("/x/1").guard(guard::fn_guard(has_a)).to(plain))
            .service(web::resource(["/b", "/x/{id}"]).guard(guard::fn_guard(has_b)).to(plain))
            .service(web::resource(["/c", "/x/{name}"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/c", "", 9).await, 1);
    for number in 0..1100 {
        assert_eq!(passing(&app, "GET", &format!("/plain/{number}"), "", 1).await, 1, "{number}");
    }
    assert_eq!(passing(&app, "GET", "/x/1", B, 9).await, 9);
}

/// The closed place refuses, and the request goes on as one to the next. It may pass by that as well.
#[actix_web::test]
async fn behind_a_closed_place_the_rule_of_a_route_that_was_reached_limits() {
    let app = limited(still().route("/b", "3/hour"), |it| {
        it.service(resource("/{closed}", per_hour(0), |it| it.guard(guard::fn_guard(has_a)).to(plain)))
            .service(web::resource("/x").guard(guard::fn_guard(has_b)).to(plain))
            .service(web::resource(["/b", "/{id}"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/x", "", 9).await, 2, "of three");
}

#[actix_web::test]
async fn behind_a_guarded_scope_of_its_prefix_the_rule_of_a_route_that_was_reached_limits() {
    let app = limited(still().route("/v1/b", "3/hour"), |it| {
        let guarded = web::scope("/v1").guard(guard::fn_guard(has_a)).route("/x", web::get().to(plain));
        it.service(guarded.limit(per_hour(99)))
            .service(web::scope("/v1").service(web::resource(["/b", "/x"]).to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/v1/x", "", 9).await, 2, "of three");
}

#[actix_web::test]
async fn an_exemption_that_requests_miss_behind_a_guard_frees_one() {
    let app = limited(still().application_limits("3/hour").exempt_route("/b"), |it| {
        it.route("/spend", web::get().to(plain))
            .service(web::resource(["/b", "/x"]).guard(guard::fn_guard(has_a)).to(plain))
            .route("/{id}", web::get().to(plain));
    })
    .await;
    spend(&app).await;
    assert!(passing(&app, "GET", "/x", "", 9).await <= 1);
}

/// The rule names one of the routes, and covers the other by its path.
#[actix_web::test]
async fn a_request_to_another_route_that_the_rule_covers_puts_it_in_no_doubt() {
    let app = limited(still().application_limits("3/hour").exempt_route("/b"), |it| {
        it.route("/spend", web::get().to(plain))
            .service(web::resource(["/b", "/{id}"]).guard(guard::fn_guard(has_a)).to(plain))
            .route("/{name}", web::get().to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/b", "", 1).await, 1);
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/x", A, 9).await, 9);
}

/// While the first of them is on its way, nobody knows which rules hold. They limit the others all the same.
#[actix_web::test]
async fn requests_at_once_behind_a_guard_are_limited() {
    let runs = Runs::default();
    let app = limited(still().route("/x", "2/hour").route("/b", "9/hour"), |it| {
        it.service(web::resource("/x").guard(guard::fn_guard(has_a)).to(runs.take_a_while()))
            .service(web::resource(["/b", "/{id}"]).to(plain));
    })
    .await;
    let answers = join_all((0..9).map(|_| app.call(with("GET", "/x", A).to_request()))).await;
    let passed = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|it| it.status() == 200)).count();
    assert_eq!((passed, runs.count()), (2, 2));
}

/// The rule is for the first of the places only. While a request is on its way, nobody knows where it arrives.
#[actix_web::test]
async fn an_exemption_behind_a_guard_is_granted_to_one_at_a_time() {
    let runs = Runs::default();
    let app = limited(still().application_limits("3/hour").exempt_route("/b"), |it| {
        it.service(web::resource(["/b", "/x"]).guard(guard::fn_guard(has_a)).to(plain))
            .route("/{id}", web::get().to(runs.take_a_while()));
    })
    .await;
    let passed = at_once(&app, "/x", "").await;
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(runs.count(), passed);
}

/// The first place refuses. The rule is for the one where the requests are expected then.
#[actix_web::test]
async fn an_exemption_behind_a_closed_place_is_granted_to_one_at_a_time() {
    let runs = Runs::default();
    let app = limited(still().application_limits("3/hour").exempt_route("/b"), |it| {
        it.service(resource("/{id}", per_hour(0), |it| it.guard(guard::fn_guard(has_a)).to(plain)))
            .service(web::resource(["/b", "/x"]).guard(guard::fn_guard(has_b)).to(plain))
            .route("/{name}", web::get().to(runs.take_a_while()));
    })
    .await;
    let passed = at_once(&app, "/x", "").await;
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(runs.count(), passed);
}

/// The same in a scope that is decided where it stands.
#[actix_web::test]
async fn an_exemption_behind_a_closed_place_of_a_scope_is_granted_to_one_at_a_time() {
    let runs = Runs::default();
    let app = limited(still().application_limits("3/hour").exempt_route("/v1/b"), |it| {
        let closed = resource("/{id}", per_hour(0), |it| it.guard(guard::fn_guard(has_b)).to(plain));
        let scope = web::scope("/v1").guard(guard::fn_guard(has_a)).limit(per_hour(1000)).service(closed);
        it.service(
            scope
                .service(web::resource(["/b", "/x"]).guard(guard::fn_guard(has_b)).to(plain))
                .route("/{name}", web::get().to(runs.take_a_while())),
        )
        .service(web::scope("/v1").route("/x", web::get().to(plain)));
    })
    .await;
    let passed = at_once(&app, "/v1/x", A).await;
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(runs.count(), passed);
}

/// The defect: it was charged the default limits of the other route.
#[actix_web::test]
async fn behind_a_guard_a_preflight_is_left_to_the_application_limits() {
    let added = per_hour(100).override_defaults(false);
    let app = limited(still().default_limits("2/hour").route("/b", added), |it| {
        it.service(web::resource("/x").guard(guard::fn_guard(has_a)).to(plain))
            .service(web::resource(["/b", "/{id}"]).to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/b", "", 9).await, 1);
    let preflight = request("OPTIONS", "/x").insert_header(("origin", "https://example.com"));
    let preflight = preflight.insert_header(("access-control-request-method", "PUT"));
    assert_eq!(ask(&app, preflight).await.status, 200);
}
