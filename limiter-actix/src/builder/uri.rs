//! Storages by their address.

use std::sync::Arc;

use limiter_core::storage::Storage;

use super::BuildError;

/// The storage at an address; none for the memory of the process.
pub(super) fn storage(uri: &str) -> Result<Option<Arc<dyn Storage>>, BuildError> {
    let Some((scheme, _)) = uri.split_once("://") else {
        return Err(error("", "expected an address such as `memory://` or `redis://127.0.0.1:6379`"));
    };
    match scheme {
        "memory" => Ok(None),
        "redis" | "redis+unix" | "valkey" | "valkey+unix" => redis(scheme, uri).map(Some),
        _ => Err(error(scheme, "expected `memory`, `redis`, `redis+unix`, `valkey` or `valkey+unix`")),
    }
}

#[cfg(feature = "redis")]
fn redis(scheme: &str, uri: &str) -> Result<Arc<dyn Storage>, BuildError> {
    use limiter_core::storage::{RedisStorage, Resilient};

    let storage = RedisStorage::new(uri).map_err(|reason| error(scheme, &reason.to_string()))?;
    Ok(Arc::new(Resilient::new(storage)))
}

#[cfg(not(feature = "redis"))]
fn redis(scheme: &str, _: &str) -> Result<Arc<dyn Storage>, BuildError> {
    Err(error(scheme, "it needs the feature `redis` of limiter-actix"))
}

fn error(scheme: &str, reason: &str) -> BuildError {
    BuildError::StorageUri { scheme: scheme.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_no_storage_of_its_own() {
        assert!(storage("memory://").is_ok_and(|storage| storage.is_none()));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for uri in ["", "redis", "postgres://user:secret@host", "redis://user:secret@:x"] {
            let Err(error) = storage(uri) else { panic!("{uri}: expected an error") };
            assert!(!error.to_string().contains("secret"), "{uri}: {error}");
        }
    }

    #[cfg(not(feature = "redis"))]
    #[test]
    fn the_missing_feature_is_named() {
        let error = storage("redis://127.0.0.1").expect_err("the feature is off");
        assert!(error.to_string().contains("feature `redis`"), "{error}");
    }
}
