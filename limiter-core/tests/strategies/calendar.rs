//! Calendar windows: known boundaries, and a naive model that looks at every quarter of an hour.

use std::time::Duration;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use limiter_core::{Policy, PolicyError, Quota, Strategy, TimeZone, Unit};
use proptest::prelude::*;

use crate::{Counter, cases};

const UNITS: [Unit; 4] = [Unit::CalendarDay, Unit::CalendarWeek, Unit::CalendarMonth, Unit::CalendarYear];

fn policy(amount: u64, unit: Unit, zone: &str) -> Policy {
    let zone: TimeZone = zone.parse().unwrap();
    Policy::new(Quota::new(amount, 1, unit), Strategy::FixedWindow).with_time_zone(zone)
}

fn nanos(time: &str) -> u64 {
    let time = DateTime::parse_from_rfc3339(time).unwrap();
    time.timestamp_nanos_opt().unwrap().try_into().unwrap()
}

/// Windows as a calendar on the wall shows them: zone, unit, an instant, and the end of its window.
#[test]
fn a_window_ends_by_the_calendar() {
    use Unit::{CalendarDay as Day, CalendarMonth as Month, CalendarWeek as Week, CalendarYear as Year};
    let table = [
        ("UTC", Day, "2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z"),
        ("UTC", Day, "2026-07-01T23:59:59.999999999Z", "2026-07-02T00:00:00Z"),
        // A Wednesday; a Sunday; a Monday.
        ("UTC", Week, "2026-07-01T12:00:00Z", "2026-07-06T00:00:00Z"),
        ("UTC", Week, "2026-07-05T23:59:59Z", "2026-07-06T00:00:00Z"),
        ("UTC", Week, "2026-07-06T00:00:00Z", "2026-07-13T00:00:00Z"),
        // Months of 28 to 31 days, and the year 2100, which is no leap year.
        ("UTC", Month, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("UTC", Month, "2028-02-28T12:00:00Z", "2028-03-01T00:00:00Z"),
        ("UTC", Month, "2028-02-29T12:00:00Z", "2028-03-01T00:00:00Z"),
        ("UTC", Month, "2100-02-28T12:00:00Z", "2100-03-01T00:00:00Z"),
        ("UTC", Month, "2026-04-30T23:00:00Z", "2026-05-01T00:00:00Z"),
        ("UTC", Month, "2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z"),
        ("UTC", Year, "2028-12-31T23:59:59Z", "2029-01-01T00:00:00Z"),
        // Offsets.
        ("+05:45", Day, "2026-07-01T18:14:59Z", "2026-07-01T18:15:00Z"),
        ("-09:30", Day, "2026-07-01T09:30:00Z", "2026-07-02T09:30:00Z"),
        ("+14:00", Year, "2026-12-31T09:59:59Z", "2026-12-31T10:00:00Z"),
        ("-1200", Month, "2026-08-01T11:59:59Z", "2026-08-01T12:00:00Z"),
        // Days of 23 and 25 hours.
        ("Europe/Berlin", Day, "2026-03-29T00:30:00+01:00", "2026-03-30T00:00:00+02:00"),
        ("Europe/Berlin", Day, "2026-10-25T00:30:00+02:00", "2026-10-26T00:00:00+01:00"),
        ("Europe/Berlin", Week, "2026-03-25T12:00:00+01:00", "2026-03-30T00:00:00+02:00"),
        ("Europe/Berlin", Month, "2026-10-25T02:30:00+01:00", "2026-11-01T00:00:00+01:00"),
        // Half an hour of daylight saving time.
        ("Australia/Lord_Howe", Day, "2026-10-04T00:00:00+10:30", "2026-10-05T00:00:00+11:00"),
        ("Asia/Kathmandu", Day, "2026-07-01T23:59:59+05:45", "2026-07-02T00:00:00+05:45"),
        // Without a midnight: the clock goes from 23:59:59 to 01:00:00.
        ("America/Sao_Paulo", Day, "2018-11-03T23:59:59-03:00", "2018-11-04T01:00:00-02:00"),
        ("America/Sao_Paulo", Day, "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"),
        // With two midnights: from 00:59:59 back to 00:00:00. The first one counts.
        ("America/Havana", Day, "2024-11-02T23:59:59-04:00", "2024-11-03T00:00:00-04:00"),
        ("America/Havana", Day, "2024-11-03T00:30:00-05:00", "2024-11-04T00:00:00-05:00"),
        // Back over midnight to the day before, from 00:00:59 to 23:01:00: the new day has begun.
        ("America/St_Johns", Day, "2010-11-06T23:30:00-02:30", "2010-11-07T00:00:00-02:30"),
        ("America/St_Johns", Day, "2010-11-06T23:30:00-03:30", "2010-11-08T00:00:00-03:30"),
        ("America/St_Johns", Day, "2010-11-07T00:00:30-02:30", "2010-11-08T00:00:00-03:30"),
        // Samoa had no 30 December.
        ("Pacific/Apia", Day, "2011-12-29T23:59:59-10:00", "2011-12-31T00:00:00+14:00"),
        ("Pacific/Apia", Day, "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00"),
    ];
    for (zone, unit, now, end) in table {
        let (counter, now, end) = (Counter::new(&policy(2, unit, zone)), nanos(now), nanos(end));
        let window = counter.hit(1, now);
        assert_eq!(window.reset(), Duration::from_nanos(end - now), "{unit} in {zone} at {now}");
    }
}

#[test]
fn a_count_begins_anew_at_midnight_and_not_before() {
    let counter = Counter::new(&policy(2, Unit::CalendarDay, "Europe/Berlin"));
    let at = |time| nanos(time);
    assert!(counter.hit(2, at("2026-03-28T23:00:00+01:00")).is_allowed());
    let refused = counter.hit(1, at("2026-03-28T23:59:59.999999999+01:00"));
    assert_eq!(refused.retry_after(), Some(Duration::from_nanos(1)));
    assert!(counter.hit(2, at("2026-03-29T00:00:00+01:00")).is_allowed());
    let refused = counter.hit(1, at("2026-03-29T00:00:00+01:00"));
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(23 * 3600)));
    assert_eq!(counter.test(0, at("2026-03-30T00:00:00+02:00")).remaining(), 2);
    assert_eq!(counter.test(0, at("2026-03-30T00:00:00+02:00")).reset(), Duration::ZERO);
}

