//! The cost of a path, however long it is.

use actix_http::Request;
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    rt,
    test::{TestRequest, init_service},
    web,
};
use futures_util::FutureExt;
use limiter_actix::{Exempt, Limit, Limiter, Quota, ScopeExt, resource};
use limiter_test_support::cost::cpu_time;

async fn plain() -> &'static str {
    "ok"
}

/// Fifty dynamic routes, some of them with rules.
fn configure(it: &mut web::ServiceConfig) {
    for number in 0..20 {
        it.route(&format!("/plain{number}/{{a}}/{{tail:.*}}"), web::get().to(plain));
        let path = format!("/limited{number}/{{a}}/{{b}}");
        it.service(resource(&path, Limit::new(Quota::per_day(1_000_000)), |it| it.to(plain)));
    }
    for number in 0..10 {
        it.service(
            web::scope(&format!("/scope{number}/{{id}}"))
                .exempt(Exempt::DEFAULT)
                .route("/{any}/x", web::get().to(plain)),
        );
    }
}

async fn ask<S, B>(app: &S, path: &str) -> u16
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let request = TestRequest::with_uri(path).peer_addr(([127, 0, 0, 1], 4000).into()).to_request();
    app.call(request).await.expect("an answer").status().as_u16()
}

/// Paths of 64 kB: slashes, one segment, many.
fn long_paths() -> [String; 4] {
    let long = 65_000;
    [
        "/".repeat(long),
        format!("/{}", "a".repeat(long)),
        "/a".repeat(long / 2),
        format!("/limited1/{}", "/".repeat(long)),
    ]
}

#[test]
fn a_long_path_costs_at_most_as_much_as_routing_it() {
    rt::System::new().block_on(async {
        let limiter = Limiter::builder().default_limits("1000000/day").build().expect("a limiter");
        let with = init_service(App::new().wrap(limiter).configure(configure)).await;
        let without = init_service(App::new().configure(configure)).await;
        for path in long_paths() {
            // The best of several, of each in turn: other programs run as well.
            let mut best = [f64::MAX; 2];
            for _ in 0..7 {
                let mut cost = |index: usize, work: &mut dyn FnMut()| {
                    best[index] = cpu_time(work).as_secs_f64().min(best[index]);
                };
                cost(0, &mut || assert!(ask(&without, &path).now_or_never().is_some()));
                cost(1, &mut || assert!(ask(&with, &path).now_or_never().is_some()));
            }
            let [without, with] = best;
            assert!(
                with < without * 2.0 + 100e-6,
                "{:.0} us instead of {:.0} us for {}...",
                with * 1e6,
                without * 1e6,
                &path[..20]
            );
        }
    });
}

#[test]
fn many_distinct_paths_leave_memory_where_it_was() {
    rt::System::new().block_on(async {
        let limiter = Limiter::builder().default_limits("1000000/day").build().expect("a limiter");
        let app = init_service(App::new().wrap(limiter).configure(configure)).await;
        let long = "/x".repeat(10_000);
        let ask_for_all = |from: usize| {
            for number in from..from + 5_000 {
                let mut paths = vec![format!("/{number}"), format!("/limited1/{number}/{number}")];
                if number % 50 == 0 {
                    paths.push(format!("/{number}{long}"));
                }
                for path in paths {
                    assert!(ask(&app, &path).now_or_never().is_some());
                }
            }
        };
        ask_for_all(0);
        let grown = allocation_counter::measure(|| ask_for_all(5_000)).bytes_current;
        assert!(grown < 10_000, "{grown} bytes more");
    });
}
