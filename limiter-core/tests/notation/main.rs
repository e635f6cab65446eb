//! The notation of quotas: what parses, what does not, where and why.

use limiter_core::{ParseQuotaError, Quota, Quotas, Unit};
use proptest::prelude::*;

fn parsed(text: &str) -> Result<Vec<Quota>, ParseQuotaError> {
    text.parse::<Quotas>().map(|quotas| quotas.as_slice().to_vec())
}

/// The grammar of the reference, which the notation agrees with but for what it makes right and adds.
#[test]
fn the_notation_agrees_with_the_reference() {
    // There `n` of zero is one, anything may stand before a separator, and a count has no end.
    const REFUSED_HERE: [&str; 3] = ["5/0 hours", "1/minute:;2/hour", "99999999999999999999/second"];
    const ADDED_HERE: [(&str, Quota); 3] =
        [("5/min", Quota::per_minute(5)), ("5/week", Quota::per_week(5)), ("5/s", Quota::per_second(5))];

    let table = include_str!("limits-parse.json");
    let table: Vec<(String, serde_json::Value)> = serde_json::from_str(table).unwrap();
    assert_eq!(table.len(), 37);
    for (text, seen) in table {
        let ours = parsed(&text);
        if let Some((_, quota)) = ADDED_HERE.iter().find(|(added, _)| *added == text) {
            assert_eq!(ours, Ok(vec![*quota]), "{text:?}");
        } else if REFUSED_HERE.contains(&text.as_str()) || seen.is_string() {
            assert!(ours.is_err(), "{text:?} parsed as {ours:?}");
        } else {
            let shown = |quota: &Quota| format!("{quota} (exp={})", quota.window_seconds());
            let ours: Vec<_> = ours.unwrap().iter().map(shown).collect();
            assert_eq!(serde_json::json!(ours), seen, "{text:?}");
        }
    }
}

#[test]
fn case_white_space_and_joint_are_free() {
    let quotas = [Quota::new(10, 2, Unit::Hour), Quota::per_day(3)];
    for text in [
        "10 per 2 hour; 3 per 1 day",
        "10/2hours;3/day",
        "10PER2HRS|3/D",
        "\t10 / 2\u{a0}h ,\n3 per\u{2003}days ",
        "10per2hr,3perday",
    ] {
        assert_eq!(parsed(text), Ok(quotas.to_vec()), "{text:?}");
    }
}

#[test]
fn each_unit_has_several_names() {
    let units: [(Unit, u64, &[&str]); 7] = [
        (Unit::Second, 1, &["second", "seconds", "s", "sec", "secs"]),
        (Unit::Minute, 60, &["minute", "minutes", "min", "mins"]),
        (Unit::Hour, 3600, &["hour", "hours", "h", "hr", "hrs"]),
        (Unit::Day, 86_400, &["day", "days", "d"]),
        (Unit::Week, 604_800, &["week", "weeks", "w"]),
        (Unit::Month, 2_592_000, &["month", "months"]),
        (Unit::Year, 31_104_000, &["year", "years"]),
    ];
    for (unit, seconds, names) in units {
        assert_eq!(unit.seconds(), seconds);
        for name in names {
            assert_eq!(format!("7/3{name}").parse(), Ok(Quota::new(7, 3, unit)), "{name}");
        }
    }
}

#[test]
fn units_of_the_calendar_follow_a_word() {
    let quota = Quota::per_calendar_month(1000);
    assert_eq!(quota.to_string(), "1000 per 1 calendar month");
    for text in [
        "1000 per 1 calendar month",
        "1000 per calendar month",
        "1000/calendar months",
        "1000 PER 1 Calendar\tMONTH",
        "1000per1calendar month",
    ] {
        assert_eq!(parsed(text), Ok(vec![quota]), "{text:?}");
    }
    let mixed = "5/day; 9/calendar d, 8 per calendar w|7/1 calendar year";
    let expected = [
        Quota::per_day(5),
        Quota::per_calendar_day(9),
        Quota::per_calendar_week(8),
        Quota::per_calendar_year(7),
    ];
    assert_eq!(parsed(mixed), Ok(expected.to_vec()));
}

#[test]
fn concurrent_requests_have_no_window() {
    let quota = Quota::concurrent(5);
    assert_eq!(quota.to_string(), "5 concurrent");
    for text in ["5 concurrent", "5concurrent", " 5\tCONCURRENT "] {
        assert_eq!(parsed(text), Ok(vec![quota]), "{text:?}");
    }
    assert_eq!(parsed("9/day; 5 concurrent"), Ok(vec![Quota::per_day(9), quota]));
    assert_eq!((quota.window_seconds(), quota.unit().is_concurrent()), (1, true));
}

