//! The Redis storage over TLS. A binary of its own: not every server that the other tests run on can do it.

use std::{error::Error, fs, time::Duration};

use limiter_core::{
    acceptance::{self, Time},
    storage::{RedisStorage, RedisStorageBuilder, Storage},
};
use limiter_test_servers::{Certificates, Redis};

fn builder(server: &Redis, host: &str) -> RedisStorageBuilder {
    RedisStorage::builder(&format!("rediss://{host}:{}", server.port()))
}

/// What is said when the storage is asked, and the cause.
async fn said(storage: &RedisStorage) -> String {
    let error = storage.probe().await.expect_err("it cannot be reached");
    format!("{error}: {}", error.source().expect("it has a cause"))
}

#[tokio::test]
async fn passes_the_tests_of_all_storages() {
    let certificates = Certificates::new(&["127.0.0.1", "localhost"]);
    let server = Redis::start_private(&certificates, false);
    let storage = builder(&server, "127.0.0.1").ca_certificates(certificates.ca.as_str()).build().unwrap();
    acceptance::run(&storage, Time::Own).await;
    let file = server.folder().join("ca.pem");
    let uri = format!("valkeys://localhost:{}/2?ca={}", server.port(), file.display());
    let storage = RedisStorage::new(&uri).unwrap();
    acceptance::run_shared(&storage, Time::Own).await;
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate() {
    let certificates = Certificates::new(&["127.0.0.1"]);
    let server = Redis::start_private(&certificates, true);
    let builder = builder(&server, "127.0.0.1").ca_certificates(certificates.ca.as_str());
    let said = said(&builder.clone().build().unwrap()).await;
    assert!(said.contains("refused the TLS connection or the client certificate"), "{said}");
    let (certificate, key) = &certificates.client;
    let storage = builder.client_certificate(certificate.as_str(), key.as_str()).build().unwrap();
    storage.probe().await.unwrap();
    for (name, pem) in [("client.pem", certificate), ("client.key", key)] {
        fs::write(server.folder().join(name), pem).unwrap();
    }
    let (port, folder) = (server.port(), server.folder().display());
    let files = format!("ca={folder}/ca.pem&cert={folder}/client.pem&key={folder}/client.key");
    RedisStorage::new(&format!("rediss://127.0.0.1:{port}?{files}")).unwrap().probe().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_trusted() {
    let certificates = Certificates::new(&["localhost"]);
    let server = Redis::start_private(&certificates, false);
    let stranger = Certificates::new(&["localhost"]);
    for (storage, expected) in [
        (builder(&server, "localhost"), "no known CA"),
        (builder(&server, "localhost").ca_certificates(stranger.ca), "not trusted"),
        (builder(&server, "127.0.0.1").ca_certificates(certificates.ca.as_str()), "for another name"),
    ] {
        let said = said(&storage.build().unwrap()).await;
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[tokio::test]
async fn one_side_without_tls() {
    // A server without TLS takes it for the beginning of a command, and waits for the rest.
    let server = Redis::start();
    let builder = builder(&server, "127.0.0.1").connect_timeout(Duration::from_millis(200));
    let ca = Certificates::new(&["127.0.0.1"]).ca;
    let said_of_it = said(&builder.ca_certificates(ca).build().unwrap()).await;
    assert!(said_of_it.contains("did not answer in time"), "{said_of_it}");
    let server = Redis::start_private(&Certificates::new(&["127.0.0.1"]), false);
    let said_of_it = said(&RedisStorage::new(&server.uri()).unwrap()).await;
    assert!(said_of_it.contains("the connection to the Redis server was lost"), "{said_of_it}");
}

#[test]
fn what_cannot_be_used_is_said_when_it_is_built() {
    let pem = Certificates::new(&["a"]);
    for (builder, expected) in [
        (RedisStorage::builder("rediss://a").ca_certificates("nonsense"), "certificates in PEM"),
        (RedisStorage::builder("rediss://a").client_certificate(pem.ca.as_str(), "nonsense"), "private key"),
        (RedisStorage::builder("redis://a").ca_certificates(pem.ca.as_str()), "rediss://"),
        (RedisStorage::builder("rediss://a?ca=/nowhere/ca.pem"), "cannot be read"),
        (RedisStorage::builder("rediss://a?cert=/nowhere/cert.pem"), "both `cert` and `key`"),
    ] {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
