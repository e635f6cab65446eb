//! Quotas and texts are constants, and the crate is found where the user says.
#![deny(warnings)]

use actix_web::{App, scope, test};
use limiter_actix::Limiter;

mod deps {
    pub use limiter_actix as rate;
}

mod limits {
    use limiter_actix::Quota;

    pub const ITEMS: Quota = Quota::per_hour(2);
    pub const TEXT: &str = "slow down";
    pub const COST: u64 = 2;
}

#[limiter_actix::limit(limits::ITEMS, error_message = limits::TEXT)]
#[actix_web::get("/items")]
async fn items() -> &'static str {
    "ok"
}

#[deps::rate::limit("2/hour", cost = limits::COST, crate = crate::constants_and_crate::deps::rate)]
#[deps::rate::exempt(default)]
#[scope("/v1")]
mod v1 {
    use actix_web::get;

    #[get("/a")]
    pub async fn a() -> &'static str {
        "ok"
    }
}

#[actix_web::test]
async fn passes() {
    let app = App::new().wrap(Limiter::default()).service(items).service(v1::a);
    let app = test::init_service(app).await;
    for (target, admitted) in [("/items", 2), ("/v1/a", 1)] {
        let mut passed = 0;
        for _ in 0..3 {
            let request = test::TestRequest::with_uri(target).to_request();
            passed += u32::from(test::call_service(&app, request).await.status().is_success());
        }
        assert_eq!(passed, admitted, "{target}");
    }
}
