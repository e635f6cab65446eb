//! Lists of the limits of a file, with their sources.

use actix_web::{App, test::init_service, web};
use limiter_actix::{Limiter, SettingSource};
use limiter_test_support::app::get as status_of;

use crate::Settings;

/// Shows all limits with the names of their sources.
fn listed(limiter: &Limiter) -> Vec<String> {
    let mut shown = Vec::new();
    for route in limiter.limits() {
        for limit in route.limits() {
            shown.push(format!("{route}: {limit} by {}", limit.origin().source()));
        }
    }
    shown
}

#[actix_web::test]
async fn limits_show_the_source_that_takes_precedence() {
    let settings =
        Settings::new("default_limits = '5/hour'\napplication_limits = '9/day'\n[routes]\n'/a' = '3/hour'");
    let builder =
        Limiter::builder().from_file(&settings.path).from_variables([("RATELIMIT_DEFAULT", "7/hour")]);
    let limiter = builder.route("/b", "1/hour").build().expect("a limiter");
    let app = App::new().wrap(limiter.clone());
    let app = app.route("/a", web::get().to(async || "ok")).route("/b", web::get().to(async || "ok"));
    let app = init_service(app).await;
    assert_eq!(status_of(&app, "/a").await, 200);
    let application = "9 per 1 day (application_limits) by file";
    assert_eq!(
        listed(&limiter),
        [
            &format!("/a: {application}"),
            "/a: 3 per 1 hour (rule /a) by file",
            &format!("/b: {application}"),
            "/b: 1 per 1 hour (rule /b) by code",
            &format!("unmatched paths: {application}"),
            "unmatched paths: 7 per 1 hour (default_limits) by environment",
        ]
    );

    // An operator's change outlives a reload, which shows from the next request on.
    assert!(limiter.set_shadow("3 per 1 hour (rule /a)", Some(true)));
    settings.write("[routes]\n'/a' = '3/hour'");
    assert!(limiter.reload().expect("a valid file"));
    assert_eq!(status_of(&app, "/a").await, 200);
    let limits = limiter.limits();
    let of_a = limits.iter().find(|route| route.pattern() == Some("/a")).expect("it is listed");
    let [default, limit] = of_a.limits() else { panic!("{of_a:?}") };
    assert_eq!((default.origin().source(), limit.is_shadow()), (SettingSource::Environment, true));
}
