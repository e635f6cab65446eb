//! A cost that only the handler knows.

use actix_web::{Error, HttpMessage, HttpRequest, dev::ServiceRequest, post, web::Data};
use limiter_actix::{BuildError, Limit, Limiter, Quota, limit};

struct QueryCost(u64);

/// In real life what your GraphQL library says of the complexity.
fn cost_of(query: &str) -> u64 {
    query.split_whitespace().count() as u64
}

/// Read by the limit when it is checked.
fn query_cost(req: &ServiceRequest) -> u64 {
    req.extensions().get::<QueryCost>().map_or(1, |cost| cost.0)
}

/// The attribute is for requests, before their body is read; the check for what they ask for.
#[limit("100/hour")]
#[post("/graphql")]
async fn graphql(req: HttpRequest, query: String, limiter: Data<Limiter>) -> Result<String, Error> {
    req.extensions_mut().insert(QueryCost(cost_of(&query)));
    limiter.check(&req, "query cost").await?;
    Ok("{}".to_owned())
}

fn limiter() -> Result<Limiter, BuildError> {
    let costs = Limit::new(Quota::per_hour(10)).cost_with(query_cost);
    Limiter::builder().named_limit("query cost", costs).build()
}

mod test {
    use actix_web::{App, test::init_service};
    use limiter_test_support::app::ask;

    use super::*;
    use crate::from;

    #[actix_web::test]
    async fn the_cost_of_a_query_is_charged_when_it_is_known() {
        let limiter = limiter().expect("a limiter");
        let app = App::new().app_data(Data::new(limiter.clone())).service(graphql).wrap(limiter);
        let app = init_service(app).await;
        let rows = [("a b c d", 200), ("a b c d e f", 200), ("a", 429)];
        for (query, expected) in rows {
            let answer = ask(&app, from("192.0.2.1", "POST", "/graphql").set_payload(query)).await;
            assert_eq!(answer.status, expected, "{query}");
            assert_eq!(answer.header("retry-after").is_some(), expected == 429);
        }
    }
}
