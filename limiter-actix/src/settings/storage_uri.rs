//! Storages by address.

use std::time::Duration;

use super::{build_error::BuildError, remote_storage::RemoteStorage};

/// Returns the storage at an address, or `None` for the memory of the process.
pub(crate) fn storage(uri: &str, deadline: Option<Duration>) -> Result<Option<RemoteStorage>, BuildError> {
    let Some((scheme, _)) = uri.split_once("://") else {
        return Err(error("", "expected an address such as `memory://` or `redis://127.0.0.1:6379`"));
    };
    match scheme {
        "memory" => Ok(None),
        "memcached" => memcached(uri, deadline).map(Some),
        "mongodb" | "mongodb+srv" => mongodb(scheme, uri, deadline).map(Some),
        _ if is_redis(scheme) => redis(scheme, uri, deadline).map(Some),
        _ => Err(error(scheme, "expected `memory`, `redis`, `valkey`, `memcached` or `mongodb`")),
    }
}

/// Returns whether a scheme is one of Redis, such as `redis`, `valkeys` (over TLS) or `redis+cluster`.
fn is_redis(scheme: &str) -> bool {
    let family = scheme.split_once('+').map_or(scheme, |(family, _)| family);
    ["redis", "rediss", "valkey", "valkeys"].contains(&family)
}

#[cfg(feature = "redis")]
fn redis(scheme: &str, uri: &str, deadline: Option<Duration>) -> Result<RemoteStorage, BuildError> {
    use std::error::Error;

    use limiter_core::storage::RedisStorage;

    let storage = RedisStorage::new(uri).map_err(|reason| match reason.source() {
        Some(source) => error(scheme, &format!("{reason}: {source}")),
        None => error(scheme, &reason.to_string()),
    })?;
    Ok(resilient(storage, deadline))
}

#[cfg(not(feature = "redis"))]
fn redis(scheme: &str, _: &str, _: Option<Duration>) -> Result<RemoteStorage, BuildError> {
    Err(error(scheme, "requires the feature `redis` of limiter-actix"))
}

#[cfg(feature = "memcached")]
fn memcached(uri: &str, deadline: Option<Duration>) -> Result<RemoteStorage, BuildError> {
    use limiter_core::storage::MemcachedStorage;

    let storage = MemcachedStorage::new(uri).map_err(|reason| error("memcached", &reason.to_string()))?;
    Ok(resilient(storage, deadline))
}

#[cfg(not(feature = "memcached"))]
fn memcached(_: &str, _: Option<Duration>) -> Result<RemoteStorage, BuildError> {
    Err(error("memcached", "requires the feature `memcached` of limiter-actix"))
}

#[cfg(feature = "mongodb")]
fn mongodb(scheme: &str, uri: &str, deadline: Option<Duration>) -> Result<RemoteStorage, BuildError> {
    use limiter_core::storage::MongoStorage;

    let storage = MongoStorage::new(uri).map_err(|reason| error(scheme, &reason.to_string()))?;
    Ok(resilient(storage, deadline))
}

#[cfg(not(feature = "mongodb"))]
fn mongodb(scheme: &str, _: &str, _: Option<Duration>) -> Result<RemoteStorage, BuildError> {
    Err(error(scheme, "requires the feature `mongodb` of limiter-actix"))
}

/// Wraps a storage, so that it has a deadline.
#[cfg(any(feature = "redis", feature = "memcached", feature = "mongodb"))]
fn resilient(
    storage: impl limiter_core::storage::Storage + 'static,
    deadline: Option<Duration>,
) -> RemoteStorage {
    let storage = limiter_core::storage::Resilient::new(storage);
    RemoteStorage::new(std::sync::Arc::new(match deadline {
        Some(deadline) => storage.deadline(deadline),
        None => storage,
    }))
}

fn error(scheme: &str, reason: &str) -> BuildError {
    BuildError::StorageUri { scheme: scheme.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_no_storage_instance() {
        assert!(storage("memory://", None).is_ok_and(|storage| storage.is_none()));
    }

    #[test]
    fn errors_do_not_show_the_password() {
        for uri in [
            "",
            "redis",
            "postgres://user:secret@host",
            "redis://user:secret@:x",
            "redis+cluster://:secret@:x",
            "redis+nothing://:secret@host",
            "valkeys://:secret@host:x",
            "memcached://u:secret@h",
            "mongodb://user:secret@:x",
        ] {
            let Err(error) = storage(uri, None) else { panic!("{uri}: expected an error") };
            assert!(!error.to_string().contains("secret"), "{uri}: {error}");
        }
    }

    #[test]
    fn the_missing_feature_is_named() {
        for (uri, feature, is_on) in [
            ("redis://127.0.0.1", "redis", cfg!(feature = "redis")),
            ("rediss://127.0.0.1", "redis-tls", cfg!(feature = "redis-tls")),
            ("valkey+sentinel://127.0.0.1/main", "redis-sentinel", cfg!(feature = "redis-sentinel")),
            ("redis+cluster://127.0.0.1", "redis-cluster", cfg!(feature = "redis-cluster")),
        ] {
            let expected = if cfg!(feature = "redis") { feature } else { "redis" };
            match storage(uri, None) {
                Ok(storage) => assert!(is_on && storage.is_some(), "{uri}"),
                Err(error) => {
                    assert!(
                        !is_on && error.to_string().contains(&format!("feature `{expected}`")),
                        "{error}"
                    );
                }
            }
        }
    }

    #[cfg(not(feature = "memcached"))]
    #[test]
    fn the_missing_feature_memcached_is_named() {
        let error = storage("memcached://127.0.0.1", None).expect_err("the feature is off");
        assert!(error.to_string().contains("feature `memcached`"), "{error}");
    }

    #[cfg(not(feature = "mongodb"))]
    #[test]
    fn the_missing_feature_for_mongodb_is_named() {
        let error = storage("mongodb://127.0.0.1", None).expect_err("the feature is off");
        assert!(error.to_string().contains("feature `mongodb`"), "{error}");
    }

    #[cfg(feature = "mongodb")]
    #[test]
    fn mongodb_is_a_storage_by_name_alone() {
        assert!(storage("mongodb://127.0.0.1/shop?w=1", None).is_ok_and(|storage| storage.is_some()));
        let error = storage("mongodb+srv://cluster.example.com", None).expect_err("names are not looked up");
        assert!(error.to_string().contains("replicaSet"), "{error}");
    }
}
