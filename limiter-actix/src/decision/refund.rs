//! What a storage elsewhere is to get back.

use std::{fmt, sync::Arc};

use limiter_core::{
    Key, Timestamp,
    storage::{Refund, Storage},
};

use super::{charge::Charges, query::in_time};
use crate::settings::Config;

/// What a storage elsewhere is to get back. Where that does not come about, the log says so.
pub(crate) struct Owed {
    charges: Charges,
    client: Key,
    now: Timestamp,
    storage: Arc<dyn Storage>,
    config: Arc<Config>,
    is_done: bool,
}

impl Owed {
    pub(crate) fn new(
        charges: Charges,
        client: Key,
        now: Timestamp,
        storage: Arc<dyn Storage>,
        config: Arc<Config>,
    ) -> Self {
        Self { charges, client, now, storage, config, is_done: false }
    }

    pub(crate) async fn pay(mut self) {
        let taken: Vec<Refund<'_>> =
            self.charges.iter().filter_map(|charge| charge.taken(&self.client)).collect();
        if let Err(error) = in_time(&*self.storage, self.storage.refund(&taken, self.now)).await {
            self.config.health.count_error();
            say(&error.with_causes());
        }
        drop(taken);
        self.is_done = true;
    }
}

/// The tasks of a worker that shuts down are dropped where they stand.
impl Drop for Owed {
    fn drop(&mut self) {
        if !self.is_done {
            say(&"the task for it ended before, as in a worker that shuts down");
        }
    }
}

fn say(error: &dyn fmt::Display) {
    tracing::warn!(code = "L006", %error, "what was taken could not be given back");
}
