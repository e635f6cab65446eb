//! The limiter of a settings file in an app of synthetic requests. All decisions are its own.

use std::{cell::Cell, collections::HashMap, future::ready, net::SocketAddr, path::Path, rc::Rc, sync::Arc};

use actix_http::Request;
use actix_service::{Service, fn_service};
use actix_web::{
    App, Error, HttpMessage, HttpResponse,
    body::MessageBody,
    dev::{AppService, HttpServiceFactory, ResourceDef, ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    rt::{System, SystemRunner},
    test::init_service,
};
use futures_util::FutureExt;
use limiter_actix::{
    Breach, CurrentLimits, FileOutline, Limiter, ManualClock, TrustedProxies, storage::MemoryStorage,
};

use crate::{args::Replay, log::Entry, outcome::Failure};

/// The decision of one request.
pub(super) struct Decision {
    /// The number of the route, or `None` for an unmatched path.
    pub(super) route: Option<usize>,
    pub(super) refusal: Option<Breach>,
    /// The limits in shadow mode that would have refused, by name or quota.
    pub(super) shadow: Vec<String>,
}

/// Decides requests one after the other.
pub(super) struct Pipeline {
    decide: Box<dyn Fn(Request) -> Option<Decision>>,
    clock: Arc<ManualClock>,
    memory: Arc<MemoryStorage>,
    // Kept alive for the app.
    _system: SystemRunner,
}

impl Pipeline {
    /// Creates the pipeline: an app with these routes, under the limiter of the file with its counts in memory.
    ///
    /// A log has no connections. Its address is that of the client, so no proxy is trusted.
    pub(super) fn new(arguments: &Replay, outline: &FileOutline, routes: &[String]) -> Result<Self, Failure> {
        let clock = Arc::new(ManualClock::default());
        let memory = Arc::new(MemoryStorage::with_capacity(arguments.max_counts.get()));
        let limiter = limiter(&arguments.settings, outline, &clock, &memory)?;
        let has_shadow = outline.limits().iter().any(limiter_actix::OutlinedLimit::is_shadow);
        let system = System::new();
        let decide = system.block_on(app(limiter, routes, has_shadow));
        Ok(Self { decide, clock, memory, _system: system })
    }

    /// Decides the request of an entry. Returns `None` if the limiter fails.
    pub(super) fn decide(&self, entry: Entry) -> Option<Decision> {
        let mut request = Request::new();
        let head = request.head_mut();
        head.method = entry.method;
        head.uri = entry.uri;
        head.peer_addr = Some(SocketAddr::new(entry.client, 0));
        for (name, value) in &entry.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
                head.headers.append(name, value);
            }
        }
        self.clock.set(entry.at);
        (self.decide)(request)
    }

    /// Returns the number of counts that left the memory although they were still of use.
    pub(super) fn evictions(&self) -> u64 {
        self.memory.evictions()
    }
}

fn limiter(
    settings: &Path,
    outline: &FileOutline,
    clock: &Arc<ManualClock>,
    memory: &Arc<MemoryStorage>,
) -> Result<Limiter, Failure> {
    let builder = Limiter::builder()
        .from_file(settings)
        .clock(Arc::<ManualClock>::clone(clock))
        .memory_storage(Arc::clone(memory))
        .storage_uri("memory://")
        .per_process(true);
    let has_proxies = outline.sets_trusted_proxies();
    let builder = if has_proxies { builder.trusted_proxies(TrustedProxies::none()) } else { builder };
    Ok(builder.build()?)
}

/// A route that takes all methods and notes that a request has arrived. It has no handler with its extractors and
/// guards, which would take a tenth of the time.
struct Route {
    number: usize,
    pattern: String,
    arrived: Rc<Cell<Option<usize>>>,
}

impl HttpServiceFactory for Route {
    fn register(self, config: &mut AppService) {
        let Self { number, pattern, arrived } = self;
        let service = fn_service(move |req: ServiceRequest| {
            arrived.set(Some(number));
            ready(Ok::<_, Error>(req.into_response(HttpResponse::new(StatusCode::OK))))
        });
        config.register_service(ResourceDef::new(pattern), None, service, None);
    }
}

/// Returns the function that sends a request through the app.
async fn app(
    limiter: Limiter,
    routes: &[String],
    has_shadow: bool,
) -> Box<dyn Fn(Request) -> Option<Decision>> {
    let arrived = Rc::new(Cell::new(None));
    let app = routes.iter().enumerate().fold(App::new(), |app, (number, pattern)| {
        app.service(Route { number, pattern: pattern.clone(), arrived: Rc::clone(&arrived) })
    });
    let app = init_service(app.wrap(limiter)).await;
    let numbers: HashMap<String, usize> =
        routes.iter().enumerate().map(|(number, pattern)| (pattern.clone(), number)).collect();
    Box::new(move |request| {
        arrived.set(None);
        // Nothing waits: counts are in memory, and handlers are ready at once. An error is a failed key, which files
        // do not have.
        let response = app.call(request).now_or_never()?.ok()?;
        Some(decision(&response, arrived.get(), &numbers, has_shadow))
    })
}

fn decision<B: MessageBody>(
    response: &ServiceResponse<B>,
    arrived: Option<usize>,
    numbers: &HashMap<String, usize>,
    has_shadow: bool,
) -> Decision {
    let refusal = response.request().extensions().get::<Breach>().cloned();
    let route = match &refusal {
        Some(breach) => breach.route().and_then(|route| numbers.get(route).copied()),
        None => arrived,
    };
    let shadow = if has_shadow && refusal.is_none() { shadow(response) } else { Vec::new() };
    Decision { route, refusal, shadow }
}

/// Returns the limits that an admitted request has breached, which are those in shadow mode.
fn shadow<B: MessageBody>(response: &ServiceResponse<B>) -> Vec<String> {
    let limits = CurrentLimits::of(response.request());
    let breached = limits.iter().filter(|limit| !limit.window().is_allowed());
    breached.map(|limit| limit.name().map_or_else(|| limit.quota().to_string(), str::to_owned)).collect()
}
