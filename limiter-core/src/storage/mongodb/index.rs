//! The TTL index, by which the server removes what has expired.

use std::{future::Future, time::Duration};

use mongodb::{
    Collection, IndexModel,
    bson::{Document, doc},
    error::{Error, ErrorKind, Result},
    options::IndexOptions,
};
use tokio::time::sleep;

/// Between two attempts; doubles from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Tries to make the index until it is there, or the server says that it must not be.
pub(super) async fn ensure<F>(collection: impl Fn() -> F)
where
    F: Future<Output = Result<Collection<Document>>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let Err(error) = create(&collection).await else { return };
        if is_final(&error) {
            tracing::warn!(code = "S006", %error, "the TTL index of the counts on MongoDB could not be made: what has expired stays");
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
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

/// Whether another attempt would end in the same way: the user may not do it, or there is another index of this
/// name.
fn is_final(error: &Error) -> bool {
    const UNAUTHORIZED: i32 = 13;
    const INDEX_OPTIONS_CONFLICT: i32 = 85;
    const INDEX_KEY_SPECS_CONFLICT: i32 = 86;
    let codes = [UNAUTHORIZED, INDEX_OPTIONS_CONFLICT, INDEX_KEY_SPECS_CONFLICT];
    matches!(&*error.kind, ErrorKind::Command(error) if codes.contains(&error.code))
}
