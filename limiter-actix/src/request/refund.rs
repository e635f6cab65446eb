//! What comes back of requests that are dropped before their answer.

use actix_web::rt;
use tokio::sync::oneshot;

use super::state::Ticket;
use crate::decision::refund::Owed;
use crate::{
    decision::charge::{Charge, Charges},
    settings::Backend,
};

/// Leads to a task that gives back to a storage elsewhere.
///
/// The task begins while the request is on its way: a request may be dropped where none can begin, such as in a
/// worker that shuts down, and a panic there could end the program.
pub(crate) struct WayBack(oneshot::Sender<Owed>);

impl WayBack {
    fn open() -> Self {
        let (way, end) = oneshot::channel::<Owed>();
        rt::spawn(async move {
            // Nothing comes of requests that are answered.
            if let Ok(owed) = end.await {
                owed.pay().await;
            }
        });
        Self(way)
    }

    fn send(self, owed: Owed) {
        // What comes back has nowhere to go, and says so when it is dropped.
        drop(self.0.send(owed));
    }
}

impl Ticket {
    /// Makes sure that what a storage elsewhere was asked for can be given back when the request is dropped.
    pub(crate) fn open_way_back(&self) {
        let Backend::Remote { .. } = self.local.config.settings.storage else { return };
        let may_return = |charge: &Charge| charge.comes_back_dropped() && charge.is_kept_by_storage();
        if !self.is_answered.get() && self.charges.borrow().iter().any(may_return) {
            self.way_back.get_or_init(WayBack::open);
        }
    }

    /// Gives back what was taken from limits that say so, since there will be no answer. Never panics.
    pub(crate) fn refund_on_drop(&mut self) {
        let charges = self.charges.get_mut();
        if !charges.iter().any(Charge::comes_back_dropped) {
            return;
        }
        let returned: Charges = charges
            .iter()
            .filter(|charge| charge.comes_back_dropped() && charge.is_taken())
            .cloned()
            .collect();
        let way = self.way_back.take();
        self.give_back_by(returned, |owed| {
            if let Some(way) = way {
                way.send(owed);
            }
        });
    }
}
