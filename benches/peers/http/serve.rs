//! The servers.

use std::{io, sync::LazyLock, time::Duration};

use actix_extensible_rate_limit::{
    RateLimiter,
    backend::{SimpleInputFunctionBuilder, SimpleInputFuture, SimpleOutput, memory::InMemoryBackend},
};
use actix_governor::{Governor, GovernorConfigBuilder, PeerIpKeyExtractor};
use actix_web::{App, HttpResponse, HttpServer, dev::ServiceRequest, rt, web};
use governor::middleware::NoOpMiddleware;
use limiter_actix::{Headers, Limiter, LimiterBuilder};

const HOUR: Duration = Duration::from_hours(1);
const PLENTY: u32 = 1_000_000_000;

/// Serves one side until its process ends; says first where it listens.
///
/// The role is what stands before the handlers and how many routes there are.
pub fn serve(role: &str) -> io::Result<()> {
    let (middleware, routes) = role.rsplit_once(';').expect("a role has two parts");
    let routes = routes.parse().expect("a number of routes");
    rt::System::new().block_on(run(middleware, routes))
}

macro_rules! run {
    ($routes:ident $(, $made:expr)?) => {{
        let server = HttpServer::new(move || {
            App::new()$(.wrap($made))?.configure(|app| add(app, $routes))
        });
        // Connections wait while other sides are measured, and the first request may come late.
        let server = server.keep_alive(HOUR).client_request_timeout(Duration::ZERO);
        let server = server.workers(1).bind("127.0.0.1:0")?;
        println!("{}", server.addrs()[0]);
        server.run().await
    }};
}

macro_rules! run_ours {
    ($routes:ident, $options:expr) => {{
        let limiter = ours($options);
        run!($routes, limiter.clone())
    }};
}

async fn run(middleware: &str, routes: usize) -> io::Result<()> {
    match middleware {
        "bare" => run!(routes),
        "ours, no limit applies" => {
            let limiter = Limiter::builder().route("POST /login", "5/minute").build().expect("it is right");
            run!(routes, limiter.clone())
        }
        "ours, exempt" => run_ours!(routes, |it| it.exempt_scope("/")),
        "ours, two default limits" => run_ours!(routes, |it| it),
        "ours, X-RateLimit" => run_ours!(routes, |it| it.headers(true)),
        "ours, RateLimit of the IETF" => run_ours!(routes, |it| it.headers(Headers::IETF_DRAFT_11)),
        "ours, refused" => run_ours!(routes, |it| it.default_limits("1/day")),
        "ours, refused, X-RateLimit" => run_ours!(routes, |it| it.default_limits("1/day").headers(true)),
        "actix-governor" => {
            let config = governor(PLENTY).finish().expect("it is right");
            run!(routes, Governor::new(&config))
        }
        "actix-governor, headers" => {
            let config = governor(PLENTY).use_headers().finish().expect("it is right");
            run!(routes, Governor::new(&config))
        }
        "actix-governor, refused" => {
            let config = governor(1).finish().expect("it is right");
            run!(routes, Governor::new(&config))
        }
        "actix-governor, refused, headers" => {
            let config = governor(1).use_headers().finish().expect("it is right");
            run!(routes, Governor::new(&config))
        }
        "actix-extensible-rate-limit" => run!(routes, extensible(PLENTY, false)),
        "actix-extensible-rate-limit, headers" => run!(routes, extensible(PLENTY, true)),
        "actix-extensible-rate-limit, refused" => run!(routes, extensible(1, false)),
        "actix-extensible-rate-limit, refused, headers" => run!(routes, extensible(1, true)),
        _ => panic!("there is no side {middleware}"),
    }
}

fn ours(options: fn(LimiterBuilder) -> LimiterBuilder) -> Limiter {
    let limits = format!("{PLENTY}/hour; {PLENTY}/day");
    options(Limiter::builder().default_limits(limits.as_str())).build().expect("these limits are right")
}

fn governor(amount: u32) -> GovernorConfigBuilder<PeerIpKeyExtractor, NoOpMiddleware> {
    let mut config = GovernorConfigBuilder::default();
    config.seconds_per_request(HOUR.as_secs()).burst_size(amount);
    config
}

fn extensible(
    amount: u32,
    headers: bool,
) -> RateLimiter<InMemoryBackend, SimpleOutput, impl Fn(&ServiceRequest) -> SimpleInputFuture> {
    let input = SimpleInputFunctionBuilder::new(HOUR, amount.into()).peer_ip_key().build();
    let builder = RateLimiter::builder(InMemoryBackend::builder().build(), input);
    if headers { builder.add_headers().build() } else { builder.build() }
}

/// One route for each kind of request, or as many as the role states, half of them dynamic.
fn add(app: &mut web::ServiceConfig, routes: usize) {
    if routes == 1 {
        app.route("/hello", web::get().to(hello)).route("/page", web::get().to(page));
        return;
    }
    for route in 0..routes / 2 {
        app.route(&format!("/fixed/{route}"), web::get().to(hello));
        app.route(&format!("/things{route}/{{id}}/parts"), web::get().to(hello));
    }
}

async fn hello() -> &'static str {
    "Hello, world!"
}

/// Responds with 4 kB of JSON.
async fn page() -> HttpResponse {
    static BODY: LazyLock<String> = LazyLock::new(|| {
        let item = |id| format!(r#"{{"id":{id:03},"title":"A book of limits","author":"N. N.","price":19.9,"stock":7}}"#);
        format!("[{}]", (0..52).map(item).collect::<Vec<_>>().join(","))
    });
    HttpResponse::Ok().content_type("application/json").body(BODY.as_str())
}
