//! Which servers are asked, and for what.

/// What stands before the handlers.
struct Middleware {
    name: &'static str,
    configuration: &'static str,
    /// Whether it refuses all but the first request.
    refuses: bool,
}

/// A server, and the requests that it gets.
pub struct Side {
    middleware: &'static Middleware,
    pub routes: usize,
    pub traffic: Traffic,
}

/// The requests of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Always the same path, with one header; the answer is a short text.
    Hello,
    /// Always the same path, with the headers and cookies of a browser; the answer is 4 kB of JSON.
    Browser,
    /// 100 000 ids in paths by Zipf's law with s = 1.
    Zipf,
    /// 100 000 ids in paths, each as often as the other.
    Uniform,
    /// An id in the path that has never been there before.
    New,
}

const fn plain(name: &'static str, configuration: &'static str) -> Middleware {
    Middleware { name, configuration, refuses: false }
}

const fn refusing(name: &'static str, configuration: &'static str) -> Middleware {
    Middleware { name, configuration, refuses: true }
}

const BARE: Middleware = plain("bare", "no middleware");
const OURS: Middleware = plain("ours, two default limits", "two limits by address, an hour and a day");

/// What answers the one route.
const ALL: &[Middleware] = &[
    BARE,
    plain("ours, no limit applies", "one limit, on another path"),
    plain("ours, exempt", "the two default limits, and all paths exempt"),
    OURS,
    plain("ours, X-RateLimit", "the two default limits, `headers(true)`"),
    plain("ours, RateLimit of the IETF", "the two default limits, `Headers::IETF_DRAFT_11`"),
    refusing("ours, refused", "one a day; answers as they are unless told otherwise"),
    refusing("ours, refused, X-RateLimit", "one a day, `headers(true)`"),
    plain("actix-governor", "by peer address"),
    plain("actix-governor, headers", "by peer address, `use_headers`"),
    refusing("actix-governor, refused", "one an hour"),
    refusing("actix-governor, refused, headers", "one an hour, `use_headers`"),
    plain("actix-extensible-rate-limit", "in memory, `peer_ip_key`"),
    plain("actix-extensible-rate-limit, headers", "in memory, `peer_ip_key`, `add_headers`"),
    refusing("actix-extensible-rate-limit, refused", "one an hour"),
    refusing("actix-extensible-rate-limit, refused, headers", "one an hour, `add_headers`"),
];

/// What answers many routes.
const FEW: &[Middleware] = &[BARE, OURS];

/// All sides: each answer of one route, to a short request and to that of a browser, then bare and ours of many routes.
pub fn sides() -> Vec<Side> {
    let side = |middleware, routes, traffic| Side { middleware, routes, traffic };
    let one = [Traffic::Hello, Traffic::Browser]
        .into_iter()
        .flat_map(move |traffic| ALL.iter().map(move |middleware| side(middleware, 1, traffic)));
    let many = [60, 500].into_iter().flat_map(move |routes| {
        let traffic = [Traffic::Zipf, Traffic::Uniform, Traffic::New];
        traffic
            .into_iter()
            .flat_map(move |traffic| FEW.iter().map(move |middleware| side(middleware, routes, traffic)))
    });
    one.chain(many).collect()
}

impl Side {
    pub fn name(&self) -> String {
        let Self { middleware: Middleware { name, .. }, routes, traffic } = self;
        match traffic {
            Traffic::Hello => (*name).into(),
            Traffic::Browser => format!("{name}; from a browser"),
            Traffic::Zipf => format!("{name}; {routes} routes, ids by Zipf's law"),
            Traffic::Uniform => format!("{name}; {routes} routes, uniform ids"),
            Traffic::New => format!("{name}; {routes} routes, ids never seen before"),
        }
    }

    pub fn configuration(&self) -> &'static str {
        self.middleware.configuration
    }

    /// What the process that serves it is told.
    pub fn role(&self) -> String {
        format!("{};{}", self.middleware.name, self.routes)
    }

    /// The bare server that is asked for the same.
    pub fn bare(&self) -> Self {
        Self { middleware: &BARE, ..*self }
    }

    pub fn refuses(&self) -> bool {
        self.middleware.refuses
    }

    /// How many requests make a round: those of many routes take long.
    pub fn requests(&self) -> usize {
        if self.routes > 100 { 1_000 } else { 4_000 }
    }
}
