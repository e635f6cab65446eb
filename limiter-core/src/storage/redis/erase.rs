use redis::{FromRedisValue, Value};

use super::{error, line::Lines, link::Link};
use crate::storage::StorageError;

/// How many keys are looked through at once: few enough that no other command waits for long.
const AT_ONCE: u32 = 1000;

/// Removes all keys that begin with `prefix`, a few at a time: those of one node of a cluster, or of the server.
pub(super) async fn all(link: &Link, node: Option<&Lines>, prefix: &str) -> Result<(), StorageError> {
    let pattern = pattern(prefix);
    let mut cursor = 0;
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(AT_ONCE);
        let answer = match node {
            Some(node) => node.ask(&scan).await,
            None => link.ask(&scan).await,
        };
        let (next, keys) = page(answer.map_err(error::storage)?)?;
        link.unlink(&keys).await?;
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}

fn page(reply: Value) -> Result<(u64, Vec<String>), StorageError> {
    FromRedisValue::from_redis_value(reply).map_err(|_| error::not_understood())
}

/// The pattern of all keys that begin with `prefix`, whose own characters mean themselves.
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
    fn a_prefix_means_itself() {
        assert_eq!(super::pattern("a*[b]?:"), r"a\*\[b\]\?:*");
    }
}
