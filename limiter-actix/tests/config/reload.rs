//! Changes by a reload, and what it keeps.

use std::{
    fs,
    time::{Duration, Instant},
};

use actix_web::{App, web};
use limiter_actix::{BuildError, Key, LimitName, Limiter, LimiterBuilder};
use limiter_test_support::{
    app::{ask, request},
    client::Answer,
    log,
};

use crate::Settings;

/// A limiter, and an app under it that answers on `/` and `/a`.
macro_rules! app {
    ($builder:expr) => {{
        let limiter: Limiter = $builder.build().expect("a limiter");
        let app = App::new().wrap(limiter.clone());
        let app = app.route("/", web::get().to(async || "ok")).route("/a", web::get().to(async || "ok"));
        (limiter, actix_web::test::init_service(app).await)
    }};
}

/// Asks; shows status, limit and what remains.
macro_rules! ask {
    ($app:expr, $path:expr) => {
        show(&ask(&$app, request("GET", $path)).await)
    };
}

fn show(answer: &Answer) -> (u16, String) {
    let header = |name| answer.header(name).unwrap_or("-");
    (answer.status, format!("{} of {}", header("x-ratelimit-remaining"), header("x-ratelimit-limit")))
}

fn is(status: u16, shown: &str) -> (u16, String) {
    (status, shown.to_owned())
}

fn from(settings: &Settings) -> LimiterBuilder {
    Limiter::builder().headers(true).from_file(&settings.path)
}

fn issues(error: BuildError) -> Vec<String> {
    match error {
        BuildError::Config(error) => error.issues().iter().map(ToString::to_string).collect(),
        other => panic!("{other}"),
    }
}

#[actix_web::test]
async fn a_count_survives_a_changed_amount_if_it_keeps_what_was_used() {
    let text = |amount: u64| format!("default_limits = {{ limit = '{amount}/hour', keep_used = true }}");
    let settings = Settings::new(&text(3));
    let (limiter, app) = app!(from(&settings));
    for left in [2, 1] {
        assert_eq!(ask!(app, "/"), is(200, &format!("{left} of 3")));
    }
    settings.write(&text(9));
    assert_eq!(limiter.reload(), Ok(true));
    assert_eq!(ask!(app, "/"), is(200, "6 of 9"));
    settings.write(&text(2));
    assert_eq!(limiter.reload(), Ok(true));
    assert_eq!(ask!(app, "/"), is(429, "0 of 2"));
    settings.write("default_limits = '9/hour'");
    assert_eq!(limiter.reload(), Ok(true));
    assert_eq!(ask!(app, "/"), is(200, "8 of 9"), "without the option it begins anew");
}

#[actix_web::test]
async fn counts_survive_where_nothing_has_changed() {
    let settings = Settings::new("default_limits = '5/hour'\n[routes]\n'/a' = '3/hour'");
    let (limiter, app) = app!(from(&settings));
    for (left, path) in [(4, "/"), (3, "/")] {
        assert_eq!(ask!(app, path), is(200, &format!("{left} of 5")));
    }
    assert_eq!(ask!(app, "/a"), is(200, "2 of 3"));

    settings.write(
        "application_limits = '100/day'\ndefault_limits = ['9/day', '5/hour']\n[routes]\n'/a' = '4/hour'",
    );
    assert_eq!(limiter.reload(), Ok(true));
    assert_eq!(ask!(app, "/"), is(200, "2 of 5"), "the limit is the same, and so is its count");
    assert_eq!(ask!(app, "/a"), is(200, "3 of 4"), "another limit begins anew");

    settings.write("default_limits = '5/hour'");
    assert_eq!(limiter.reload(), Ok(true));
    assert_eq!(ask!(app, "/"), is(200, "1 of 5"));
    assert_eq!(ask!(app, "/a"), is(200, "4 of 5"), "the rule is gone");
    assert_eq!(limiter.reload(), Ok(false), "nothing has changed");
}

