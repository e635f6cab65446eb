//! Limits that refuse before routing where the request may not arrive: they are decided where it does.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use actix_web::{
    App, Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard,
    middleware::{Next, from_fn},
    test::init_service,
    web::{self, ServiceConfig},
};
use limiter_actix::{Key, Limiter, Limits, ScopeExt, resource};
use limiter_test_support::storages::StorageKind;

use super::{
    super::{A, B, has_a, has_b, passing, plain, still},
    limited, nothing, per_hour,
};

/// A place with these limits for all with the header `x-a`, and two plain places behind it.
fn guarded(limits: Limits) -> impl FnOnce(&mut ServiceConfig) {
    |it| {
        it.service(resource("/{id}", limits, |it| it.guard(guard::fn_guard(has_a)).to(plain)))
            .route("/x", web::get().to(plain))
            .route("/y", web::get().to(plain));
    }
}

/// Both places have the limit of the application, and only the plain ones have the default limit.
#[actix_web::test]
async fn a_limit_of_both_places_is_charged_once() {
    for kind in StorageKind::ALL {
        let limiter = kind.set(still()).application_limits("9/hour").default_limits("5/hour");
        let app = limited(limiter, guarded(nothing().into())).await;
        assert_eq!(passing(&app, "GET", "/x", A, 9).await, 0, "{kind:?}");
        assert_eq!(passing(&app, "GET", "/x", "", 9).await, 5, "{kind:?}");
        assert_eq!(passing(&app, "GET", "/y", "", 9).await, 4, "{kind:?}");
    }
}

/// Middleware that forgets what the client has used, and knows its name from then on.
async fn reset<B: MessageBody>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let limiter = req.app_data::<web::Data<Limiter>>().expect("it is there");
    limiter.clear("guarded", &client()).await.expect("it is known");
    req.extensions_mut().insert(Key::text("user", "ada"));
    next.call(req).await
}

fn client() -> Key {
    Key::from(IpAddr::from([127, 0, 0, 1]))
}

/// The key of a client whose name is known, and else of no limit.
fn by_name(req: &ServiceRequest) -> Key {
    req.extensions().get().cloned().unwrap_or_else(Key::unlimited)
}

/// The first limit refused before, the second one did not know the client.
#[actix_web::test]
async fn the_limits_of_the_place_are_charged_once() {
    for kind in [StorageKind::Memory, StorageKind::Remote] {
        let limits = [per_hour(3).name("guarded"), per_hour(9).key(by_name).name("named")];
        let limiter = kind.set(still()).application_limits("20/hour").build().expect("a limiter");
        let app = App::new()
            .app_data(web::Data::new(limiter.clone()))
            .wrap(from_fn(reset))
            .wrap(limiter.clone())
            .configure(guarded(limits.into()));
        let app = init_service(app).await;
        assert_eq!(passing(&app, "GET", "/x", A, 1).await, 1, "{kind:?}");
        for round in 1..=3 {
            let spent = limiter.charge("guarded", &client(), 3).await.expect("it is known");
            assert_eq!(spent.remaining(), 0, "{kind:?}");
            assert_eq!(passing(&app, "GET", "/x", A, 1).await, 1, "{kind:?}");
            let left =
                async |limit, key: &Key| limiter.window(limit, key).await.expect("it is known").remaining();
            assert_eq!(left("guarded", &client()).await, 2, "{kind:?}");
            assert_eq!(left("named", &Key::text("user", "ada")).await, 9 - round, "{kind:?}");
        }
        assert_eq!(passing(&app, "GET", "/y", "", 20).await, 16, "{kind:?}");
    }
}

/// What the predicted place has refused does not count at any other.
#[actix_web::test]
async fn the_limits_of_a_third_place_are_those_that_hold_there() {
    for kind in StorageKind::ALL {
        let limiter = kind.set(still()).application_limits("9/hour");
        let app = limited(limiter, |it| {
            it.service(resource("/{id}", nothing(), |it| it.guard(guard::fn_guard(has_a)).to(plain)))
                .service(resource("/{name}", per_hour(3), |it| it.guard(guard::fn_guard(has_b)).to(plain)))
                .route("/x", web::get().to(plain));
        })
        .await;
        assert_eq!(passing(&app, "GET", "/x", B, 9).await, 3, "{kind:?}");
        assert_eq!(passing(&app, "GET", "/x", "", 9).await, 6, "{kind:?}");
    }
}

/// It is decided twice for such a request, and its cost is found once.
#[actix_web::test]
async fn the_callbacks_of_the_place_are_called_once() {
    for kind in [StorageKind::Memory, StorageKind::Remote] {
        let counter = Arc::new(AtomicUsize::new(0));
        let calls = Arc::clone(&counter);
        let limit = per_hour(1).cost_with(move |_| {
            calls.fetch_add(1, Relaxed);
            1
        });
        let app = limited(kind.set(still()), guarded(limit.into())).await;
        for (number, passes) in [(1, 1), (2, 0), (3, 0)] {
            assert_eq!(passing(&app, "GET", "/x", A, 1).await, passes, "{kind:?}");
            assert_eq!(counter.load(Relaxed), number, "{kind:?}");
        }
    }
}

/// A scope that only a guard distinguishes from another is decided at its witness, and so are the places inside.
#[actix_web::test]
async fn places_inside_of_a_scope_that_is_decided_where_it_stands() {
    for kind in StorageKind::ALL {
        let limiter =
            kind.set(still()).application_limits("9/hour").default_limits(per_hour(9).shared("all"));
        let app = limited(limiter, |it| {
            let closed = resource("/{id}", nothing(), |it| it.guard(guard::fn_guard(has_b)).to(plain));
            let scope = web::scope("/v1").guard(guard::fn_guard(has_a)).service(closed);
            let limit = per_hour(5).override_defaults(false);
            it.service(scope.route("/x", web::get().to(plain)).limit(limit))
                .service(web::scope("/v1").route("/x", web::get().to(plain)))
                .route("/y", web::get().to(plain));
        })
        .await;
        assert_eq!(passing(&app, "GET", "/v1/x", A, 9).await, 5, "{kind:?}: by the limit of the scope");
        assert_eq!(passing(&app, "GET", "/y", "", 9).await, 4, "{kind:?}");
    }
}
