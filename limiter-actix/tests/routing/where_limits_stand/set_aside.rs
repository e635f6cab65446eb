//! Limits that refuse before routing where the request may not arrive: they are decided where it does.

use std::net::IpAddr;

use actix_web::{
    App, Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard,
    middleware::{Next, from_fn},
    test::init_service,
    web::{self, ServiceConfig},
};
use limiter_actix::{Key, Limiter, Limits, resource};
use limiter_test_support::storages::StorageKind;

use super::{
    super::{A, has_a, passing, plain, still},
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
            drop(limiter.charge("guarded", &client(), 3).await.expect("it is known"));
            assert_eq!(passing(&app, "GET", "/x", A, 1).await, 1, "{kind:?}");
            let left =
                async |limit, key: &Key| limiter.window(limit, key).await.expect("it is known").remaining();
            assert_eq!(left("guarded", &client()).await, 2, "{kind:?}");
            assert_eq!(left("named", &Key::text("user", "ada")).await, 9 - round, "{kind:?}");
        }
        assert_eq!(passing(&app, "GET", "/y", "", 20).await, 16, "{kind:?}");
    }
}
