use super::*;

fn login(user: Option<&str>, password: Option<&str>) -> Login {
    Login { user: user.map(Into::into), password: password.map(Into::into) }
}

#[test]
fn uris_of_servers_and_sockets() {
    let uri = Uri::parse("redis://me:a%3Ab%40c@host:7/2?protocol=resp3&prefix=p&connect_timeout_ms=9");
    let expected = Uri {
        deployment: Deployment::Server(Address::new("host", 7)),
        login: login(Some("me"), Some("a:b@c")),
        database: Some(2),
        uses_resp3: true,
        prefix: Some("p".into()),
        connect_timeout: Some(Duration::from_millis(9)),
        ..Uri::default()
    };
    assert_eq!(uri.unwrap(), expected);
    let uri = Uri::parse("valkey+unix:///run/a%20b.sock?db=3&user=me&pass=it%26s").unwrap();
    assert_eq!(uri.deployment, Deployment::Socket("/run/a b.sock".into()));
    assert_eq!((uri.login, uri.database), (login(Some("me"), Some("it&s")), Some(3)));
    assert_eq!(Uri::parse("redis://:x@h").unwrap().login, login(None, Some("x")));
}

#[cfg(feature = "redis-sentinel")]
#[test]
fn uris_of_sentinels() {
    let uri = Uri::parse("redis+sentinel://:x@a,b:1,[::1]:2/my%20name/4?sentinel_pass=y").unwrap();
    let sentinels = vec![Address::new("a", 26379), Address::new("b", 1), Address::new("::1", 2)];
    assert_eq!(uri.deployment, Deployment::Sentinels { sentinels, name: "my name".into() });
    assert_eq!((uri.login, uri.sentinel_login), (login(None, Some("x")), login(None, Some("y"))));
    assert_eq!(uri.database, Some(4));
    assert!(Uri::parse("redis+sentinel://a,b").is_err(), "it has no name");
}

#[cfg(feature = "redis-cluster")]
#[test]
fn uris_of_clusters() {
    let uri = Uri::parse("valkey+cluster://a:1,b").unwrap();
    assert_eq!(uri.deployment, Deployment::Cluster(vec![Address::new("a", 1), Address::new("b", 6379)]));
    for uri in ["redis+cluster://a/1", "redis+cluster://a?db=1"] {
        assert!(Uri::parse(uri).unwrap_err().to_string().contains("no databases"), "{uri}");
    }
}

#[cfg(feature = "redis-tls")]
#[test]
fn uris_with_certificates() {
    let uri = Uri::parse("rediss://a?ca=/a.pem&cert=b.pem&key=c.pem").unwrap();
    assert!(uri.uses_tls);
    assert_eq!([uri.ca, uri.certificate, uri.key], ["/a.pem", "b.pem", "c.pem"].map(|it| Some(it.into())));
}

#[test]
fn errors_reveal_no_secrets() {
    for uri in [
        "",
        "redis",
        "http://:secret@a",
        "redis://:secret@",
        "redis://:secret@a,b",
        "redis://:secret@a/x",
        "redis://a?secret",
        "redis://:secret@a?protocol=4",
        "redis+unix://secret",
        "rediss+unix:///secret",
        "redis+nothing://:secret@a",
        "redis://%FF:secret@a",
        "redis://a?connect_timeout_ms=secret",
        "redis://:secret@a?connect_timeout_ms=0",
    ] {
        let error = Uri::parse(uri).unwrap_err();
        // A word without a value can be nothing but a name.
        let is_name = uri == "redis://a?secret";
        assert_eq!(format!("{error} {error:?}").contains("secret"), is_name, "{uri}: {error:?}");
    }
    let error = Uri::parse(&format!("redis://{}", ["a"; MAX_HOSTS + 1].join(","))).unwrap_err();
    assert!(error.to_string().contains("host:port"));
}

#[cfg(not(any(feature = "redis-tls", feature = "redis-sentinel", feature = "redis-cluster")))]
#[test]
fn errors_name_the_missing_feature() {
    for (uri, feature) in [
        ("rediss://a", "`redis-tls`"),
        ("valkeys://a", "`redis-tls`"),
        ("redis+sentinel://a/b", "`redis-sentinel`"),
        ("valkey+cluster://a", "`redis-cluster`"),
    ] {
        let error = Uri::parse(uri).unwrap_err();
        assert!(error.to_string().contains(feature), "{error}");
    }
}
