//! The views of the interface, as JSON. `openapi.json` describes it.

use limiter_core::{Key, KeyForms};
use serde::Serialize;

use super::{
    access::Access,
    respond::{ApiError, millis},
};
use crate::{
    Ban, Limiter, RouteLimit, RouteLimits, TopClient, report::route_limits::quota_text,
    settings::backend::Backend, telemetry::history::Minute,
};

#[derive(Serialize)]
pub(super) struct Overview {
    /// The time in milliseconds since the epoch, by the limiter's clock.
    now: u64,
    enabled: bool,
    storage: StorageView,
    /// The last hour, the oldest minute first.
    minutes: Vec<MinuteView>,
    access: AccessView,
}

#[derive(Serialize)]
struct StorageView {
    kind: &'static str,
    servers: Option<String>,
    is_failing: bool,
    errors: u64,
    memory_keys: usize,
    memory_evictions: u64,
}

#[derive(Serialize)]
struct MinuteView {
    /// In seconds since the epoch.
    start: u64,
    allowed: u64,
    shadow_refused: u64,
    refused: u64,
    undecided: u64,
    banned: u64,
    reserved: u64,
}

#[derive(Serialize)]
struct AccessView {
    operator: String,
    may_change: bool,
}

pub(super) fn overview(limiter: &Limiter, access: &Access) -> Overview {
    let config = limiter.config();
    let settings = &config.settings;
    let (now, health, memory) = (settings.clock.now(), limiter.storage_health(), settings.storage.memory());
    let (kind, servers) = match &settings.storage {
        Backend::Memory(_) => ("memory", None),
        Backend::Remote { storage, .. } => ("remote", storage.servers()),
    };
    Overview {
        now: millis(now),
        enabled: limiter.is_enabled(),
        storage: StorageView {
            kind,
            servers,
            is_failing: health.is_failing(),
            errors: health.errors(),
            memory_keys: memory.len(),
            memory_evictions: memory.evictions(),
        },
        minutes: settings.telemetry.history.minutes(now).into_iter().map(MinuteView::new).collect(),
        access: AccessView {
            operator: access.operator().unwrap_or_default().to_owned(),
            may_change: access.may_change(),
        },
    }
}

impl MinuteView {
    fn new(
        Minute { start, counts: [allowed, shadow_refused, refused, undecided, banned, reserved] }: Minute,
    ) -> Self {
        Self { start, allowed, shadow_refused, refused, undecided, banned, reserved }
    }
}

#[derive(Serialize)]
pub(super) struct Listing {
    routes: Vec<RouteView>,
}

#[derive(Serialize)]
struct RouteView {
    route: String,
    pattern: Option<String>,
    prefix: String,
    methods: Vec<String>,
    is_exempt: bool,
    limits: Vec<LimitView>,
}

#[derive(Serialize)]
struct LimitView {
    /// The text that identifies it in changes.
    limit: String,
    level: &'static str,
    place: String,
    source: &'static str,
    quota: String,
    strategy: String,
    burst: Option<u64>,
    cost: Option<u64>,
    name: Option<String>,
    shared: Option<String>,
    has_own_key: bool,
    is_shadow: bool,
}

pub(super) fn limits(limiter: &Limiter) -> Listing {
    Listing { routes: limiter.limits().iter().map(RouteView::new).collect() }
}

impl RouteView {
    fn new(route: &RouteLimits) -> Self {
        Self {
            route: route.to_string(),
            pattern: route.pattern().map(str::to_owned),
            prefix: route.prefix().to_owned(),
            methods: route.methods().iter().map(ToString::to_string).collect(),
            is_exempt: route.is_exempt(),
            limits: route.limits().iter().map(LimitView::new).collect(),
        }
    }
}

/// Returns the name of the strategy. Concurrent requests have none.
fn strategy_text(limit: &RouteLimit) -> String {
    let is_concurrent = limit.quota().is_some_and(|quota| quota.unit().is_concurrent());
    if is_concurrent { "concurrent".to_owned() } else { limit.strategy().to_string() }
}

impl LimitView {
    fn new(limit: &RouteLimit) -> Self {
        Self {
            limit: limit.to_string(),
            level: limit.level(),
            place: limit.origin().place().to_owned(),
            source: limit.origin().source().as_str(),
            quota: quota_text(limit.quota()),
            strategy: strategy_text(limit),
            burst: limit.burst(),
            cost: limit.cost(),
            name: limit.name().map(str::to_owned),
            shared: limit.shared().map(str::to_owned),
            has_own_key: limit.has_own_key(),
            is_shadow: limit.is_shadow(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct SettingsView {
    settings: Vec<SettingView>,
}

#[derive(Serialize)]
struct SettingView {
    name: &'static str,
    value: String,
    source: &'static str,
}

pub(super) fn settings(limiter: &Limiter) -> SettingsView {
    let values = limiter.config().settings.values();
    let view = values.into_iter().map(|setting| SettingView {
        name: setting.name,
        value: setting.value,
        source: setting.source.as_str(),
    });
    SettingsView { settings: view.collect() }
}

#[derive(Serialize)]
pub(super) struct TopView {
    /// `false` unless `top_clients` is set.
    is_counted: bool,
    /// In milliseconds since the epoch.
    since: Option<u64>,
    busiest: Vec<TopClientView>,
    refused: Vec<TopClientView>,
}

#[derive(Serialize)]
struct TopClientView {
    client: String,
    count: u64,
    error: u64,
}

pub(super) fn top(limiter: &Limiter) -> TopView {
    let Some(top) = limiter.top() else {
        return TopView { is_counted: false, since: None, busiest: Vec::new(), refused: Vec::new() };
    };
    let config = limiter.config();
    let view = |clients: &[TopClient]| {
        clients.iter().map(|client| TopClientView::new(client, &config.settings.key_forms)).collect()
    };
    TopView {
        is_counted: true,
        since: Some(millis(top.since)),
        busiest: view(&top.busiest),
        refused: view(&top.refused),
    }
}

impl TopClientView {
    fn new(client: &TopClient, forms: &KeyForms) -> Self {
        let shown = |key: &Key| key.logged(forms).to_string();
        Self { client: shown(&client.key), count: client.count, error: client.error }
    }
}

#[derive(Serialize)]
pub(super) struct BansView {
    bans: Vec<BanView>,
}

#[derive(Serialize)]
pub(super) struct BanView {
    client: String,
    is_pass: bool,
    reason: String,
    /// In milliseconds since the epoch.
    end: u64,
}

pub(super) async fn bans(limiter: &Limiter) -> Result<BansView, ApiError> {
    let bans = limiter.bans().await.map_err(|_| ApiError::unavailable())?;
    Ok(BansView { bans: bans.iter().map(BanView::new).collect() })
}

impl BanView {
    pub(super) fn new(ban: &Ban) -> Self {
        let (client, reason) = (ban.client().to_owned(), ban.reason().to_owned());
        Self { client, is_pass: ban.is_pass(), reason, end: millis(ban.end()) }
    }
}
