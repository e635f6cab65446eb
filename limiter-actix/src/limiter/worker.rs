//! A limiter as one worker has it.

use std::{cell::OnceCell, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;
use limiter_core::Timestamp;

use super::shared::Shared;
use crate::{
    routing::table::{AppPatternIndex, Table},
    settings::Config,
};

/// A limiter as one worker has it: what all share, and the table of its app. When other settings are in force,
/// another one takes its place, and requests that began with this one keep it.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) config: Arc<Config>,
    patterns: Rc<AppPatternIndex>,
    table: OnceCell<Table>,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let config = shared.config();
        Self { shared, config, patterns: Rc::default(), table: OnceCell::new() }
    }

    /// The same limiter by the settings that are in force now.
    pub(crate) fn with_current_settings(&self) -> Self {
        Self { patterns: Rc::clone(&self.patterns), ..Self::new(Arc::clone(&self.shared)) }
    }

    /// The table of the app, read at the first request: before, actix has not finished the map.
    pub(crate) fn table(&self, req: &ServiceRequest) -> &Table {
        let make = || Table::new(Arc::clone(&self.config), Rc::clone(&self.patterns), req);
        self.table.get_or_init(make)
    }

    /// The table, if a request has come.
    pub(crate) fn try_table(&self) -> Option<&Table> {
        self.table.get()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.config.settings.clock.now()
    }
}