#[actix_web::test]
async fn an_invalid_file_keeps_the_old_settings_and_is_logged() {
    log::capture();
    let settings = Settings::new("default_limits = '5/hour'");
    let (limiter, app) = app!(from(&settings));
    assert_eq!(ask!(app, "/"), is(200, "4 of 5"));
    settings.write("default_limits = '6/hour'\nstrategi = 'moving-window'\nenabled = 'no'\n");
    let path = settings.path.display();
    let expected = [
        format!("{path}:2:1: unknown name `strategi`; did you mean `strategy`?"),
        format!("{path}:3:11: `enabled`: expected `true` or `false`, found `no`"),
    ];
    assert_eq!(issues(limiter.reload().expect_err("it has issues")), expected);
    let said = log::here(&expected[1]);
    assert!(said.len() == 1 && said[0].contains("L021") && said[0].contains(&expected[0]), "{said:#?}");
    assert_eq!(ask!(app, "/"), is(200, "3 of 5"), "neither half of it holds");

    fs::remove_file(&settings.path).expect("a file can be removed");
    let error = issues(limiter.reload().expect_err("it is gone"));
    assert!(error[0].contains("unreadable file: "), "{error:?}");
    assert_eq!(ask!(app, "/"), is(200, "2 of 5"));

    settings.write("default_limits = '6/hour'");
    assert_eq!(limiter.reload(), Ok(true));
    assert_eq!(ask!(app, "/"), is(200, "5 of 6"));
}

/// A limit must be possible under the strategy that code has set, and named limits under that of the file.
#[actix_web::test]
async fn settings_of_code_are_checked_again() {
    let settings = Settings::new("default_limits = '20000/hour'");
    let named = limiter_actix::Limit::new(limiter_actix::Quota::per_hour(20_000));
    let (limiter, app) = app!(from(&settings).named_limit("exports", named));
    settings.write("strategy = 'moving-window'\ndefault_limits = '20/hour'");
    let error = limiter.reload().expect_err("the named limit cannot be");
    let issues = issues(error);
    assert!(issues[0].starts_with(".named_limit(\"exports\", 20000 per 1 hour): "), "{issues:?}");
    assert!(issues[0].contains("a moving window of `20000 per 1 hour`"), "{issues:?}");
    assert_eq!(ask!(app, "/"), is(200, "19999 of 20000"));
}

#[actix_web::test]
async fn code_and_environment_still_go_before_the_file() {
    let settings = Settings::new("default_limits = '5/hour'\napplication_limits = '50/hour'");
    let builder = from(&settings).default_limits("7/hour");
    let (limiter, app) = app!(builder.from_variables([("RATELIMIT_APPLICATION", "3/minute")]));
    settings.write("default_limits = '6/hour'\napplication_limits = '60/hour'\n[scopes]\n'/a' = '2/hour'");
    assert_eq!(limiter.reload(), Ok(true));
    assert_eq!(ask!(app, "/"), is(200, "6 of 7"));
    assert_eq!(ask!(app, "/a"), is(200, "1 of 2"));
    assert_eq!(ask!(app, "/"), is(200, "5 of 7"));
    assert_eq!(ask!(app, "/").0, 429, "3 a minute, from the environment");
}

/// The switch is flipped by the program; the file flips it only when its own setting has changed.
#[actix_web::test]
async fn a_reload_keeps_the_switch() {
    let settings = Settings::new("default_limits = '5/hour'");
    let (limiter, app) = app!(from(&settings));
    limiter.set_enabled(false);
    settings.write("default_limits = '6/hour'");
    assert_eq!(limiter.reload(), Ok(true));
    assert!(!limiter.is_enabled());
    assert_eq!(ask!(app, "/"), is(200, "- of -"));
    limiter.set_enabled(true);
    assert_eq!(ask!(app, "/"), is(200, "5 of 6"));

    settings.write("default_limits = '6/hour'\nenabled = false");
    assert_eq!(limiter.reload(), Ok(true));
    assert!(!limiter.is_enabled());
    limiter.set_enabled(true);
    settings.write("default_limits = '7/hour'\nenabled = false");
    assert_eq!(limiter.reload(), Ok(true));
    assert!(limiter.is_enabled(), "the file says nothing new of it");
}

#[actix_web::test]
async fn a_reload_keeps_the_storage() {
    log::capture();
    let settings = Settings::new("default_limits = '5/hour'\nkey_prefix = 'one'");
    let (limiter, app) = app!(from(&settings));
    assert_eq!(ask!(app, "/"), is(200, "4 of 5"));
    settings
        .write("default_limits = '5/hour'\nkey_prefix = 'two'\nstorage_uri = 'redis://:secret@127.0.0.1'\nlocal_refusals = false");
    assert_eq!(limiter.reload(), Ok(true));
    assert_eq!(ask!(app, "/"), is(200, "3 of 5"));
    let said = log::here("L022");
    assert_eq!(said.len(), 3, "{said:#?}");
    for (line, name) in said.iter().zip(["storage_uri", "key_prefix", "local_refusals"]) {
        assert!(line.contains(name), "{said:#?}");
    }
    assert!(log::everywhere("secret").is_empty());
}

