//! Logins under attack.

use std::collections::HashMap;

use actix_web::{HttpResponse, dev::ResponseHead, http::StatusCode, post, web::Form};
use limiter_actix::{BuildError, Limiter, key, limit};

fn failed(response: &ResponseHead) -> bool {
    response.status == StatusCode::UNAUTHORIZED
}

// Five wrong passwords in ten minutes are human. A client that goes on is shut out of the whole app, for longer each time.
#[limit(
    "5 per 10 minutes",
    deduct_when = failed,
    ban = "1 hour after 3 breaches in 10 minutes, doubling up to 1 week"
)]
// A botnet within one network: more failures, and no ban, since others share the network.
#[limit("100/hour", deduct_when = failed, key = key::client_network(48))]
#[post("/login")]
async fn login(form: Form<HashMap<String, String>>) -> HttpResponse {
    match form.get("password").map(String::as_str) {
        Some("secret") => HttpResponse::Ok().finish(),
        _ => HttpResponse::Unauthorized().finish(),
    }
}

fn limiter() -> Result<Limiter, BuildError> {
    Limiter::builder().default_limits("300/minute").build()
}

mod test {
    use actix_web::{App, test::init_service};
    use limiter_test_support::app::ask;

    use super::*;
    use crate::from;

    #[actix_web::test]
    async fn who_goes_on_guessing_is_banned() {
        let app = init_service(App::new().service(login).wrap(limiter().expect("a limiter"))).await;
        let log_in = async |address: &str, form: &'static str| {
            let req = from(address, "POST", "/login").set_payload(form);
            let answer =
                ask(&app, req.insert_header(("content-type", "application/x-www-form-urlencoded"))).await;
            (answer.status, answer.header("retry-after").map(str::to_owned))
        };
        for _ in 0..20 {
            assert_eq!(log_in("192.0.2.1", "password=secret").await.0, 200);
        }
        for _ in 0..5 {
            assert_eq!(log_in("192.0.2.1", "password=guess").await.0, 401);
        }
        for wait in [600, 600, 3600] {
            let (status, told) = log_in("192.0.2.1", "password=guess").await;
            let told: u64 = told.and_then(|told| told.parse().ok()).expect("a wait");
            assert!(status == 429 && (wait - 100..=wait).contains(&told), "{status} {told}");
        }
        assert_eq!(log_in("192.0.2.1", "password=secret").await.0, 403);
        assert_eq!(log_in("192.0.2.2", "password=secret").await.0, 200);
    }
}
