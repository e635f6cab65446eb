//! The grammar of RFC 7239, where quotes, commas and semicolons are data.

use limiter_actix::TrustedProxies;

use crate::vectors::client;

/// Whose request it is that a proxy passed on with this value.
fn told(value: &str) -> String {
    let proxies = TrustedProxies::forwarded().networks(["10.0.0.0/8"]);
    client(&proxies, "10.0.0.1", "forwarded", &[value])
}

#[test]
fn quoted_text_is_data() {
    for value in [
        "for=192.0.2.1;by=\"a,b\"",
        "for=192.0.2.1;by=\"a;b=c\"",
        "for=192.0.2.1;host=\"for=6.6.6.6\"",
        "for=192.0.2.1;host=\", for=6.6.6.6\"",
        "for=192.0.2.1;host=\"\\\", for=6.6.6.6\"",
        "for=192.0.2.1;host=\"\\\\\"",
        "for=192.0.2.1;host=\"\\\\\\\"\"",
        "for=192.0.2.1;host=\"=\\\"\"",
        "for=192.0.2.1;host=\"\"",
        "host=\"a, b\";for=192.0.2.1",
        "by=\"a=\\\"b\\\"\";for=\"192.0.2.1\";host=\"c,d\"",
    ] {
        assert_eq!(told(value), "192.0.2.1", "{value}");
        assert_eq!(told(&format!("for=6.6.6.6, {value}")), "192.0.2.1", "{value}");
        assert_eq!(told(&format!("{value}, for=10.0.0.2")), "192.0.2.1", "{value}");
    }
}

#[test]
fn a_malformed_element_ends_the_walk() {
    for value in [
        "for=\"6.6.6.6",
        "for=6.6.6.6\"",
        "for=\"6.6.6.6\\\"",
        "for=\"6.6.6.6\"x",
        "for=x\"6.6.6.6\"",
        "for \"6.6.6.6\"",
        "for = 6.6.6.6",
        "for= 6.6.6.6",
        "for=6.6.6.6 for=7.7.7.7",
        "=6.6.6.6",
        "for",
        "for==6.6.6.6",
        "for=6.6.6.6;for=7.7.7.7",
        "for=6.6.6.6;FOR=6.6.6.6",
        "for=6.6.6.6;proto=http;proto=https",
        "for=6.6.6.6;by=a;by=a",
        "for=6.6.6.6;host=\"a\"b\"",
        "for=6.6.6.6;ho st=a",
        "for=6.6.6.6;host=a/b",
        "for=\"6.6.6.6\\1\"",
        "for=\"\\6.6.6.6\"",
        "for=\"'6.6.6.6'\"",
        "for=(6.6.6.6)",
        "\"for=6.6.6.6\"",
    ] {
        assert_eq!(told(value), "10.0.0.1", "{value}");
        assert_eq!(told(&format!("for=5.5.5.5, {value}")), "10.0.0.1", "{value}");
        assert_eq!(told(&format!("{value}, for=10.0.0.2")), "10.0.0.2", "{value}");
    }
}

#[test]
fn other_parameters_do_not_matter() {
    for value in ["for=192.0.2.1;secret=x", "x=1;y=\"2\";for=192.0.2.1", "for=192.0.2.1;x=1;x=2"] {
        assert_eq!(told(value), "192.0.2.1", "{value}");
    }
}

#[test]
fn a_client_cannot_open_a_string_that_swallows_what_the_proxy_adds() {
    for claim in
        ["for=\"", "for=\"6.6.6.6", "host=\"a\\", "\"", "for=6.6.6.6;by=\"", "for=\"6.6.6.6\\\"", "=\"", "\\"]
    {
        for added in
            ["for=192.0.2.1", "for=\"192.0.2.1\"", "for=\"192.0.2.1:80\";by=\"a,b\"", "by=\"\";for=192.0.2.1"]
        {
            let value = format!("{claim}, {added}");
            assert_eq!(told(&value), "192.0.2.1", "{value}");
        }
    }
}
