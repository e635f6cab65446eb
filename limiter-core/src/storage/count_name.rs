use super::Hit;
#[cfg(any(feature = "mongodb", feature = "redis"))]
use crate::name::{kept_len, unescape};
use crate::{
    Key, Scope,
    name::{bounded, escape},
};

/// The name under which a remote storage keeps the count of a hit.
///
/// Two hits have the same name exactly when they share a count, in every process and build. Names are printable
/// ASCII without white space and of bounded length. Addresses and scopes are readable in them, for the
/// operator. Texts of clients may be secrets, so names contain only their hashes.
///
/// ```
/// use limiter_core::{CountName, Key, Policy, Quota, Scope, Strategy, storage::Hit};
///
/// let (scope, policy) = (Scope::new(["search"]), Policy::new(Quota::per_minute(5), Strategy::FixedWindow));
/// let key = Key::address([192, 0, 2, 7].into(), 64);
/// let name = CountName::of(&Hit::new(&scope, &key, &policy));
/// assert_eq!(name.client(), "192.0.2.7");
/// assert_eq!(name.count(), ",search:fw:5:60:5:");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CountName {
    client: String,
    count: String,
}

impl CountName {
    /// The maximum length of [`client`](Self::client), in bytes.
    pub const MAX_CLIENT_LEN: usize = 96;

    /// The maximum length of [`count`](Self::count), in bytes.
    pub const MAX_COUNT_LEN: usize = 128;

    /// Returns the name of the count of `hit`.
    #[must_use]
    pub fn of(hit: &Hit<'_>) -> Self {
        let mut count = String::with_capacity(64);
        write_scope(hit.scope, &mut count);
        hit.policy.write_name(&mut count);
        Self { client: of_client(hit.key), count: bounded(count, Self::MAX_COUNT_LEN) }
    }

    /// Returns the name of the client.
    ///
    /// Counts of one client may be stored together. The name contains none of `{`, `}` and `,`.
    pub fn client(&self) -> &str {
        &self.client
    }

    /// Returns the name of the scope and policy.
    pub fn count(&self) -> &str {
        &self.count
    }
}

/// Returns the name of a client: [`CountName::client`] of its counts.
fn of_client(key: &Key) -> String {
    let mut client = String::with_capacity(40);
    key.write_name(&mut client);
    bounded(client, CountName::MAX_CLIENT_LEN)
}

/// Returns the names of a client and of a scope whose counts are stored together.
///
/// The name of the scope contains no `:`.
#[cfg(feature = "redis")]
pub(super) fn of_client_and_scope(hit: &Hit<'_>) -> (String, String) {
    let mut scope = String::with_capacity(40);
    write_scope(hit.scope, &mut scope);
    (of_client(hit.key), bounded(scope, CountName::MAX_COUNT_LEN))
}

/// Returns the name of a client, and the text with which names of its counts in scopes inside `within` begin, and no
/// others do. Returns `None` if shortened names do not keep that much.
#[cfg(any(feature = "mongodb", feature = "redis"))]
pub(super) fn of_client_inside(client: &Key, within: &Scope) -> Option<(String, String)> {
    let mut beginning = String::with_capacity(40);
    write_scope(within, &mut beginning);
    beginning.push(',');
    let is_kept = beginning.len() <= kept_len(CountName::MAX_COUNT_LEN);
    is_kept.then(|| (of_client(client), beginning))
}

/// The scopes in names of counts, as texts for operators.
#[cfg(any(feature = "mongodb", feature = "redis"))]
#[derive(Default)]
pub(super) struct ScopeTexts(std::collections::BTreeSet<String>);

#[cfg(any(feature = "mongodb", feature = "redis"))]
impl ScopeTexts {
    /// The maximum number of scopes. A client with more has met many routes.
    const MAX: usize = 1000;

    /// Adds the scope of a count, of whose name `rest` is what follows the scope around it.
    pub(super) fn add(&mut self, rest: &str) {
        let scope = rest.split(':').next().unwrap_or_default();
        if self.0.len() < Self::MAX {
            let parts = scope.split(',').filter(|part| !part.is_empty());
            self.0.insert(parts.map(unescape).collect::<Vec<_>>().join(" "));
        }
    }

    pub(super) fn into_texts(self) -> Vec<String> {
        self.0.into_iter().collect()
    }
}

fn write_scope(scope: &Scope, name: &mut String) {
    for part in scope.parts() {
        name.push(',');
        escape(part, name);
    }
}
