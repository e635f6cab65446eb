//! The TTL index, by which the server deletes expired documents.

use std::{future::Future, time::Duration};

use mongodb::{
    Collection, IndexModel,
    bson::{Document, doc},
    error::{Error, ErrorKind, Result},
    options::IndexOptions,
};
use tokio::time::sleep;

use crate::log::{event, shown, unthrottled};

/// The pause after the first failed attempt. It doubles with each attempt.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Creates the index, with retries until the server has it or refuses it for good.
pub(super) async fn ensure<F>(collection: impl Fn() -> F)
where
    F: Future<Output = Result<Collection<Document>>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let Err(error) = create(&collection).await else { return };
        if is_final(&error) {
            event!(
                unthrottled(Some("S006")),
                WARN,
                error = shown(&error),
                "TTL index on MongoDB could not be created: expired counts stay"
            );
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

async fn create<F>(collection: impl Fn() -> F) -> Result<()>
where
    F: Future<Output = Result<Collection<Document>>>,
{
    let options = IndexOptions::builder().expire_after(Duration::ZERO).build();
    let index = IndexModel::builder().keys(doc! { "e": 1 }).options(options).build();
    collection().await?.create_index(index).await.map(drop)
}

/// Returns whether another attempt would fail too: the user lacks the permission, or another index has the name.
fn is_final(error: &Error) -> bool {
    const UNAUTHORIZED: i32 = 13;
    const INDEX_OPTIONS_CONFLICT: i32 = 85;
    const INDEX_KEY_SPECS_CONFLICT: i32 = 86;
    let codes = [UNAUTHORIZED, INDEX_OPTIONS_CONFLICT, INDEX_KEY_SPECS_CONFLICT];
    matches!(&*error.kind, ErrorKind::Command(error) if codes.contains(&error.code))
}
