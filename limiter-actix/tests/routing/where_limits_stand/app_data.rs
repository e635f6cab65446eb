//! Functions of the request that are called where the request arrives see the `app_data` of its scope.

use actix_web::{dev::ServiceRequest, guard, web};
use limiter_actix::{Limit, Quota, ScopeExt};

use super::{
    super::{A, has_a, passing, plain, still},
    limited,
};

/// The limit of a scope, in its `app_data`.
struct PerHour(u64);

fn by_data(req: &ServiceRequest) -> Quota {
    Quota::per_hour(req.app_data::<PerHour>().map_or(1, |per_hour| per_hour.0))
}

#[actix_web::test]
async fn of_a_guarded_scope() {
    let app = limited(still(), |it| {
        let scope = || web::scope("/v1").route("/x", web::get().to(plain));
        it.service(scope().guard(guard::fn_guard(has_a)).app_data(PerHour(3)).limit(Limit::dynamic(by_data)))
            .service(scope());
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", A, 9).await, 3);
    assert_eq!(passing(&app, "GET", "/v1/x", "", 9).await, 9);
}

#[actix_web::test]
async fn of_each_of_two_guarded_scopes() {
    let app = limited(still(), |it| {
        let scope = |per_hour| {
            let scope = web::scope("/v1").app_data(PerHour(per_hour)).limit(Limit::dynamic(by_data));
            scope.route("/x", web::get().to(plain))
        };
        it.service(scope(2).guard(guard::fn_guard(has_a))).service(scope(4));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", A, 9).await, 2);
    assert_eq!(passing(&app, "GET", "/v1/x", "", 9).await, 4);
}
