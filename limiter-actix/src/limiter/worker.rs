//! The state of a limiter in one worker.

use std::{
    cell::OnceCell,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
};

use actix_web::dev::ServiceRequest;
use limiter_core::Timestamp;

use super::shared::Shared;
use crate::{
    bans::refresh::BanRefresher,
    holds::LeaseKeeper,
    routing::{
        declarations::Declarations,
        table::{AppRoutes, Table},
    },
    settings::Config,
};

/// A limiter in one worker: the shared state, and the routing table of the app. If the settings change, another one
/// replaces it. Requests that began with this one keep it.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) config: Arc<Config>,
    /// `true` if no middleware between the limiter and the router could answer a request.
    pub(crate) is_next_to_router: bool,
    /// `true` if that is the router of the whole app.
    pub(crate) is_around_app: bool,
    routes: Rc<AppRoutes>,
    declarations: Arc<Declarations>,
    _bans: BanRefresher,
    _leases: LeaseKeeper,
    table: OnceCell<Table>,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, is_next_to_router: bool, is_around_app: bool) -> Self {
        let declarations = Arc::new(Declarations::of_thread());
        shared.route_maps.add_declarations(&declarations);
        Self::with(shared, is_next_to_router, is_around_app, Rc::default(), declarations)
    }

    fn with(
        shared: Arc<Shared>,
        is_next_to_router: bool,
        is_around_app: bool,
        routes: Rc<AppRoutes>,
        declarations: Arc<Declarations>,
    ) -> Self {
        let config = shared.config();
        let bans = BanRefresher::start(&config.bans);
        let leases = LeaseKeeper::start(config.leases.as_ref());
        let table = OnceCell::new();
        Self {
            shared,
            config,
            is_next_to_router,
            is_around_app,
            routes,
            declarations,
            _bans: bans,
            _leases: leases,
            table,
        }
    }

    /// Returns the same limiter with the current settings.
    pub(crate) fn with_current_settings(&self) -> Self {
        let (routes, declarations) = (Rc::clone(&self.routes), Arc::clone(&self.declarations));
        Self::with(Arc::clone(&self.shared), self.is_next_to_router, self.is_around_app, routes, declarations)
    }

    /// Returns the table of the app. It is built at the first request, once actix has finished the resource map.
    #[inline]
    pub(crate) fn table(&self, req: &ServiceRequest) -> &Table {
        let make = || {
            let (config, routes) = (Arc::clone(&self.config), Rc::clone(&self.routes));
            let table = Table::new(config, routes, self.is_next_to_router, req);
            self.shared.route_maps.add(table.map());
            table
        };
        self.table.get_or_init(make)
    }

    /// Returns the table, if there was a request.
    #[inline]
    pub(crate) fn try_table(&self) -> Option<&Table> {
        self.table.get()
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.config.enabled.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn now(&self) -> Timestamp {
        self.config.settings.clock.now()
    }
}
