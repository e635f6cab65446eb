//! Who the client is, unless the app says otherwise.

use std::sync::Once;

use actix_web::dev::ServiceRequest;
use limiter_core::Key;

/// The key of the client's address: an IPv4 address, or the /64 of an IPv6 one.
///
/// A connection without an address (a Unix socket, a request made by a test) counts under one key that all
/// such connections share; the first is logged.
pub fn peer_address(req: &ServiceRequest) -> Key {
    match req.peer_addr() {
        Some(address) => address.ip().into(),
        None => without_address(),
    }
}

fn without_address() -> Key {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            code = "L005",
            "a connection has no peer address: all such connections share one count; set a key that knows \
             the client, such as a header of a trusted proxy"
        );
    });
    Key::text("no-address", "-")
}
