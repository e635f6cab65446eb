use super::StorageError;

/// The prefix of all keys if no other is set.
pub(super) const DEFAULT: &str = "ratelimit";

/// The longest prefix in bytes.
pub(super) const MAX_LEN: usize = 64;

/// Returns an error unless `prefix` is short and has only characters without a meaning in a key.
pub(super) fn check(prefix: &str) -> Result<(), StorageError> {
    // Braces would make a Redis cluster store all clients in one slot.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    if (1..=MAX_LEN).contains(&prefix.len()) && prefix.bytes().all(fits) {
        return Ok(());
    }
    Err(StorageError::new("invalid prefix: expected 1 to 64 letters, digits or characters of `._-:`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_short_and_without_special_characters() {
        let longest = "a".repeat(MAX_LEN);
        for prefix in [DEFAULT, "a", "A.b_c-d:0", &longest] {
            assert!(check(prefix).is_ok(), "{prefix}");
        }
        let too_long = "a".repeat(MAX_LEN + 1);
        for prefix in ["", "a b", "{a}", "a*", "a\n", "\u{e4}", &too_long] {
            assert!(check(prefix).is_err(), "{prefix}");
        }
    }
}
