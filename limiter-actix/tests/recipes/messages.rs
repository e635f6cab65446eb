//! Messages of connections that stay open.

use actix_web::{HttpRequest, dev::ServiceRequest};
use limiter_actix::{BuildError, Key, Limiter, NamedLimitError, Quota, key};

/// Who sends the messages: found once, when the connection begins.
fn sender(req: &HttpRequest) -> Key {
    key::client_address(&ServiceRequest::from_request(req.clone()))
}

/// Asked for each message. What to do with those too many is yours: leave them out, wait, or hang up.
async fn may_be_sent(limiter: &Limiter, sender: &Key) -> Result<bool, NamedLimitError> {
    Ok(limiter.hit("messages", sender, 1).await?.is_allowed())
}

fn limiter() -> Result<Limiter, BuildError> {
    Limiter::builder().named_limit("messages", Quota::per_hour(3)).build()
}

mod test {
    use super::*;
    use crate::from;

    #[actix_web::test]
    async fn messages_are_counted_by_their_sender() {
        let limiter = limiter().expect("a limiter");
        for client in ["192.0.2.1", "192.0.2.2"] {
            let sender = sender(&from(client, "GET", "/").to_http_request());
            for expected in [true, true, true, false] {
                let answer = may_be_sent(&limiter, &sender).await.expect("memory answers");
                assert_eq!(answer, expected, "{client}");
            }
        }
    }
}
