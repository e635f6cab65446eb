//! The Redis storage over TLS. A module of its own: not every server that the other tests run on has TLS.

use std::{fs, time::Duration};

use limiter_core::{
    acceptance::{self, Time},
    storage::{RedisStorage, RedisStorageBuilder, Storage},
};
use limiter_test_servers::{Certificates, Redis};

use crate::suite::refusals::expect_error;

fn builder(server: &Redis, host: &str) -> RedisStorageBuilder {
    RedisStorage::builder(&format!("rediss://{host}:{}", server.port()))
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
async fn a_server_that_requires_a_client_certificate() {
    let certificates = Certificates::new(&["127.0.0.1"]);
    let server = Redis::start_private(&certificates, true);
    let builder = builder(&server, "127.0.0.1").ca_certificates(certificates.ca.as_str());
    let without = builder.clone().build().unwrap();
    expect_error(&without, "refused the TLS connection or the client certificate").await;
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
async fn a_server_that_is_not_trusted_is_an_error() {
    let certificates = Certificates::new(&["localhost"]);
    let server = Redis::start_private(&certificates, false);
    let stranger = Certificates::new(&["localhost"]);
    for (storage, expected) in [
        (builder(&server, "localhost"), "no known CA"),
        (builder(&server, "localhost").ca_certificates(stranger.ca), "not trusted"),
        (builder(&server, "127.0.0.1").ca_certificates(certificates.ca.as_str()), "for another name"),
    ] {
        expect_error(&storage.build().unwrap(), expected).await;
    }
}

#[tokio::test]
async fn one_side_without_tls_is_an_error() {
    // A server without TLS takes it for the beginning of a command, and waits for the rest.
    let server = Redis::start();
    let builder = builder(&server, "127.0.0.1").connect_timeout(Duration::from_millis(200));
    let ca = Certificates::new(&["127.0.0.1"]).ca;
    expect_error(&builder.ca_certificates(ca).build().unwrap(), "did not answer in time").await;
    let server = Redis::start_private(&Certificates::new(&["127.0.0.1"]), false);
    let storage = RedisStorage::new(&server.uri()).unwrap();
    expect_error(&storage, "the connection to the Redis server was lost").await;
}

#[test]
fn build_reports_unusable_certificates() {
    let pem = Certificates::new(&["a"]);
    for (builder, expected) in [
        (RedisStorage::builder("rediss://a").ca_certificates("nonsense"), "invalid certificates"),
        (RedisStorage::builder("rediss://a").client_certificate(pem.ca.as_str(), "nonsense"), "private key"),
        (RedisStorage::builder("redis://a").ca_certificates(pem.ca.as_str()), "rediss://"),
        (RedisStorage::builder("rediss://a?ca=/nowhere/ca.pem"), "failed to read"),
        (RedisStorage::builder("rediss://a?cert=/nowhere/cert.pem"), "both `cert` and `key`"),
    ] {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
