//! Limits of tenants, which change while the server runs.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use actix_web::{HttpMessage, dev::ServiceRequest};
use limiter_actix::{BuildError, Key, Limit, Limiter, ParseQuotaError, Quota, Quotas, key};

/// Whose request it is; put into its extensions by your authentication.
struct Tenant(String);

/// What each tenant may do.
#[derive(Clone, Default)]
struct Contracts(Arc<RwLock<HashMap<String, Quotas>>>);

impl Contracts {
    /// Where somebody changes a contract: what cannot be read is refused here, and not at the next request.
    fn change(&self, tenant: &str, limits: &str) -> Result<(), ParseQuotaError> {
        let limits = limits.parse()?;
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(tenant.to_owned(), limits);
        Ok(())
    }

    fn of(&self, req: &ServiceRequest) -> Quotas {
        let extensions = req.extensions();
        let contracts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let limits = extensions.get::<Tenant>().and_then(|Tenant(name)| contracts.get(name));
        limits.cloned().unwrap_or_else(|| Quota::per_hour(2).into())
    }
}

fn limiter(contracts: Contracts) -> Result<Limiter, BuildError> {
    Limiter::builder()
        .key(key::extension(|Tenant(name): &Tenant| Key::text("tenant", name.as_str())))
        .application_limits(Limit::dynamic(move |req| contracts.of(req)))
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
    async fn a_changed_quota_holds_from_the_next_request_on() {
        let contracts = Contracts::default();
        contracts.change("acme", "3/hour").expect("limits");
        assert!(contracts.change("acme", "3 per fortnight").is_err());
        let limiter = limiter(contracts.clone()).expect("a limiter");
        let app =
            App::new().route("/", web::get().to(HttpResponse::Ok)).wrap(limiter).wrap_fn(|req, service| {
                let tenant = req.headers().get("tenant").and_then(|name| name.to_str().ok());
                let tenant = tenant.map(|name| Tenant(name.to_owned()));
                if let Some(tenant) = tenant {
                    req.extensions_mut().insert(tenant);
                }
                service.call(req)
            });
        let app = init_service(app).await;
        let passing = async |tenant: &'static str| {
            let mut passing = 0;
            for _ in 0..6 {
                let req = TestRequest::get().uri("/").insert_header(("tenant", tenant));
                passing += usize::from(ask(&app, req).await.status == 200);
            }
            passing
        };
        assert_eq!(passing("acme").await, 3);
        assert_eq!(passing("umbrella").await, 2, "without a contract");
        contracts.change("acme", "4/hour").expect("limits");
        assert_eq!(passing("acme").await, 4, "another limit is another count");
    }
}