/// Errors as a user reads them.
#[test]
fn errors_name_the_place_and_what_was_expected() {
    const COUNT: &str = "a count such as the 5 in `5 per minute`";
    const PER: &str = "`per`, `/` or `concurrent`";
    const UNIT: &str = "second, minute, hour, day, week, month or year";
    const JOINT: &str = "`;`, `,`, `|` or the end";
    const CENTURY: &str = "a window of at most 100 years";
    let table = [
        // Nothing, and parts that are missing.
        ("", 0, COUNT, ""),
        ("   ", 3, COUNT, ""),
        ("5", 1, PER, ""),
        ("5/", 2, UNIT, ""),
        ("5 per 2", 7, UNIT, ""),
        ("5/minute;", 9, COUNT, ""),
        ("5/minute ; ", 11, COUNT, ""),
        ("5/minute|", 9, COUNT, ""),
        (";5/minute", 0, COUNT, ";"),
        ("5/minute,,6/hour", 9, COUNT, ","),
        ("5/minute;6", 10, PER, ""),
        // A wrong word or sign.
        ("five/minute", 0, COUNT, "five"),
        ("-5/minute", 0, COUNT, "-"),
        ("+5/minute", 0, COUNT, "+"),
        ("5.5/minute", 1, PER, "."),
        ("5/1.5 minutes", 3, UNIT, "."),
        ("5/-1 hour", 2, UNIT, "-"),
        ("5 x minute", 2, PER, "x"),
        ("5 pe minute", 2, PER, "pe"),
        ("1 / per minute", 4, UNIT, "per"),
        ("5/fortnight", 2, UNIT, "fortnight"),
        ("5/hourss", 2, UNIT, "hourss"),
        ("5 per minute per hour", 13, JOINT, "per"),
        ("5/minute 6/hour", 9, JOINT, "6"),
        ("1/minute:;2/hour", 8, JOINT, ":"),
        ("1/day; 2/lustrum", 9, UNIT, "lustrum"),
        // `m` could be both.
        ("5/m", 2, "`min` (minute) or `month`", "m"),
        ("5 per 2 M", 8, "`min` (minute) or `month`", "M"),
        // Only some units are of the calendar, and a window is one of them.
        ("5/calendar", 10, "day, week, month or year", ""),
        ("5/calendar hour", 11, "day, week, month or year", "hour"),
        ("5/calendar m", 11, "day, week, month or year", "m"),
        ("5/calendar calendar day", 11, "day, week, month or year", "calendar"),
        ("5/calendarday", 2, UNIT, "calendarday"),
        ("5/day calendar", 6, JOINT, "calendar"),
        ("5 per 2 calendar days", 6, "1, since a calendar window is one day, week, month or year", "2"),
        ("5 per 0 calendar days", 6, "a window longer than zero", "0"),
        ("5/concurrent", 2, UNIT, "concurrent"),
        ("5 concurrently", 2, PER, "concurrently"),
        ("5 concurrent per day", 13, JOINT, "per"),
        // Numbers.
        ("5/0 hours", 2, "a window longer than zero", "0"),
        ("5/000 s", 2, "a window longer than zero", "000"),
        ("5/101 years", 2, CENTURY, "101"),
        ("5/4294967296 s", 2, CENTURY, "4294967296"),
        ("1000000000000000/s", 0, "a count of at most 999999999999999", "1000000000000000"),
        ("99999999999999999999/s", 0, "a count of at most 999999999999999", "99999999999999999999"),
        // Other digits and letters; offsets are in bytes.
        ("٥/minute", 0, COUNT, "٥"),
        ("5/٥ minutes", 2, UNIT, "٥"),
        ("5/minute;\u{2003}ü", 12, COUNT, "ü"),
        ("5\u{0}/minute", 1, PER, "\u{0}"),
        ("5 pé minute", 2, PER, "pé"),
    ];
    for (text, offset, expected, found) in table {
        let error = parsed(text).unwrap_err();
        let found = if found.is_empty() { "the end".to_owned() } else { format!("`{found}`") };
        assert_eq!(error.offset(), offset, "{text:?}");
        assert_eq!(
            error.to_string(),
            format!("expected {expected} at byte {offset}, found {found}"),
            "{text:?}"
        );
    }
}

#[test]
fn one_quota_is_read_alone() {
    assert_eq!(" 5/minute ".parse(), Ok(Quota::per_minute(5)));
    let error = "5/minute; 6/hour".parse::<Quota>().unwrap_err();
    assert_eq!(error.to_string(), "expected the end (one quota only) at byte 8, found `;`");
}

