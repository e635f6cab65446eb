use actix_web::http::Method;

/// A set of methods. All that HTTP does not define are one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MethodSet(u16);

const KNOWN: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::OPTIONS,
    Method::PATCH,
    Method::CONNECT,
    Method::TRACE,
];

impl MethodSet {
    pub(super) fn of(method: &Method) -> Self {
        Self(1 << KNOWN.iter().position(|known| known == method).unwrap_or(KNOWN.len()))
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn contains(self, method: Self) -> bool {
        self.0 & method.0 != 0
    }

    pub(super) fn with(self, method: Self) -> Self {
        Self(self.0 | method.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_apart_but_unknown_ones_are_one() {
        let own = |name: &str| MethodSet::of(&Method::from_bytes(name.as_bytes()).expect("a method"));
        let set = MethodSet::of(&Method::GET).with(own("PURGE"));
        assert!(!set.is_empty() && MethodSet::default().is_empty());
        for (name, is_in) in [("GET", true), ("HEAD", false), ("TRACE", false), ("LINK", true)] {
            assert_eq!(set.contains(own(name)), is_in, "{name}");
        }
    }
}
