//! Walks through all keys that begin with a text, to remove or to read them.

use redis::{Cmd, FromRedisValue, Value};

use super::{client::Client, commands, error, pool::ConnectionPool};
use crate::storage::{StorageError, count_name::ScopeTexts};

/// The use of the keys of a walk.
enum Visit<'s> {
    Remove,
    Read(&'s mut ScopeTexts),
}

/// The number of keys that one command scans, small enough that no other command waits for long.
const KEYS_PER_SCAN: u32 = 1000;

impl Client {
    /// Removes all keys that begin with `prefix`.
    pub(super) async fn remove(&self, prefix: &str) -> Result<(), StorageError> {
        self.walk(prefix, &mut Visit::Remove).await
    }

    /// Returns the scopes in the keys that begin with `prefix`, from what follows it.
    pub(super) async fn scopes(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        let mut scopes = ScopeTexts::default();
        self.walk(prefix, &mut Visit::Read(&mut scopes)).await?;
        Ok(scopes.into_texts())
    }

    /// Visits all keys that begin with `prefix`, on all nodes of a cluster or on the server.
    async fn walk(&self, prefix: &str, visit: &mut Visit<'_>) -> Result<(), StorageError> {
        #[cfg(feature = "redis-cluster")]
        if let Self::Cluster(cluster) = self {
            for node in cluster.primaries().await.map_err(error::storage)? {
                self.walk_node(Some(&node), prefix, visit).await?;
            }
            return Ok(());
        }
        self.walk_node(None, prefix, visit).await
    }

    /// Visits all keys that begin with `prefix`, a few at a time, on one node of a cluster or on the server.
    async fn walk_node(
        &self,
        node: Option<&ConnectionPool>,
        prefix: &str,
        visit: &mut Visit<'_>,
    ) -> Result<(), StorageError> {
        let pattern = pattern(prefix);
        let mut cursor = 0;
        loop {
            let scan = scan(cursor, &pattern);
            let answer = match node {
                Some(node) => node.send(&scan).await,
                None => self.send(&scan).await,
            };
            let (next, keys) = page(answer.map_err(error::storage)?)?;
            match visit {
                Visit::Remove => self.unlink(&keys).await?,
                Visit::Read(scopes) => {
                    keys.iter().filter_map(|key| key.strip_prefix(prefix)).for_each(|rest| scopes.add(rest));
                }
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn unlink(&self, keys: &[String]) -> Result<(), StorageError> {
        if keys.is_empty() {
            return Ok(());
        }
        #[cfg(feature = "redis-cluster")]
        if let Self::Cluster(cluster) = self {
            return cluster.unlink(keys).await.map_err(error::storage);
        }
        self.send(&commands::unlink(keys)).await.map(drop).map_err(error::storage)
    }
}

fn scan(cursor: u64, pattern: &str) -> Cmd {
    let mut scan = redis::cmd("SCAN");
    scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(KEYS_PER_SCAN);
    scan
}

/// Parses the answer to `SCAN`: the next cursor, and keys.
pub(super) fn page(answer: Value) -> Result<(u64, Vec<String>), StorageError> {
    FromRedisValue::from_redis_value(answer).map_err(|_| error::unexpected_reply())
}

/// Returns the pattern that matches all keys beginning with `prefix`, in which its characters are escaped.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for letter in prefix.chars() {
        if "*?[]^\\".contains(letter) {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('*');
    pattern
}

#[cfg(test)]
mod tests {
    #[test]
    fn special_characters_of_a_prefix_are_escaped() {
        assert_eq!(super::pattern("a*[b]?:"), r"a\*\[b\]\?:*");
    }
}
