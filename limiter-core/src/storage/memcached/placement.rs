//! Decides which server stores the counts of a client.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::storage::address::Address;

/// Returns the index of the server with the highest hash of server and client (rendezvous hashing, Thaler and
/// Ravishankar 1996).
///
/// All processes choose the same server, in whatever order they list them. If a server is added or removed, only
/// the clients that it gains or loses move.
pub(super) fn server_of(servers: &[Address], client: &str) -> usize {
    let weight = |index: &usize| {
        let server = &servers[*index];
        // No seed: all processes must agree.
        let mut hash = SipHasher13::new();
        hash.write(server.host.as_bytes());
        hash.write(&[0xff]);
        hash.write(&server.port.to_le_bytes());
        hash.write(client.as_bytes());
        hash.finish()
    };
    if servers.len() == 1 { 0 } else { (0..servers.len()).max_by_key(weight).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four_servers() -> Vec<Address> {
        ["a", "b", "c", "d"].map(|host| Address::new(host, 11211)).into()
    }

    #[test]
    fn clients_are_spread_and_move_only_when_they_must() {
        let servers = four_servers();
        let mut reversed = servers.clone();
        reversed.reverse();
        let clients: Vec<_> = (0..4000).map(|client| format!("client~{client}")).collect();
        let mut spread = [0; 4];
        for client in &clients {
            let at = server_of(&servers, client);
            spread[at] += 1;
            assert_eq!(servers[at], reversed[server_of(&reversed, client)], "the order does not matter");
            let others: Vec<_> = servers.iter().filter(|it| **it != servers[3]).cloned().collect();
            if at != 3 {
                assert_eq!(
                    others[server_of(&others, client)],
                    servers[at],
                    "only the clients of the removed server move"
                );
            }
        }
        assert!(spread.iter().all(|clients| (850..1150).contains(clients)), "{spread:?}");
    }

    /// If the hash changed, the processes of an old and a new build would count apart.
    #[test]
    fn the_server_of_a_client_never_changes() {
        let servers = four_servers();
        let places: Vec<_> =
            (0..12).map(|client| server_of(&servers, &format!("192.0.2.{client}"))).collect();
        assert_eq!(places, [3, 2, 2, 0, 3, 0, 0, 1, 0, 0, 3, 1]);
    }
}