/// A refund goes to the same day, even if it was given back whole and begun again, and never to the next one.
#[test]
fn a_refund_stays_in_its_window() {
    let counter = Counter::new(&policy(3, Unit::CalendarDay, "UTC"));
    let (morning, evening) = (nanos("2026-07-01T08:00:00Z"), nanos("2026-07-01T20:00:00Z"));
    let taken = counter.hit(2, morning);
    counter.refund(2, &taken, morning);
    let other = counter.hit(3, evening);
    assert_eq!(other.remaining(), 0);
    counter.refund(1, &taken, evening);
    assert_eq!(counter.test(0, evening).remaining(), 1);
    let tomorrow = nanos("2026-07-02T00:00:00Z");
    assert!(counter.hit(3, tomorrow).is_allowed());
    counter.refund(3, &other, tomorrow);
    assert_eq!(counter.test(0, tomorrow).remaining(), 0);
}

#[test]
fn policies_of_other_zones_and_units_have_counts_of_their_own() {
    let now = nanos("2026-07-01T08:00:00Z");
    let all = [
        policy(1, Unit::CalendarDay, "UTC"),
        policy(1, Unit::CalendarDay, "+01:00"),
        policy(1, Unit::CalendarDay, "Europe/Berlin"),
        policy(1, Unit::CalendarWeek, "UTC"),
        Policy::new(Quota::per_day(1), Strategy::FixedWindow),
        Policy::new(Quota::per_week(1), Strategy::FixedWindow),
    ];
    let mut counter = Counter::new(&all[0]);
    for policy in all {
        counter.policy = policy;
        assert!(counter.hit(1, now).is_allowed(), "{:?} shares a count", counter.policy);
        assert!(!counter.hit(1, now).is_allowed());
    }
}

#[test]
fn only_fixed_windows_end_by_the_calendar() {
    for strategy in Strategy::ALL {
        for unit in UNITS {
            let quota = Quota::new(5, 1, unit);
            let checked = Policy::new(quota, strategy).check();
            if strategy == Strategy::FixedWindow {
                assert_eq!(checked, Ok(()));
            } else {
                assert_eq!(checked, Err(PolicyError::CalendarWindow { quota, strategy }));
            }
        }
    }
    let error = Policy::new(Quota::per_calendar_day(5), Strategy::MovingWindow).check().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`5 per 1 calendar day` requires the strategy `fixed-window`, not `moving-window`: its windows end by the \
         calendar"
    );
}

