//! The one deadline of this crate, for storages that have none of their own.

use std::time::Duration;

use actix_web::rt::time::timeout;
use limiter_core::storage::{Answer, Storage, StorageError};

/// The time that a storage without a deadline of its own may take.
const DEADLINE: Duration = Duration::from_millis(100);

/// Awaits an answer of a storage. Returns an error if it does not come in time.
pub(crate) async fn in_time<T>(storage: &dyn Storage, answer: Answer<'_, T>) -> Result<T, StorageError>
where
    T: Unpin,
{
    if storage.has_deadline() {
        return answer.await;
    }
    match timeout(DEADLINE, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(StorageError::new("the storage did not answer within 100 ms")),
    }
}
