use redis::{ErrorKind, RedisResult, ServerErrorKind, Value};

use super::node_address;
use crate::storage::address::Address;

/// The answer of a node that has not run a command.
pub(super) enum Redirection {
    Moved(Address),
    Ask(Address),
    NoScript,
    None,
}

impl Redirection {
    /// Returns the redirection that `node` answered, if any.
    pub(super) fn of(answer: &RedisResult<Value>, node: &Address) -> Self {
        let Err(error) = answer else { return Self::None };
        let address = || error.redirect_node().and_then(|(other, _)| node_address::parse(other, node));
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::Moved) => address().map_or(Self::None, Self::Moved),
            ErrorKind::Server(ServerErrorKind::Ask) => address().map_or(Self::None, Self::Ask),
            ErrorKind::Server(ServerErrorKind::NoScript) => Self::NoScript,
            _ => Self::None,
        }
    }
}
