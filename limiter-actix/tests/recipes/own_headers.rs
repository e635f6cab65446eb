//! Headers of one's own.

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::Next,
};
use limiter_actix::{Breach, CurrentLimits};

/// Wrapped outside of the limiter: `.wrap(limiter).wrap(from_fn(add_headers))`.
async fn add_headers(
    req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(req).await?;
    let limits = CurrentLimits::of(response.request());
    let scarcest = limits.iter().min_by_key(|limit| limit.window().remaining());
    let scarcest = scarcest.map(|limit| (limit.quota(), limit.window()));
    // Of a refused request, the limit that refused it.
    let breach =
        response.request().extensions().get::<Breach>().map(|breach| (breach.quota(), breach.window()));
    if let Some((quota, window)) = breach.or(scarcest) {
        let told = [
            (HeaderName::from_static("max-requests"), quota.amount()),
            (HeaderName::from_static("window-seconds"), quota.window_seconds()),
            (HeaderName::from_static("requests-left"), window.remaining()),
            (HeaderName::from_static("reset-seconds"), window.reset().as_secs()),
        ];
        for (name, number) in told {
            response.headers_mut().insert(name, HeaderValue::from(number));
        }
    }
    Ok(response)
}

mod test {
    use actix_web::{App, HttpResponse, middleware::from_fn, test::init_service, web};
    use limiter_actix::{Limit, Limiter};
    use limiter_test_support::app::ask;

    use super::add_headers;
    use crate::from;

    #[actix_web::test]
    async fn headers_are_on_all_responses() {
        let limiter = Limiter::builder().default_limits("9/day; 2/hour").build().expect("a limiter");
        let app = App::new().route("/", web::get().to(HttpResponse::Ok));
        let app = init_service(app.wrap(limiter).wrap(from_fn(add_headers))).await;
        for (status, left) in [(200, "1"), (200, "0"), (429, "0")] {
            let answer = ask(&app, from("192.0.2.1", "GET", "/")).await;
            let told = ["max-requests", "window-seconds", "requests-left"].map(|name| answer.header(name));
            assert_eq!((answer.status, told), (status, [Some("2"), Some("3600"), Some(left)]));
        }
    }

    /// The defect: the headers of a refusal described another limit than the one that refused.
    #[actix_web::test]
    async fn a_refusal_shows_the_limit_that_refused() {
        let limits = (Limit::new("9/hour").cost(5), "3/day");
        let limiter = Limiter::builder().default_limits(limits).build().expect("a limiter");
        let app = App::new().route("/", web::get().to(HttpResponse::Ok));
        let app = init_service(app.wrap(limiter).wrap(from_fn(add_headers))).await;
        for (status, most, left) in [(200, "3", "2"), (429, "9", "4")] {
            let answer = ask(&app, from("192.0.2.1", "GET", "/")).await;
            let told = ["max-requests", "requests-left"].map(|name| answer.header(name));
            assert_eq!((answer.status, told), (status, [Some(most), Some(left)]));
        }
    }
}
