//! Limits by hand while the storage fails.

use actix_web::{App, Error, HttpRequest, HttpResponse, ResponseError, test::init_service, web};
use futures_util::FutureExt;
use limiter_actix::{
    Key, Limit, LimitCheck, Limiter, NamedLimitError,
    OnStorageFailure::{self, Allow, Deny, Fallback},
    Quota, resource,
};

use crate::fickle_storage::{Bench, ok, statuses};

fn limiter(bench: &Bench, on_failure: OnStorageFailure) -> Limiter {
    let limit = Limit::new(Quota::per_hour(2)).on_storage_failure(on_failure);
    let other = match on_failure {
        Deny => Fallback,
        _ => Deny,
    };
    bench.limiter().on_storage_failure(other).named_limit("mails", limit).build().unwrap()
}

#[actix_web::test]
async fn memory_decides_for_manual_limits_that_fall_back() {
    let bench = Bench::failing();
    let (limiter, alice) = (limiter(&bench, Fallback), Key::from("alice"));
    for remaining in [1, 0] {
        assert!(limiter.test("mails", &alice, 1).await.unwrap().is_allowed());
        assert_eq!(limiter.hit("mails", &alice, 1).await.unwrap().remaining(), remaining);
        assert_eq!(limiter.window("mails", &alice).await.unwrap().remaining(), remaining);
    }
    assert!(!limiter.hit("mails", &alice, 1).await.unwrap().is_allowed());
    assert!(!limiter.test("mails", &alice, 1).await.unwrap().is_allowed());
    bench.storage.recover();
    assert_eq!(limiter.window("mails", &alice).await.unwrap().remaining(), 2, "it is not carried back");
}

#[actix_web::test]
async fn manual_limits_that_allow_pass_and_take_nothing() {
    let bench = Bench::failing();
    let (limiter, alice) = (limiter(&bench, Allow), Key::from("alice"));
    for _ in 0..5 {
        let window = limiter.hit("mails", &alice, 9).await.unwrap();
        assert!(window.is_allowed() && window.retry_after().is_none());
        assert!(limiter.test("mails", &alice, 9).await.unwrap().is_allowed());
    }
    assert!(bench.memory.is_empty());
}

#[actix_web::test]
async fn manual_limits_that_deny_are_errors() {
    let bench = Bench::failing();
    let (limiter, alice) = (limiter(&bench, Deny), Key::from("alice"));
    let asked = [
        limiter.hit("mails", &alice, 1).await,
        limiter.test("mails", &alice, 1).await,
        limiter.window("mails", &alice).await,
    ];
    for answer in asked {
        let error = answer.expect_err("it is to deny");
        assert!(matches!(error, NamedLimitError::Storage(_)), "{error:?}");
        assert_eq!(error.status_code(), 503);
    }
    assert_eq!((limiter.storage_health().errors(), bench.memory.len()), (3, 0));
}

/// Forgetting is not replaced: nobody knows what the storage has.
#[actix_web::test]
async fn clearing_fails_and_clears_the_memory() {
    let bench = Bench::failing();
    let (limiter, alice) = (limiter(&bench, Fallback), Key::from("alice"));
    assert!(limiter.hit("mails", &alice, 2).await.unwrap().is_allowed());
    assert!(matches!(limiter.clear("mails", &alice).await, Err(NamedLimitError::Storage(_))));
    assert_eq!(limiter.window("mails", &alice).await.unwrap().remaining(), 2);
    assert!(limiter.hit("mails", &alice, 2).await.unwrap().is_allowed());
    assert!(matches!(limiter.reset().await, Err(NamedLimitError::Storage(_))));
    assert_eq!(limiter.window("mails", &alice).await.unwrap().remaining(), 2);
    assert!(matches!(limiter.clear_all(&alice).await, Err(NamedLimitError::Storage(_))));
}

async fn checks(req: HttpRequest, limiter: web::Data<Limiter>) -> Result<String, Error> {
    let window = limiter.check(&req, "mails").await?;
    Ok(window.map_or_else(|| "off".to_owned(), |window| window.remaining().to_string()))
}

#[actix_web::test]
async fn a_check_does_as_the_middleware() {
    for (on_failure, expected) in
        [(Fallback, [(200, "1"), (200, "0"), (429, "")]), (Allow, [(200, "off"); 3]), (Deny, [(503, ""); 3])]
    {
        let bench = Bench::failing();
        let data = web::Data::new(limiter(&bench, on_failure));
        let app = init_service(App::new().app_data(data).route("/", web::to(checks))).await;
        for (status, body) in expected {
            let answer =
                limiter_test_support::app::ask(&app, limiter_test_support::app::request("GET", "/")).await;
            assert_eq!(answer.status, status, "{on_failure:?}");
            assert!(body.is_empty() || answer.body == body, "{on_failure:?}: {}", answer.body);
        }
    }
}

/// The defect: a failing key was counted like any other.
#[actix_web::test]
async fn a_check_with_a_failing_key_is_a_500() {
    let bench = Bench::new();
    let limit = Limit::new(Quota::per_hour(2)).key(|_| Err::<&str, _>("no database"));
    let limiter = bench.limiter().named_limit("mails", limit).build().unwrap();
    let data = web::Data::new(limiter);
    let app = init_service(App::new().app_data(data).route("/", web::to(checks))).await;
    assert_eq!(statuses(&app, "/", 1).await, [500]);
}

#[actix_web::test]
async fn a_handler_that_checks_by_itself_gets_a_503() {
    async fn handler(limits: LimitCheck) -> Result<HttpResponse, Error> {
        limits.check().await?;
        Ok(HttpResponse::Ok().finish())
    }
    let bench = Bench::failing();
    let limit = |on_failure| Limit::new(Quota::per_hour(1)).on_storage_failure(on_failure);
    let app = App::new()
        .wrap(bench.limiter().auto_check(false).build().unwrap())
        .service(resource("/deny", limit(Deny), |it| it.to(handler)))
        .service(resource("/allow", limit(Allow), |it| it.to(handler)))
        .service(resource("/fallback", limit(Fallback), |it| it.to(handler)))
        .service(resource("/unchecked", limit(Deny), |it| it.to(ok)));
    let app = init_service(app).await;
    assert_eq!(statuses(&app, "/deny", 2).await, [503, 503]);
    assert_eq!(statuses(&app, "/allow", 2).await, [200, 200]);
    assert_eq!(statuses(&app, "/fallback", 2).await, [200, 429]);
    assert_eq!(statuses(&app, "/unchecked", 2).await, [200, 200]);
    bench.storage.recover();
    assert_eq!(statuses(&app, "/deny", 2).await, [200, 429]);
}

/// The defect: a check that was given up halfway made the next one pass without a decision.
#[actix_web::test]
async fn a_dropped_check_leaves_the_next_one_alone() {
    async fn handler(limits: LimitCheck) -> Result<HttpResponse, Error> {
        assert!(limits.check().now_or_never().is_none(), "the storage is far away");
        limits.check().await?;
        Ok(HttpResponse::Ok().finish())
    }
    let bench = Bench::new();
    let limiter = bench.limiter().auto_check(false).local_refusals(false).build().unwrap();
    let limit = Limit::new(Quota::per_hour(1));
    let app = App::new().wrap(limiter).service(resource("/", limit, |it| it.to(handler)));
    let app = init_service(app).await;
    assert_eq!(statuses(&app, "/", 2).await, [200, 429]);
}
