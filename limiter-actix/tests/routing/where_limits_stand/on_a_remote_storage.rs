//! Requests that await the answer of a storage together are decided like those that come one by one.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    net::IpAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use actix_http::Request;
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{Service, ServiceRequest, ServiceResponse},
    get, guard,
    middleware::{Next, from_fn},
    rt::task::yield_now,
    test::init_service,
    web,
};
use futures_util::future::join_all;
use limiter_actix::{Exempt, ScopeExt, limit, resource};
use limiter_test_support::{app::request, storages::Remote};

use super::{
    super::{A, has_a, passing, plain, spend, still},
    Runs,
    at_once::{MANY, at_once},
    defer, drop_after, limited, per_hour, with,
};

#[limit("1000/hour")]
#[get("/generous")]
async fn generous() -> &'static str {
    "ok"
}

#[limit("1000/hour")]
#[get("/guarded", guard = "has_a")]
async fn guarded() -> &'static str {
    "ok"
}

#[actix_web::test]
async fn a_greater_limit_holds_in_place_of_the_default_one_for_all_of_them() {
    let storage = Arc::new(Remote::default());
    let app = limited(still().storage(storage.clone()).default_limits("3/hour"), |it| {
        it.service(generous).service(guarded);
    })
    .await;
    for round in 1..=3 {
        assert_eq!(at_once(&app, "/generous", "").await, MANY, "round {round}");
        assert_eq!(at_once(&app, "/guarded", A).await, MANY, "round {round}");
        assert_eq!(storage.decisions(), 2 * MANY * round, "one round trip for each");
    }
}

#[actix_web::test]
async fn a_limit_on_the_way_takes_no_second_round_trip() {
    let storage = Arc::new(Remote::default());
    let app = limited(still().storage(storage.clone()).application_limits("10000/hour"), |it| {
        it.service(web::scope("/v1").limit(per_hour(5000)).service(web::scope("/in").service(generous)));
    })
    .await;
    assert_eq!(at_once(&app, "/v1/in/generous", "").await, MANY);
    assert_eq!(storage.decisions(), MANY);
}

#[actix_web::test]
async fn a_greater_limit_by_pattern_holds_too() {
    let storage = Arc::new(Remote::default());
    let limiter = still().storage(storage.clone()).default_limits("3/hour");
    let app = limited(limiter.route("/x/{id}", "1000/hour"), |it| {
        it.route("/x/{id}", web::get().to(plain));
    })
    .await;
    assert_eq!(at_once(&app, "/x/1", "").await, MANY);
    assert_eq!(storage.decisions(), MANY);
}

