//! Faults of MongoDB alone.

use limiter_test_servers::{Mongo, Proxy};

use crate::{
    server::{Server, uri},
    tally::Tally,
};

/// A hit whose answer is cut was counted before, and is not repeated.
#[tokio::test]
async fn cut_in_the_middle_of_an_answer() {
    let server = Mongo::start();
    let proxy = Proxy::start(server.port()).await;
    let mut tally = Tally::<Mongo>::start(Mongo::open(&uri::<Mongo>(proxy.port()))).await;
    for bytes in [0, 1, 5, 40] {
        // The cut may meet an answer to the driver, which watches the server on connections of its own.
        let mut attempts = 0;
        proxy.cut_after(bytes);
        while tally.try_hit().await {
            attempts += 1;
            assert!(attempts < 20, "after {bytes} bytes");
            proxy.cut_after(bytes);
        }
        tally.hit().await;
    }
}
