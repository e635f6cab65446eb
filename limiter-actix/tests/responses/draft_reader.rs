//! The fields of draft-ietf-httpapi-ratelimit-headers-11 as a client reads them, with somebody else's parser of
//! Structured Fields.

use sfv::{BareItem, Item, List, ListEntry, Parser};

/// An item of `RateLimit-Policy`: name, `q`, `w`, and `pk`.
pub(crate) type Policy = (String, i64, Option<i64>, Option<Vec<u8>>);

/// An item of `RateLimit`: name, `r`, `t`, and `pk`.
pub(crate) type State = (String, i64, Option<i64>, Option<Vec<u8>>);

/// None when a client has to ignore the field.
pub(crate) fn policies(field: &str) -> Option<Vec<Policy>> {
    read(field, "q", "w", 1)
}

/// None when a client has to ignore the field.
pub(crate) fn states(field: &str) -> Option<Vec<State>> {
    read(field, "r", "t", 0)
}

fn read(field: &str, amount: &str, seconds: &str, least: i64) -> Option<Vec<Policy>> {
    let list: List = Parser::new(field).parse().ok()?;
    let items = list.iter().map(|entry| match entry {
        ListEntry::Item(item) => read_item(item, amount, seconds, least),
        ListEntry::InnerList(_) => None,
    });
    items.collect::<Option<Vec<_>>>().filter(|items| !items.is_empty())
}

fn read_item(item: &Item, amount: &str, seconds: &str, least: i64) -> Option<Policy> {
    let name = item.bare_item.as_string()?.as_str().to_owned();
    let integer =
        |value: &BareItem, least: i64| value.as_integer().map(i64::from).filter(|number| *number >= least);
    let amount = integer(item.params.get(amount)?, 0)?;
    let seconds = match item.params.get(seconds) {
        Some(value) => Some(integer(value, least)?),
        None => None,
    };
    let partition = match item.params.get("pk") {
        Some(value) => Some(value.as_byte_sequence()?.to_owned()),
        None => None,
    };
    Some((name, amount, seconds, partition))
}

fn item(name: &str, amount: i64, seconds: impl Into<Option<i64>>) -> Policy {
    (name.to_owned(), amount, seconds.into(), None)
}

/// The examples of the draft, and what a client makes of them.
#[test]
fn a_structured_field_parser_agrees_with_the_draft() {
    let with_key =
        |(name, amount, seconds, _): Policy, key: &[u8]| (name, amount, seconds, Some(key.to_vec()));
    let read_as: &[(&str, Option<Vec<Policy>>)] = &[
        (
            r#""burst";q=100;w=60, "daily";q=1000;w=86400"#,
            Some(vec![item("burst", 100, 60), item("daily", 1000, 86_400)]),
        ),
        (
            r#""peruser";q=65535;qu="content-bytes";w=10;pk=:c2Rmag==:"#,
            Some(vec![with_key(item("peruser", 65_535, 10), b"sdfj")]),
        ),
        (r#""inflight";q=20;qu="concurrent-requests""#, Some(vec![item("inflight", 20, None)])),
        (
            r#""1000-in-10min"; q=10; w=600; pk=:MTJj:"#,
            Some(vec![with_key(item("1000-in-10min", 10, 600), b"12c")]),
        ),
        (r#""x";q=1;w=60;q=2"#, Some(vec![item("x", 2, 60)])),
        (r#""x";q=1;w=0"#, None),
        (r#""x";w=60"#, None),
        // Keys of parameters are in lower case.
        (r#""x";q=10;W=60"#, None),
    ];
    for (field, expected) in read_as {
        assert_eq!(policies(field), *expected, "{field}");
    }

    let read_as: &[(&str, Option<Vec<State>>)] = &[
        (
            r#""burst";r=50;t=30, "daily";r=421;t=36000"#,
            Some(vec![item("burst", 50, 30), item("daily", 421, 36_000)]),
        ),
        (r#""inflight";r=3"#, Some(vec![item("inflight", 3, None)])),
        (r#""default";r=0;t=5"#, Some(vec![item("default", 0, 5)])),
        (r#""api: \"v1\"";r=0;t=5"#, Some(vec![item(r#"api: "v1""#, 0, 5)])),
        // A list does not end with a comma.
        (r#""x";r=1,"#, None),
        (r#""x";r=1000000000000000"#, None),
        ("\"\u{e9}\";r=1", None),
        // Revision 7.
        ("limit=100, remaining=50, reset=5", None),
        // Structured Fields, but not these.
        (r#""x";r=1;t=1.5"#, None),
        ("default;r=50;t=30", None),
        (r#""x";t=5"#, None),
    ];
    for (field, expected) in read_as {
        assert_eq!(states(field), *expected, "{field}");
    }
}
