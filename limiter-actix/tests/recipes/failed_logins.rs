//! Only failed logins count.

use std::collections::HashMap;

use actix_web::{
    HttpResponse,
    dev::ResponseHead,
    http::StatusCode,
    post,
    web::{Data, Form},
};
use limiter_actix::{BuildError, Limiter, NamedLimitError, Quota, key, limit};

fn failed(response: &ResponseHead) -> bool {
    response.status == StatusCode::UNAUTHORIZED
}

/// By address: only what fails stays taken. By account, whoever tries: the name is known only here.
#[limit("5/hour", deduct_when = failed)]
#[post("/login")]
async fn login(
    form: Form<HashMap<String, String>>,
    limiter: Data<Limiter>,
) -> Result<HttpResponse, NamedLimitError> {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    // However it is spelled: the accounts are found by the folded name, too.
    let account = key::field("account", field("name")).fold_case();
    // Taken before the password is looked at: guesses that come at the same time do not get through.
    if !limiter.hit("guesses", &account, 1).await?.is_allowed() {
        return Ok(HttpResponse::TooManyRequests().finish());
    }
    if field("password") != "secret" {
        return Ok(HttpResponse::Unauthorized().finish());
    }
    limiter.clear("guesses", &account).await?;
    Ok(HttpResponse::Ok().finish())
}

fn limiter() -> Result<Limiter, BuildError> {
    Limiter::builder().named_limit("guesses", Quota::per_hour(8)).build()
}

mod test {
    use actix_web::{App, test::init_service};
    use limiter_test_support::app::ask;

    use super::*;
    use crate::from;

    #[actix_web::test]
    async fn failed_logins_count_by_address_and_by_account() {
        let limiter = limiter().expect("a limiter");
        let app = App::new().app_data(Data::new(limiter.clone())).service(login).wrap(limiter);
        let app = init_service(app).await;
        let log_in = async |from_where: &str, form: &'static str| {
            let req = from(from_where, "POST", "/login").set_payload(form);
            ask(&app, req.insert_header(("content-type", "application/x-www-form-urlencoded"))).await.status
        };
        let (right, wrong) = ("name=alice&password=secret", "name=alice&password=guess");
        for _ in 0..20 {
            assert_eq!(log_in("192.0.2.1", right).await, 200, "as often as one likes");
        }
        for _ in 0..5 {
            assert_eq!(log_in("192.0.2.1", wrong).await, 401);
        }
        assert_eq!(log_in("192.0.2.1", right).await, 429, "the address");
        for spelling in ["name=alice&password=guess", "name=ALICE&password=x", "name=%20Alice+&password=y"] {
            assert_eq!(log_in("192.0.2.2", spelling).await, 401);
        }
        assert_eq!(log_in("192.0.2.2", wrong).await, 429, "the account");
        assert_eq!(log_in("192.0.2.2", "name=bob&password=secret").await, 200);
    }
}
