//! A limiter whose check the handler runs, around another limiter: the rules behind the inner one are left to it.

use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    get, guard,
    middleware::{Next, from_fn},
    test::init_service,
    web,
};
use limiter_actix::{Limit, LimitCheck, Limiter, Quota, ScopeExt, exempt, limit, resource};
use limiter_test_support::app::{ask, request};

use super::{has_a, passing, plain, still};

/// Twenty an hour in all, decided when the handler checks.
fn unchecked() -> Limiter {
    still().key_prefix("outer").application_limits("20/hour").auto_check(false).build().unwrap()
}

fn inner() -> Limiter {
    still().key_prefix("inner").build().unwrap()
}

fn per_hour(amount: u64) -> Limit {
    Limit::new(Quota::per_hour(amount))
}

/// Checks, and responds with the limits that apply.
async fn checking(limits: LimitCheck) -> Result<String, Error> {
    let limits = limits.check().await?;
    let quotas: Vec<_> = limits.iter().map(|limit| limit.quota().to_string()).collect();
    Ok(quotas.join(", "))
}

#[limit("2/hour")]
#[get("/limited")]
async fn limited(limits: LimitCheck) -> Result<String, Error> {
    checking(limits).await
}

#[exempt]
#[get("/exempt")]
async fn exempt_inside() -> &'static str {
    "ok"
}

/// The defect: both of them decided the limit.
#[actix_web::test]
async fn a_limit_behind_the_inner_one_counts_there_only() {
    let within = inner();
    let app = init_service(
        App::new()
            .wrap(unchecked())
            .service(web::scope("/route").wrap(within.clone()).service(limited))
            .service(
                web::scope("/scope")
                    .route("/limited", web::get().to(checking))
                    .limit(per_hour(2))
                    .wrap(within.clone()),
            )
            .service(resource("/limited", per_hour(2), |it| it.wrap(within.clone()).to(checking))),
    )
    .await;
    for target in ["/route/limited", "/scope/limited", "/limited"] {
        let shown = ask(&app, request("GET", target)).await.body;
        assert_eq!(shown, "20 per 1 hour, 2 per 1 hour", "{target}");
        assert_eq!(passing(&app, "GET", target, "", 9).await, 1, "{target}");
        within.reset().await.unwrap();
        assert_eq!(
            passing(&app, "GET", target, "", 9).await,
            2,
            "nothing is left in the outer one: {target}"
        );
    }
}

/// The defect: nobody decided the limit, since the check belongs to the outer limiter.
#[actix_web::test]
async fn a_limiter_on_the_very_resource_needs_no_check() {
    let app = init_service(
        App::new()
            .wrap(unchecked())
            .service(resource("/x", per_hour(2), |it| it.wrap(inner()).to(plain)))
            .service(web::scope("/in").wrap(inner()).service(resource("/x", per_hour(2), |it| it.to(plain)))),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/x", "", 9).await, 2);
    assert_eq!(passing(&app, "GET", "/in/x", "", 9).await, 2);
}

#[actix_web::test]
async fn a_limit_before_the_inner_one_is_checked_by_the_handler() {
    let app = init_service(
        App::new().wrap(unchecked()).service(
            web::scope("/in")
                .wrap(inner())
                .limit(per_hour(2))
                .route("/checked", web::get().to(checking))
                .route("/unchecked", web::get().to(plain)),
        ),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/in/checked", "", 9).await, 2);
    assert_eq!(passing(&app, "GET", "/in/unchecked", "", 9).await, 9);
}

/// What a rule behind the inner one replaces or lifts in the outer one stays so.
#[actix_web::test]
async fn a_rule_behind_the_inner_one_lifts_the_limits_of_the_outer_one() {
    let outer = still().key_prefix("outer").default_limits("1/hour").auto_check(false).build().unwrap();
    let app =
        init_service(App::new().wrap(outer).service(
            web::scope("/in").wrap(inner()).service(limited).route("/plain", web::get().to(checking)),
        ))
        .await;
    assert_eq!(passing(&app, "GET", "/in/limited", "", 9).await, 2);
    assert_eq!(passing(&app, "GET", "/in/plain", "", 9).await, 1);
}

/// Checks before the request has met the rules further in.
async fn check_first<B: MessageBody>(
    limits: LimitCheck,
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    limits.check().await?;
    drop(limits);
    next.call(req).await
}

/// What the check has taken is corrected after the response.
#[actix_web::test]
async fn a_check_before_an_exempt_route_takes_nothing() {
    let checked = still().default_limits("3/hour").auto_check(false).build().unwrap();
    let scope = web::scope("/in").wrap(from_fn(check_first)).service(exempt_inside);
    let app = init_service(App::new().wrap(checked).service(scope)).await;
    assert_eq!(passing(&app, "GET", "/in/exempt", "", 9).await, 9);
}

/// Whatever the request meets on its way, nothing is charged before the handler checks.
#[actix_web::test]
async fn a_limit_that_nobody_predicted_waits_for_the_check() {
    let app = App::new()
        .wrap(unchecked())
        .service(web::resource("/{name}").guard(guard::fn_guard(has_a)).to(plain))
        .service(resource("/unchecked", per_hour(2), |it| it.to(plain)))
        .service(resource("/checked", per_hour(2), |it| it.to(checking)));
    let app = init_service(app).await;
    assert_eq!(passing(&app, "GET", "/unchecked", "", 9).await, 9);
    assert_eq!(passing(&app, "GET", "/checked", "", 9).await, 2);
}

/// The outer limiter has no limits there, and lets the request pass.
#[actix_web::test]
async fn a_check_inside_a_limiter_that_lets_pass_is_run() {
    let within = still().key_prefix("inner").default_limits("2/hour").auto_check(false).build().unwrap();
    let scope = web::scope("/in").wrap(within).route("/x", web::get().to(checking));
    let app = App::new().wrap(inner()).service(scope).route("/out", web::get().to(checking));
    let app = init_service(app).await;
    assert_eq!(passing(&app, "GET", "/out", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/in/x", "", 5).await, 2);
}
