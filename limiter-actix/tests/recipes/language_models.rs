//! Tokens of a language model.

use std::convert::Infallible;

use actix_web::{HttpResponse, dev::ServiceRequest, post, web::Bytes};
use futures_util::{Stream, StreamExt, stream};
use limiter_actix::{Usage, limit};

/// Your model: it streams one token after the other.
fn complete(prompt: &str) -> impl Stream<Item = Bytes> + use<> {
    stream::iter(prompt.split_whitespace().map(|word| word.to_owned().into()).collect::<Vec<_>>())
}

/// The estimate: a token for each four bytes of the prompt, and as many for the answer.
fn estimate(req: &ServiceRequest) -> u64 {
    let length =
        req.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    length.map_or(500, |length| length / 2 + 1)
}

#[limit("100000/hour", metered, cost = estimate, name = "tokens")]
#[post("/completions")]
async fn completions(prompt: String, usage: Usage) -> HttpResponse {
    let answer = complete(&prompt).map(move |token| {
        usage.add(1);
        Ok::<_, Infallible>(token)
    });
    HttpResponse::Ok().streaming(answer)
}

mod test {
    use std::net::IpAddr;

    use actix_web::{
        App,
        test::{TestRequest, call_service, init_service, read_body},
    };
    use limiter_actix::{Key, Limiter};

    use super::completions;

    #[actix_web::test]
    async fn tokens_are_settled_at_the_end_of_the_stream() {
        let limiter = Limiter::default();
        let app = init_service(App::new().service(completions).wrap(limiter.clone())).await;
        let address: IpAddr = "127.0.0.1".parse().expect("an address");
        let key = Key::address(address, 64);
        // 13 bytes: the estimate is 7.
        let request = TestRequest::post().uri("/completions").peer_addr((address, 1).into());
        let request = request.set_payload("one two three");
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(limiter.window("tokens", &key).await.expect("a window").remaining(), 100_000 - 7);
        assert_eq!(read_body(response).await.len(), "onetwothree".len());
        assert_eq!(limiter.window("tokens", &key).await.expect("a window").remaining(), 100_000 - 3);
        assert_eq!(limiter.charge("tokens", &key, 100_000).await.expect("a window").remaining(), 0);
    }
}