#[actix_web::test]
async fn behind_a_witness_that_corrects() {
    let storage = Arc::new(Remote::default());
    let app = limited(still().storage(storage.clone()).default_limits("10000/hour"), |it| {
        it.service(web::scope("/v1").guard(guard::fn_guard(has_a)).limit(per_hour(5000)).service(generous))
            .service(web::scope("/v1").route("/generous", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/generous", "", 1).await, 1);
    // The scope is in doubt, since a request was led past it. So each is decided anew in there.
    for round in 1..=3 {
        let before = storage.decisions();
        assert_eq!(at_once(&app, "/v1/generous", A).await, MANY, "round {round}");
        assert_eq!(storage.decisions() - before, 2 * MANY, "before the scope, and at its witness");
    }
}

#[actix_web::test]
async fn what_a_guard_leads_past_is_free_once() {
    let runs = Runs::default();
    let storage = Arc::new(Remote::default());
    let app = limited(still().storage(storage).default_limits("3/hour"), |it| {
        // The limiter knows the guards of attributes, and not these.
        let greater = resource("/guarded", per_hour(1000), |it| it.guard(guard::fn_guard(has_a)).to(plain));
        let free = resource("/free", Exempt::ALL, |it| it.guard(guard::fn_guard(has_a)).to(plain));
        it.service(greater).service(free).default_service(web::to(runs.take_a_while()));
    })
    .await;
    for target in ["/guarded", "/free"] {
        let before = runs.count();
        let answered = at_once(&app, target, "").await;
        assert!((3..=4).contains(&answered), "{answered} requests for {target} are answered");
        assert_eq!(at_once(&app, target, "").await, 0);
        assert_eq!(runs.count() - before, answered);
    }
}

#[actix_web::test]
async fn behind_middleware_that_waits_on_the_way() {
    let storage = Arc::new(Remote::default());
    let app = limited(still().storage(storage).default_limits("3/hour"), |it| {
        it.service(web::scope("/v1").wrap(from_fn(defer)).service(generous));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/generous", "", 1).await, 1);
    for round in 1..=3 {
        assert_eq!(at_once(&app, "/v1/generous", "").await, MANY, "round {round}");
    }
}

/// Those whose rule is not granted any more are decided again, and await that together, too.
#[actix_web::test]
async fn while_the_first_waits_further_in() {
    let storage = Arc::new(Remote::default());
    let app = limited(still().storage(storage).default_limits("3/hour"), |it| {
        let inside = web::scope("/in").wrap(from_fn(defer)).service(generous);
        it.service(web::scope("/v1").limit(per_hour(5000)).service(inside));
    })
    .await;
    assert_eq!(at_once(&app, "/v1/in/generous", "").await, MANY, "the limit of the scope holds");
}

/// What a correction would have refunded comes back also if the request is dropped meanwhile.
#[actix_web::test]
async fn requests_that_are_dropped_while_their_rule_is_not_granted_any_more() {
    let limiter = still().storage(Arc::new(Remote::default())).default_limits("1000/hour");
    let app = limited(limiter, |it| {
        let refunded = resource("/x", per_hour(3).refund_on_drop(true), |it| it.to(plain));
        it.service(web::scope("/v1").wrap(from_fn(defer)).service(refunded));
    })
    .await;
    let mut calls: Vec<_> =
        (0..3).map(|_| Box::pin(app.call(with("GET", "/v1/x", "").to_request()))).collect();
    for _ in 0..2 {
        for call in &mut calls {
            let is_pending = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await;
            assert!(is_pending, "the first one waits in the scope, the others before it");
        }
    }
    drop(calls);
    // The refunds are sent meanwhile.
    for _ in 0..10 {
        yield_now().await;
    }
    assert_eq!(passing(&app, "GET", "/v1/x", "", 9).await, 3);
}

/// They are not all granted the exemption that a guard leads past, so bans and passes hold for the others.
#[actix_web::test]
async fn clients_with_a_ban_or_a_pass() {
    for has_pass in [false, true] {
        let limiter = still().storage(Arc::new(Remote::default())).default_limits("3/hour").build().unwrap();
        let (client, minute) = (IpAddr::from([127, 0, 0, 1]), Duration::from_secs(60));
        if has_pass {
            limiter.allow(client, minute).await.expect("a pass");
        } else {
            limiter.ban(client, minute, "").await.expect("a ban");
        }
        let free = resource("/x", Exempt::ALL, |it| it.guard(guard::fn_guard(has_a)).to(plain));
        let app = App::new().wrap(limiter).service(free).default_service(web::to(plain));
        let app = init_service(app).await;
        let answers = join_all((0..MANY).map(|_| app.call(with("GET", "/x", "").to_request()))).await;
        let statuses = answers.into_iter().map(|answer| answer.expect("an answer").status());
        let passing = statuses.filter(|status| *status == 200).count();
        assert_eq!(passing, if has_pass { MANY } else { 1 }, "has a pass: {has_pass}");
    }
}

/// While the inner one awaits the storage, the outer one lends what it has granted to others, too.
#[actix_web::test]
async fn under_two_limiters() {
    let storage = Arc::new(Remote::default());
    let limiter = |prefix| still().key_prefix(prefix).storage(storage.clone()).default_limits("3/hour");
    let inner = limiter("inner").build().unwrap();
    let app = limited(limiter("outer"), |it| {
        let at_x = resource("/x", per_hour(1000), |it| it.guard(guard::fn_guard(has_a)).to(plain));
        let scope = web::scope("/in").wrap(inner).service(generous).service(at_x);
        it.service(scope.route("/{id}", web::get().to(plain)));
    })
    .await;
    for round in 1..=3 {
        for target in ["/in/generous", "/in/x"] {
            let before = storage.decisions();
            assert_eq!(at_once(&app, target, A).await, MANY, "round {round}: {target}");
            let limiters = if round == 1 { 2 } else { 1 };
            assert_eq!(
                storage.decisions() - before,
                limiters * MANY,
                "then the outer one leaves it to the inner"
            );
        }
    }
}

/// That the inner one waits does not count as if others had come before the rule was met.
#[actix_web::test]
async fn what_a_guard_leads_past_under_two_limiters_is_free_once() {
    let runs = Runs::default();
    let limiter = |prefix| still().key_prefix(prefix).storage(Arc::new(Remote::default()));
    let inner = limiter("inner").build().unwrap();
    let app = limited(limiter("outer").application_limits("3/hour"), |it| {
        let free = resource("/x", Exempt::ALL, |it| it.guard(guard::fn_guard(has_a)).to(plain));
        let scope = web::scope("/in").wrap(inner).service(free);
        it.service(scope.default_service(web::to(runs.take_a_while())));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/in/x", A, 3).await, 3);
    assert!(at_once(&app, "/in/x", "").await <= 4);
    assert!((3..=4).contains(&runs.count()), "{}", runs.count());
}

/// Then the first shows that rules are met late, and the others do not wait for it.
#[actix_web::test]
async fn behind_middleware_that_waits_between_two_limiters() {
    let limiter = |prefix| still().key_prefix(prefix).storage(Arc::new(Remote::default()));
    let inner = limiter("inner").build().unwrap();
    let app = limited(limiter("outer").default_limits("3/hour"), |it| {
        it.service(web::scope("/in").wrap(inner).wrap(from_fn(defer)).service(generous));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/in/generous", "", 1).await, 1);
    assert_eq!(at_once(&app, "/in/generous", "").await, MANY);
}

/// The defect: a request that was dropped while its charges were corrected put the rule in doubt that a guard had led it
/// past.
#[actix_web::test]
async fn a_request_that_is_dropped_at_a_witness_puts_nothing_in_doubt() {
    let limiter = still().storage(Arc::new(Remote::default())).application_limits("3/hour");
    let app = limited(limiter, |it| {
        let free = resource("/s/x", Exempt::ALL, |it| it.guard(guard::fn_guard(has_a)).to(plain));
        it.route("/spend", web::get().to(plain));
        it.service(free).service(resource("/s/{id}", per_hour(100), |it| it.to(plain)));
    })
    .await;
    let dropped = drop_after(&app, with("GET", "/s/x", ""), 1).await;
    assert_eq!(dropped, None, "it awaits the storage at the other route");
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/s/x", A, 9).await, 9);
}

thread_local! {
    /// Whether requests that wait on their way may go on.
    static GO_ON: Cell<bool> = const { Cell::new(false) };
}

/// Waits if the header `x-wait` has the name of this place.
async fn wait_at(place: &str, req: &ServiceRequest) {
    if req.headers().get("x-wait").is_some_and(|name| name == place) {
        poll_fn(|_| if GO_ON.get() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// Middleware on the way of requests, which wait here if they ask for it.
macro_rules! waiting {
    ($place:literal) => {
        from_fn(async |req, next: Next<_>| {
            wait_at($place, &req).await;
            next.call(req).await
        })
    };
}

/// Polls a request once; returns whether it is answered.
async fn is_answered(call: Pin<&mut impl Future>) -> bool {
    let mut call = Some(call);
    poll_fn(|context| Poll::Ready(call.take().is_some_and(|call| call.poll(context).is_ready()))).await
}

/// An app with a route under two rules, each of which is granted to one request at a time, and nothing else.
async fn under_two_rules()
-> impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error> {
    limited(still().storage(Arc::new(Remote::default())).default_limits("0/hour"), |it| {
        let inner = web::scope("/in").limit(per_hour(1000)).route("/x", web::get().to(plain));
        let outer = web::scope("/out").service(inner).route("/x", web::get().to(plain));
        let outer = outer.wrap(waiting!("between the rules")).limit(per_hour(2000));
        it.service(web::scope("/v1").service(outer).wrap(waiting!("before the rules")));
        // A guard may lead each of them here.
        it.route("/{tail:.*}", web::get().to(plain));
    })
    .await
}

/// Counts the waits of a request that awaits the storage. Each time that it has its answer, one of so many others is on
/// its way under a rule that it was granted, so that it is decided anew under the other rule.
async fn waits_among_others<S, B>(app: &S, mut call: Pin<&mut impl Future>, others: usize) -> usize
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let of_others = [("/v1/out/in/x", "between the rules"), ("/v1/out/x", "before the rules")];
    let mut waits = 1;
    for (target, place) in of_others.into_iter().cycle().take(others) {
        GO_ON.set(false);
        let mut other = pin!(app.call(request("GET", target).insert_header(("x-wait", place)).to_request()));
        for _ in 0..2 {
            assert!(!is_answered(other.as_mut()).await, "it awaits the storage, and then the way");
        }
        let is_over = is_answered(call.as_mut()).await;
        GO_ON.set(true);
        assert_eq!(other.await.expect("an answer").status(), 200);
        if is_over {
            break;
        }
        waits += 1;
    }
    waits
}

/// Without an end, others could keep it there for ever.
#[actix_web::test]
async fn a_request_whose_rules_others_have_keeps_its_credit_at_the_fourth_time() {
    let app = under_two_rules().await;
    let mut call = pin!(app.call(with("GET", "/v1/out/in/x", "").to_request()));
    assert!(!is_answered(call.as_mut()).await, "it awaits the storage");
    let waits = waits_among_others(&app, call.as_mut(), 9).await;
    assert_eq!(waits, 5, "one for its admission, and four more");
}

/// It has not gone past the rules that it had before.
#[actix_web::test]
async fn a_request_that_is_dropped_while_it_is_decided_again_takes_no_rule_away() {
    for others in 1..=4 {
        let app = under_two_rules().await;
        let mut dropped = Box::pin(app.call(with("GET", "/v1/out/in/x", "").to_request()));
        assert!(!is_answered(dropped.as_mut()).await, "it awaits the storage");
        assert_eq!(waits_among_others(&app, dropped.as_mut(), others).await, others + 1);
        drop(dropped);
        for target in ["/v1/out/in/x", "/v1/out/x"] {
            assert_eq!(passing(&app, "GET", target, "", 2).await, 2, "{target}, {others} others");
        }
    }
}

/// The rules that are left to the request are other ones each time, and at last those of a limit with a function.
#[actix_web::test]
async fn a_request_keeps_its_credit_while_it_awaits_a_function() {
    let app = limited(still().storage(Arc::new(Remote::default())).default_limits("0/hour"), |it| {
        let by_function = per_hour(2000).cost_async(async |_| {
            yield_now().await;
            1_u64
        });
        let third = web::scope("/3").limit(per_hour(1000)).route("/x", web::get().to(plain));
        let second = web::scope("/2").service(third).route("/x", web::get().to(plain));
        let second = second.wrap(waiting!("before the third")).limit(per_hour(1500));
        let first = web::scope("/1").service(second).route("/x", web::get().to(plain));
        let first = first.wrap(waiting!("before the second")).limit(by_function);
        it.service(web::scope("/v1").service(first).wrap(waiting!("before the first")));
        it.route("/{tail:.*}", web::get().to(plain));
    })
    .await;
    let mut call = pin!(app.call(with("GET", "/v1/1/2/3/x", "").to_request()));
    assert!(!is_answered(call.as_mut()).await, "it awaits the storage");
    for (target, place) in [
        ("/v1/1/2/3/x", "before the third"),
        ("/v1/1/2/x", "before the second"),
        ("/v1/1/2/3/x", "before the third"),
        ("/v1/1/2/3/x", "before the second"),
    ] {
        GO_ON.set(false);
        let mut other = pin!(app.call(request("GET", target).insert_header(("x-wait", place)).to_request()));
        for _ in 0..2 {
            assert!(!is_answered(other.as_mut()).await, "it awaits the storage, and then the way");
        }
        assert!(!is_answered(call.as_mut()).await, "it is decided anew");
        GO_ON.set(true);
        assert_eq!(other.await.expect("an answer").status(), 200);
    }
    for awaited in ["the function", "the storage"] {
        assert_eq!(passing(&app, "GET", "/v1/1/x", "", 1).await, 0, "it awaits {awaited} with its credit");
        assert!(!is_answered(call.as_mut()).await);
    }
    assert_eq!(call.await.expect("an answer").status(), 200);
}

/// A rule is granted anew in the outer limiter, and not in the inner one. While that decides again, others have the rule
/// in the outer one.
#[actix_web::test]
async fn a_request_that_is_decided_again_further_in_keeps_nothing_of_the_limiters_around_it() {
    let limiter = || still().storage(Arc::new(Remote::default()));
    let skips = |req: &ServiceRequest| req.headers().contains_key("x-skip");
    let inner = limiter().key_prefix("inner").default_limits("9000/hour").build().expect("a limiter");
    let app = limited(limiter().default_limits("0/hour").request_filter(skips), |it| {
        let rival = || web::get().to(plain);
        let place = resource("/x", per_hour(1000), |it| it.to(plain));
        let scope = web::scope("/v1").service(place).route("/{tail:.*}", rival());
        it.service(scope.wrap(waiting!("before the rule")).wrap(inner)).route("/{tail:.*}", rival());
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 1).await, 1);
    let mut call = pin!(app.call(with("GET", "/v1/x", "").to_request()));
    assert!(!is_answered(call.as_mut()).await, "it awaits the storage of the inner one");
    GO_ON.set(false);
    let other = with("GET", "/v1/x", "x-skip: 1").insert_header(("x-wait", "before the rule"));
    let mut other = pin!(app.call(other.to_request()));
    for _ in 0..2 {
        assert!(!is_answered(other.as_mut()).await, "it has the rule in the inner one");
    }
    assert!(!is_answered(call.as_mut()).await, "it is decided again");
    assert_eq!(passing(&app, "GET", "/v1/x", "", 1).await, 1, "a third one");
    GO_ON.set(true);
    assert_eq!(other.await.expect("an answer").status(), 200);
    assert_eq!(call.await.expect("an answer").status(), 200);
}