#[test]
fn long_texts_are_refused() {
    let quota = "5/minute";
    let longest = format!("{quota}{}", " ".repeat(Quotas::MAX_TEXT_LEN - quota.len()));
    assert_eq!(parsed(&longest), Ok(vec![Quota::per_minute(5)]));
    let error = parsed(&format!("{longest} ")).unwrap_err();
    assert_eq!(error.offset(), 1024);
    assert_eq!(error.to_string(), "expected a text of at most 1024 bytes at byte 1024, found `1025 bytes`");
    assert!(format!("{longest} ").parse::<Quota>().is_err());
    // Unexpected text is not repeated at length.
    assert!(parsed(&"x".repeat(1000)).unwrap_err().to_string().len() < 150);
}

#[test]
fn a_long_text_is_not_split_within_a_character() {
    // Found by fuzzing: the offset was 1024, and whoever split the text there panicked.
    let text = format!("5/minute{}\u{e9}\u{e9}", " ".repeat(Quotas::MAX_TEXT_LEN - 9));
    let error = parsed(&text).unwrap_err();
    assert_eq!(error.offset(), 1023);
    assert!(text.is_char_boundary(error.offset()));
}

/// Each is evaluated at compile time.
#[test]
fn constants_are_valid_quotas() {
    const LOGIN: Quota = Quota::new(10, 2, Unit::Hour);
    const ALL: [(Quota, &str); 7] = [
        (Quota::per_second(1), "1 per 1 second"),
        (Quota::per_minute(2), "2 per 1 minute"),
        (Quota::per_hour(3), "3 per 1 hour"),
        (Quota::per_day(4), "4 per 1 day"),
        (Quota::per_week(5), "5 per 1 week"),
        (Quota::per_month(6), "6 per 1 month"),
        (Quota::per_year(7), "7 per 1 year"),
    ];
    const SECONDS: u64 = LOGIN.window_seconds();

    assert_eq!((LOGIN.amount(), LOGIN.multiple(), LOGIN.unit(), SECONDS), (10, 2, Unit::Hour, 7200));
    for (quota, text) in ALL {
        assert_eq!(quota.to_string(), text);
    }
    assert_eq!(Quotas::from(LOGIN).to_string(), "10 per 2 hour");
}

#[test]
fn limits_of_the_constructor() {
    let largest = Quota::new(Quota::MAX_AMOUNT, 100, Unit::Year);
    assert_eq!(largest.window_seconds(), Quota::MAX_WINDOW_SECONDS);
    assert_eq!(largest.to_string().parse(), Ok(largest));
    let refuses = |new: fn() -> Quota| std::panic::catch_unwind(new).is_err();
    assert!(refuses(|| Quota::new(Quota::MAX_AMOUNT + 1, 1, Unit::Second)));
    assert!(refuses(|| Quota::new(1, 0, Unit::Second)));
    assert!(refuses(|| Quota::new(1, 101, Unit::Year)));
}

fn any_quota() -> impl Strategy<Value = Quota> {
    const UNITS: [Unit; 7] =
        [Unit::Second, Unit::Minute, Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Year];
    (0..=Quota::MAX_AMOUNT, prop::sample::select(&UNITS), 1..=u32::MAX).prop_map(
        |(amount, unit, multiple)| {
            let longest = u32::try_from(Quota::MAX_WINDOW_SECONDS / unit.seconds()).unwrap();
            Quota::new(amount, 1 + (multiple - 1) % longest, unit)
        },
    )
}

/// Texts that come close to the notation.
fn near_quotas() -> impl Strategy<Value = String> {
    const TOKENS: [&str; 22] = [
        "5",
        "0",
        "10",
        "999999999999999",
        "per",
        "PER",
        "/",
        " ",
        "\t",
        "\u{2003}",
        ";",
        ",",
        "|",
        "minute",
        "h",
        "m",
        "years",
        "s",
        "-",
        "é",
        "٥",
        "\u{0}",
    ];
    prop::collection::vec(prop::sample::select(&TOKENS), 0..12).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn display_is_read_back(quota in any_quota()) {
        prop_assert_eq!(quota.to_string().parse(), Ok(quota));
    }

    #[test]
    fn display_of_several_is_read_back(quotas in prop::collection::vec(any_quota(), 1..10)) {
        let text = quotas.iter().map(Quota::to_string).collect::<Vec<_>>().join("|");
        let parsed: Quotas = text.parse().unwrap();
        prop_assert_eq!(parsed.as_slice(), &quotas[..]);
        prop_assert_eq!(parsed.to_string().parse(), Ok(parsed));
    }

    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![any::<String>(), near_quotas()]) {
        match text.parse::<Quotas>() {
            Ok(quotas) => prop_assert_eq!(quotas.to_string().parse(), Ok(quotas)),
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.offset()), "{:?}: {}", text, error);
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
