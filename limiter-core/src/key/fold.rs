use super::{Key, Repr};

impl Key {
    /// Returns the key with all texts in lower case (Unicode), so that `Alice` and `alice` count together.
    ///
    /// ```
    /// use limiter_core::Key;
    ///
    /// assert_eq!(Key::text("account", "Alice").fold_case(), Key::text("account", "alice"));
    /// ```
    #[must_use]
    pub fn fold_case(self) -> Self {
        self.map_texts(&|text| text.to_lowercase())
    }

    /// Returns the key with all texts trimmed, and one space in place of other blanks, so that ` Ann  Lee` and
    /// `Ann Lee` count together. A text of blanks makes a missing key.
    ///
    /// ```
    /// use limiter_core::Key;
    ///
    /// assert_eq!(Key::text("name", " Ann\u{a0} Lee ").fold_blanks(), Key::text("name", "Ann Lee"));
    /// assert!(Key::text("name", " ").fold_blanks().is_missing());
    /// ```
    #[must_use]
    pub fn fold_blanks(self) -> Self {
        self.map_texts(&|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn map_texts(self, change: &dyn Fn(&str) -> String) -> Self {
        match self.0 {
            Repr::Text { kind, value } => Self::text(kind, change(&value)),
            Repr::Both(both) => both.0.map_texts(change).and(both.1.map_texts(change)),
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_pairs_are_folded_and_other_keys_stay() {
        let address = Key::from(std::net::IpAddr::from([192, 0, 2, 1]));
        let pair = |text: &str| Key::text("a", text).and(address.clone());
        assert_eq!(pair(" X  Y ").fold_case().fold_blanks(), pair("x y"));
        assert!(pair("\t").fold_blanks().is_missing());
        for key in [address.clone(), Key::missing(), Key::failed(), Key::unlimited()] {
            assert_eq!(key.clone().fold_case().fold_blanks(), key);
        }
    }
}
