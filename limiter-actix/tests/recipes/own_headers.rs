//! Headers of one's own.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::Next,
};
use limiter_actix::CurrentLimits;

/// Wrapped outside of the limiter: `.wrap(limiter).wrap(from_fn(add_headers))`.
async fn add_headers(
    req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(req).await?;
    let limits = CurrentLimits::of(response.request());
    if let Some(scarcest) = limits.iter().min_by_key(|limit| limit.window().remaining()) {
        let told = [
            (HeaderName::from_static("max-requests"), scarcest.quota().amount()),
            (HeaderName::from_static("window-seconds"), scarcest.quota().window_seconds()),
            (HeaderName::from_static("requests-left"), scarcest.window().remaining()),
            (HeaderName::from_static("reset-seconds"), scarcest.window().reset().as_secs()),
        ];
        for (name, number) in told {
            response.headers_mut().insert(name, HeaderValue::from(number));
        }
    }
    Ok(response)
}

mod test {
    use actix_web::{App, HttpResponse, middleware::from_fn, test::init_service, web};
    use limiter_actix::Limiter;
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
}