#[actix_web::test]
async fn a_reload_without_a_file_is_an_error() {
    assert_eq!(Limiter::default().reload(), Err(BuildError::NoFile));
    let error = Limiter::builder().reload_every(Duration::from_secs(1)).build();
    assert_eq!(error.map(drop), Err(BuildError::NoFile));
}

/// The closure of `HttpServer::new` runs once for each worker, and again for one that was lost: it finds the limiter
/// that is there, whatever stands in the file meanwhile.
#[test]
fn a_later_worker_shares_the_current_settings() {
    crate::in_worker(async || {
        let settings = Settings::new("default_limits = '5/hour'");
        let build = || from(&settings).build().expect("a limiter");
        let (first, app) = app!(from(&settings));
        drop((first, app));
        let early = build();
        let app = App::new().wrap(early.clone()).route("/", web::get().to(async || "ok"));
        let app = actix_web::test::init_service(app).await;
        assert_eq!(ask!(app, "/"), is(200, "4 of 5"));
        settings.write("default_limits = 'nothing'");
        let late = build();
        let app = App::new().wrap(late).route("/", web::get().to(async || "ok"));
        let app = actix_web::test::init_service(app).await;
        assert_eq!(ask!(app, "/"), is(200, "3 of 5"));
    });
}

/// Waits for what a thread in the background does.
async fn until(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        if Instant::now() > deadline {
            return false;
        }
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

/// `Limiter::exposed_headers` shows which settings are in force.
fn has_headers(limiter: &Limiter) -> bool {
    limiter.exposed_headers().len() > 1
}

#[actix_web::test]
async fn a_file_is_watched() {
    log::capture();
    let settings = Settings::new("headers = false");
    let builder = Limiter::builder().from_file(&settings.path).reload_every(Duration::from_millis(1));
    let limiter = builder.build().expect("a limiter");
    assert!(!has_headers(&limiter));
    settings.write("headers = true");
    assert!(until(|| has_headers(&limiter)).await, "the file has changed");

    settings.write("headers = 'watched'");
    let issue = format!("{}:1:11: `headers`: expected", settings.path.display());
    assert!(until(|| !log::everywhere(&issue).is_empty()).await, "the file has a issue");
    assert!(has_headers(&limiter));
    settings.write("headers = false");
    assert!(until(|| !has_headers(&limiter)).await, "the file is right again");
    assert_eq!(log::everywhere(&issue).len(), 1, "what is wrong is said once");
}

#[actix_web::test]
async fn bans_survive_a_reload() {
    let settings = Settings::new("default_limits = '5/hour'");
    let (limiter, app) = app!(from(&settings));
    let client: std::net::IpAddr = "127.0.0.1".parse().expect("an address");
    limiter.ban(client, Duration::from_secs(60), "").await.expect("a ban");
    settings.write("default_limits = '6/hour'");
    assert!(limiter.reload().expect("a valid file"));
    assert_eq!(ask!(app, "/").0, 403);
    assert!(limiter.unban(client).await.expect("no ban"));
    assert_eq!(ask!(app, "/"), is(200, "5 of 6"));
}

/// The defect: until the next request, a handler or a job did not find default limits, and those of rules by pattern.
#[actix_web::test]
async fn names_of_all_limits_are_known_after_a_reload() {
    let text = |amount: u64| {
        format!(
            "default_limits = {{ limit = '{amount}/hour', name = 'usual' }}\n\
             [routes]\n'/a' = {{ limits = {{ limit = '{amount}/day', name = 'own' }} }}"
        )
    };
    let settings = Settings::new(&text(3));
    let (limiter, app) = app!(from(&settings));
    assert_eq!(ask!(app, "/"), is(200, "2 of 3"));
    let key = Key::from(std::net::IpAddr::from([127, 0, 0, 1]));
    let amounts = async || {
        let (usual, own) =
            (limiter.window(LimitName::from("usual").at("/"), &key).await, limiter.window("own", &key).await);
        [usual, own].map(|window| window.expect("it is known").limit())
    };
    assert_eq!(amounts().await, [3, 3]);
    settings.write(&text(5));
    assert_eq!(limiter.reload(), Ok(true));
    assert_eq!(amounts().await, [5, 5], "before the next request");
    assert_eq!(ask!(app, "/"), is(200, "4 of 5"));
    assert_eq!(amounts().await, [5, 5]);
}