#[test]
fn time_zones_are_parsed() {
    let shown = |text: &str| text.parse::<TimeZone>().map(|zone| zone.to_string()).ok();
    for (text, expected) in [
        ("UTC", "UTC"),
        ("Z", "UTC"),
        ("+00:00", "UTC"),
        ("+02:00", "+02:00"),
        ("-0330", "-03:30"),
        ("+14:00", "+14:00"),
        ("America/New_York", "America/New_York"),
    ] {
        assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
    }
    for text in [
        "",
        "+",
        "+2",
        "+02",
        "+2:00",
        "+02:0",
        "+02:60",
        "+24:00",
        "02:00",
        "+02:00 ",
        "+02:00x",
        "+0\u{662}:00",
        "\u{2212}02:00",
        "Europe/Berlin2",
        "europe/berlin",
        "+-1:00",
        "+ 1:00",
    ] {
        assert_eq!(shown(text), None, "{text:?}");
    }
}

/// The date at which the period after that of `date` begins.
fn next(unit: Unit, date: NaiveDate) -> NaiveDate {
    let first = date.with_day(1).unwrap();
    match unit {
        Unit::CalendarDay => date + Days::new(1),
        Unit::CalendarWeek => date + Days::new(7 - u64::from(date.weekday().num_days_from_monday())),
        Unit::CalendarMonth => first + Months::new(1),
        _ => first.with_month(1).unwrap() + Months::new(12),
    }
}

/// Returns the end of the window at `now`, by looking at the clock of the zone every quarter of an hour.
fn naive_end(zone: Tz, unit: Unit, now: i64) -> i64 {
    const QUARTER: i64 = 900;
    let local = |at: i64| zone.timestamp_opt(at, 0).unwrap().naive_local();
    // The latest date that the clock has shown up to now: it may have been set back since.
    let last = now - now.rem_euclid(QUARTER);
    let before = (0..200).map(|back| last - back * QUARTER);
    let latest = before.chain([now]).map(local).max().unwrap();
    let end = next(unit, latest.date()).and_time(NaiveTime::MIN);
    (1..40_000).map(|ahead| last + ahead * QUARTER).find(|at| local(*at) >= end).unwrap()
}

proptest! {
    #![proptest_config(cases(800))]

    /// Since 1990 all clocks change at a quarter of an hour in UTC.
    #[test]
    fn agrees_with_a_naive_model(
        zone in proptest::sample::select(&TZ_VARIANTS[..]),
        unit in proptest::sample::select(&UNITS[..]),
        now in nanos("1991-01-01T00:00:00Z")..nanos("2070-01-01T00:00:00Z"),
    ) {
        let seconds = i64::try_from(now / 1_000_000_000).unwrap();
        check(zone, unit, now, seconds)?;
    }

    /// Near the changes of clocks, where errors hide.
    #[test]
    fn agrees_with_a_naive_model_near_changes(
        zone in proptest::sample::select(&TZ_VARIANTS[..]),
        unit in proptest::sample::select(&UNITS[..]),
        year in 1991_i32..2040,
        which in any::<proptest::sample::Index>(),
        hours in -50_i64..50,
        more in 0_i64..3600,
    ) {
        let changes = changes(zone, year);
        let seconds = changes[which.index(changes.len())] + hours * 3600 + more;
        check(zone, unit, u64::try_from(seconds).unwrap() * 1_000_000_000, seconds)?;
    }
}

fn check(zone: Tz, unit: Unit, now: u64, seconds: i64) -> Result<(), TestCaseError> {
    let window = Counter::new(&policy(2, unit, zone.name())).hit(1, now);
    let end = u64::try_from(naive_end(zone, unit, seconds)).unwrap() * 1_000_000_000;
    prop_assert_eq!(window.reset(), Duration::from_nanos(end - now), "{} in {} at {}", unit, zone, seconds);
    Ok(())
}

/// The times of a year at which the clocks of a zone change, to the hour before, and the beginning of the year.
fn changes(zone: Tz, year: i32) -> Vec<i64> {
    use chrono::Offset;
    let start = Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap().timestamp();
    let offset = |at: i64| zone.timestamp_opt(at, 0).unwrap().offset().fix();
    let hours = (0..8784).map(|hour| start + hour * 3600);
    hours.filter(|at| *at == start || offset(*at) != offset(at + 3600)).collect()
}
