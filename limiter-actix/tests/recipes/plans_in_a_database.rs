//! Plans that a database has, looked up by an async function.

use std::{io, time::Duration};

use actix_web::{HttpMessage, dev::ServiceRequest};
use limiter_actix::{BuildError, Key, Limit, Limiter, Lookup, LookupError, Quota, key};

/// The customer of a request; put into its extensions by your authentication.
#[derive(Clone)]
struct Customer(String);

/// In real life a query, with a crate such as `sqlx`.
async fn query(customer: String) -> Result<Option<u64>, io::Error> {
    Ok(match customer.as_str() {
        "ada" => Some(5),
        "bob" => Some(2),
        _ => None,
    })
}

fn limiter() -> Result<Limiter, BuildError> {
    let plans = Lookup::new(query).time_to_live(Duration::from_secs(30));
    let by_plan = async move |req: &ServiceRequest| {
        let Some(Customer(name)) = req.extensions().get().cloned() else { return Ok(None) };
        Ok::<_, LookupError>(plans.get(&name).await?.map(Quota::per_hour))
    };
    Limiter::builder()
        .key(key::extension(|Customer(name): &Customer| Key::text("customer", name.as_str())))
        .application_limits([
            Limit::dynamic_async(by_plan).keep_used(true),
            // Also while the database fails and a customer has no last plan.
            Limit::new(Quota::per_hour(8)),
        ])
        .build()
}

mod test {
    use actix_web::{
        App, HttpResponse,
        dev::Service,
        test::{TestRequest, init_service},
        web,
    };
    use limiter_test_support::app::ask;

    use super::*;

    #[actix_web::test]
    async fn each_plan_is_found_in_the_database() {
        let limiter = limiter().expect("a limiter");
        let app =
            App::new().route("/", web::get().to(HttpResponse::Ok)).wrap(limiter).wrap_fn(|req, service| {
                let name = req.headers().get("customer").and_then(|name| name.to_str().ok());
                if let Some(customer) = name.map(|name| Customer(name.to_owned())) {
                    req.extensions_mut().insert(customer);
                }
                service.call(req)
            });
        let app = init_service(app).await;
        let passing = async |customer: &'static str| {
            let mut passing = 0;
            for _ in 0..10 {
                let req = TestRequest::get().uri("/").insert_header(("customer", customer));
                passing += usize::from(ask(&app, req).await.status == 200);
            }
            passing
        };
        assert_eq!(passing("ada").await, 5);
        assert_eq!(passing("bob").await, 2);
        assert_eq!(passing("nobody").await, 8, "without a plan");
    }
}
