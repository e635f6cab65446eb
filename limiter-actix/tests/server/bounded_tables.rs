//! The memory of one worker when requests have filled every table that they can grow.
//!
//! The tables and their bounds are listed in `docs/internals/design.md`.

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceRequest, ServiceResponse},
    http::{Method, StatusCode},
    middleware::NormalizePath,
    rt::{System, task::yield_now},
    test::{TestRequest, init_service},
    web::{self, ServiceConfig},
};
use limiter_actix::{Limit, Limiter, Quota, ScopeExt, key, resource, storage::MemoryStorage};
use limiter_test_support::{play::header, storages::StorageKind};

/// The most that one worker may take for all tables together, with the counts of the clients.
const MAX_BYTES: u64 = 16 << 20;
/// The most that another flood may add. Tables are emptied when they are full, so that they swing.
const MAX_SWING: i64 = 8 << 20;
/// Different values in one flood.
const VALUES: u64 = 500;

async fn ok() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// A text that a client has chosen.
fn chosen(req: &ServiceRequest) -> String {
    header(req, "x-chosen").unwrap_or_default().to_owned()
}

/// Limits by functions of the request: texts, quotas, names of counts, keys, costs.
fn routes(app: &mut ServiceConfig) {
    let quota = |req: &ServiceRequest| chosen(req).parse().ok().map(Quota::per_day);
    app.service(resource("/text", Limit::dynamic(|req| format!("{}/day", chosen(req))), |it| it.to(ok)))
        .service(resource("/quota", Limit::dynamic(quota), |it| it.to(ok)))
        .service(resource("/invalid", Limit::dynamic(|req| format!("no {}", chosen(req))), |it| it.to(ok)))
        .service(resource("/name", Limit::new(Quota::per_day(9)).shared_with(chosen), |it| it.to(ok)))
        .service(resource("/key", Limit::new(Quota::per_day(9)).key(key::header("x-chosen")), |it| it.to(ok)))
        .service(resource(
            "/refunds",
            Limit::new(Quota::per_day(9)).key(key::header("x-chosen")).deduct_when(|_| false),
            |it| it.to(ok),
        ))
        .service(resource("/spent", Limit::new(Quota::per_day(0)).key(key::header("x-chosen")), |it| {
            it.to(ok)
        }));
    for number in 0..20 {
        let scope = web::scope(&format!("/scope{number}")).limit(Quota::per_day(1_000_000));
        app.service(scope.route("/{a}/{b}", web::route().to(ok)));
    }
}

/// Sends different requests; returns how many were served.
async fn flood<S, B>(app: &S, from: u64) -> usize
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    const METHODS: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "OWN"];
    const TARGETS: [&str; 7] = ["/text", "/quota", "/invalid", "/name", "/key", "/refunds", "/spent"];
    let mut served = 0;
    for number in from..from + VALUES {
        // Which of the rules by pattern cover the path: every value is another combination.
        let bits = (0..14).map(|bit| if number >> bit & 1 == 1 { "/x" } else { "/y" }).collect::<String>();
        let mut requests: Vec<_> = METHODS.map(|method| (method, bits.clone())).into();
        requests.extend(TARGETS.map(|target| ("GET", target.to_owned())));
        requests.extend([
            ("GET", format!("/scope{}/{number}/{number}", number % 20)),
            // Changed by a middleware: slashes are merged.
            ("GET", format!("//scope{}/{number}//{number}/", number % 20)),
            ("GET", format!("/{number}/{}", "z".repeat(200))),
        ]);
        for (method, path) in requests {
            let request = TestRequest::with_uri(&path)
                .method(Method::from_bytes(method.as_bytes()).expect("a method"))
                .peer_addr(([127, 0, 0, 1], 4000).into())
                .insert_header(("x-chosen", (number + 1).to_string()));
            let status = app.call(request.to_request()).await.map_or(StatusCode::OK, |it| it.status());
            served += usize::from(status.is_success());
            // Refunds are sent by tasks of their own.
            yield_now().await;
        }
    }
    served
}

/// The most bytes that are in use at once during a flood, and those that another one adds.
fn grown(kind: StorageKind) -> (u64, i64) {
    let system = System::new();
    let app = system.block_on(async {
        let mut builder = kind.set(Limiter::builder()).default_limits("1000000000/day");
        if matches!(kind, StorageKind::Memory) {
            builder = builder.memory_storage(MemoryStorage::with_capacity(1_000));
        }
        // Every plan has this limit, and remembers what clients choose for it.
        builder = builder.application_limits(Limit::dynamic(|req| format!("{}000000/day", chosen(req))));
        // A rule for each depth and each text of a segment, so that a path chooses those that cover it.
        for depth in 0..14 {
            let before = (0..depth).map(|number| format!("/{{s{number}}}")).collect::<Vec<_>>().concat();
            builder = builder.scope(&format!("{before}/x"), "1000000000/day; 1000000000/hour");
        }
        let limiter = builder.build().expect("a limiter");
        init_service(App::new().wrap(NormalizePath::trim()).wrap(limiter).configure(routes)).await
    });
    let bytes_of = |from| {
        let flood = || assert!(system.block_on(flood(&app, from)) > 0);
        allocation_counter::measure(flood)
    };
    (bytes_of(0).bytes_max, bytes_of(VALUES).bytes_current)
}

#[test]
fn a_worker_takes_bounded_memory() {
    for kind in [StorageKind::Memory, StorageKind::Remote] {
        let (first, more) = grown(kind);
        println!("{kind:?}: {first} bytes, then {more} more");
        assert!(first < MAX_BYTES, "{kind:?}: {first} bytes");
        assert!(more < MAX_SWING, "{kind:?}: {more} bytes more");
    }
}
