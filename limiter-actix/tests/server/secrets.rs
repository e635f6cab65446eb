//! Secrets, each with a canary in it, and all places where one could appear: the log, errors, `Debug`, responses, and
//! the messages of panics.

use std::{
    env,
    error::Error,
    fmt::{Debug, Write},
    fs, panic, process,
    sync::{Arc, Mutex, Once, PoisonError},
};

use actix_http::Request;
use actix_web::{
    App, HttpMessage, HttpResponse,
    body::{MessageBody, to_bytes},
    dev::{Service, ServiceResponse},
    test::{TestRequest, init_service},
};
use limiter_actix::{
    Breach, BuildError, CurrentLimits, Headers, Key, KeyForm, Limit, LimitCheck, Limiter, LimiterBuilder,
    Limits, OnStorageFailure, Quota, TrustedProxies, check_file,
    key::{self, KeyExt},
    resource,
};
use limiter_test_support::{log, storages::StorageKind};

/// A part of every secret here.
const CANARY: &str = "CANARY";

/// All that was shown so far.
#[derive(Default)]
struct Shown(String);

impl Shown {
    fn debug(&mut self, value: &dyn Debug) {
        write!(self.0, "{value:?}\n{value:#?}\n").expect("strings take all");
    }

    fn error(&mut self, error: &dyn Error) {
        let mut next = Some(error);
        while let Some(error) = next {
            writeln!(self.0, "{error}").expect("strings take all");
            self.debug(&error);
            next = error.source();
        }
    }

    fn built(&mut self, built: Result<Limiter, BuildError>) -> Option<Limiter> {
        match built {
            Ok(limiter) => {
                self.debug(&limiter);
                Some(limiter)
            }
            Err(error) => {
                self.error(&error);
                None
            }
        }
    }

    #[track_caller]
    fn check(&self) {
        assert!(!self.0.is_empty());
        let leak = self.0.lines().find(|line| line.contains(CANARY));
        assert_eq!(leak, None);
        let in_log = log::everywhere(CANARY);
        assert!(in_log.is_empty(), "{in_log:#?}");
        let panics = panics().lock().unwrap_or_else(PoisonError::into_inner);
        assert!(!panics.contains(CANARY), "{panics}");
    }
}

/// The messages of all panics.
fn panics() -> &'static Mutex<String> {
    static MESSAGES: Mutex<String> = Mutex::new(String::new());
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            MESSAGES.lock().unwrap_or_else(PoisonError::into_inner).push_str(&info.to_string());
            before(info);
        }));
    });
    &MESSAGES
}

/// Begins to capture the log and the messages of panics.
fn capture() -> Shown {
    log::capture();
    drop(panics().lock());
    Shown::default()
}

/// Addresses of storages, valid and not, with secrets for a user, a password, and parameters.
fn addresses() -> Vec<String> {
    let schemes = [
        "redis",
        "rediss",
        "valkey",
        "redis+unix",
        "redis+sentinel",
        "redis+cluster",
        "memcached",
        "mongodb",
        "mongodb+srv",
        "postgres",
        "http",
        "",
    ];
    let rests = [
        "CANARYuser:CANARYpassword@127.0.0.1:1/0",
        ":CANARYpassword@127.0.0.1:1",
        "user:CANARYpassword@127.0.0.1:port",
        "user:CANARY@password@127.0.0.1:99999",
        "user:CANARYpassword@",
        "CANARYpassword@[::1",
        "user:%43ANARY%zz@127.0.0.1:1",
        "user:CANARY/password@127.0.0.1:1",
        "user:CANARY?password#@127.0.0.1:1",
        "127.0.0.1:1/?password=CANARYpassword",
        "127.0.0.1:1/?prefix=a&sentinel_password=CANARYpassword&sentinel_username=CANARYuser",
        "127.0.0.1:1/main?sentinel_password=CANARYpassword&db=x",
        "127.0.0.1:1/?connect_timeout_ms=CANARYpassword",
        "127.0.0.1:1/CANARYpassword",
        "/tmp/no-socket?pass=CANARYpassword&user=CANARYuser",
        "127.0.0.1:1/?authSource=CANARYpassword&authMechanismProperties=SECRET:CANARYpassword",
        "127.0.0.1:1/?tlsCertificateKeyFilePassword=CANARYpassword&tlsCertificateKeyFile=/none",
    ];
    let all = schemes.iter().flat_map(|scheme| rests.iter().map(move |rest| format!("{scheme}://{rest}")));
    all.chain(["user:CANARYpassword@127.0.0.1".to_owned(), "CANARYpassword".to_owned()]).collect()
}

async fn ok() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// A request with a secret wherever one can be.
fn request(path: &str, accept: &str) -> Request {
    TestRequest::with_uri(&format!("{path}?token=CANARYquery"))
        .peer_addr(([192, 0, 2, 1], 4000).into())
        .insert_header(("accept", accept.to_owned()))
        .insert_header(("authorization", "Bearer CANARYbearer"))
        .insert_header(("x-api-key", "CANARYheader"))
        .insert_header(("cookie", "session=CANARYcookie"))
        .insert_header(("x-forwarded-for", "CANARYforwarded, 192.0.2.7"))
        .insert_header(("forwarded", "for=CANARYforwarded"))
        .to_request()
}

/// Collects all that the answers to requests show.
async fn visit<S, B>(app: &S, paths: &[&str], shown: &mut Shown)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    for path in paths {
        for accept in ["*/*", "text/html", "text/plain", "application/problem+json"] {
            match app.call(request(path, accept)).await {
                Ok(response) => {
                    let (request, response) = response.into_parts();
                    let (breach, limits) =
                        (request.extensions().get::<Breach>().cloned(), CurrentLimits::of(&request));
                    shown.debug(&(breach, limits, response.headers().clone()));
                    let body = to_bytes(response.into_body()).await.ok().unwrap_or_default();
                    shown.0.push_str(&String::from_utf8_lossy(&body));
                }
                Err(error) => shown.debug(&(error.to_string(), &error)),
            }
        }
    }
}

#[test]
fn addresses_of_storages_show_no_secret() {
    let mut shown = capture();
    let path = env::temp_dir().join(format!("secrets-{}.toml", process::id()));
    for address in addresses() {
        let builder = Limiter::builder().storage_uri(address.as_str());
        shown.debug(&builder);
        shown.built(builder.build());
        let environment = [("RATELIMIT_STORAGE_URI", address.as_str())];
        let builder = Limiter::builder().from_variables(environment);
        shown.debug(&builder);
        shown.built(builder.build());
        for text in [
            format!("storage_uri = '{address}'"),
            format!("storage_uri = '{address}"),
            format!("storage_uri = ['{address}']"),
            format!("storage_uri = '{address}'\nstorage_uri = '{address}'"),
        ] {
            fs::write(&path, text).expect("a file can be written");
            if let Err(error) = check_file(&path) {
                shown.error(&error);
            }
            let builder = Limiter::builder().from_file(&path);
            shown.debug(&builder);
            shown.built(builder.build());
        }
    }
    drop(fs::remove_file(&path));
    shown.check();
}

/// A server that is not there: what its client has to report about it goes to the log.
#[cfg(feature = "redis")]
#[actix_web::test]
async fn failing_storages_show_no_secret() {
    let mut shown = capture();
    for address in [
        "redis://CANARYuser:CANARYpassword@127.0.0.1:1",
        "redis+sentinel://CANARYuser:CANARYpassword@127.0.0.1:1/main?sentinel_password=CANARYpassword",
        "redis+cluster://CANARYuser:CANARYpassword@127.0.0.1:1",
        "rediss://CANARYuser:CANARYpassword@127.0.0.1:1",
        "mongodb://CANARYuser:CANARYpassword@127.0.0.1:1",
        "memcached://127.0.0.1:1",
    ] {
        let built = Limiter::builder().default_limits("1/day").storage_uri(address).build();
        let Some(limiter) = shown.built(built) else { continue };
        let app = init_service(App::new().wrap(limiter.clone())).await;
        visit(&app, &["/"], &mut shown).await;
        if let Err(error) = limiter.reset().await {
            shown.error(&error);
        }
        shown.debug(&limiter.storage_health());
    }
    shown.check();
}

/// The limiter with this key, and a handler that checks by itself.
async fn refuse(limiter: LimiterBuilder, shown: &mut Shown) {
    async fn shows(limits: LimitCheck) -> HttpResponse {
        let checked = limits.check().await;
        HttpResponse::Ok().body(format!("{limits:?} {checked:?}"))
    }
    shown.debug(&limiter);
    let Some(limiter) = shown.built(limiter.build()) else { return };
    let limit = || Limit::new(Quota::per_day(1)).name("one").meta(Quota::per_day(2));
    shown.debug(&(limit(), Limits::from([limit()])));
    let app = App::new()
        .wrap(limiter)
        .service(resource("/limited/{any}", limit(), |it| it.to(ok)))
        .service(resource("/checked", limit(), |it| it.to(shows)));
    let app = init_service(app).await;
    visit(&app, &["/limited/x", "/checked", "/missing"], shown).await;
}

/// The defect: the `Debug` of `LimitCheck` showed all headers.
#[actix_web::test]
async fn requests_show_no_secret() {
    let mut shown = capture();
    let with = |builder: LimiterBuilder| {
        builder
            .default_limits("1/day")
            .headers(Headers::X_RATELIMIT | Headers::IETF_DRAFT_11)
            .partition_keys(b"CANARY hash key.")
    };
    for kind in StorageKind::ALL {
        for addresses in [KeyForm::Full, KeyForm::Hashed, KeyForm::Hidden] {
            for auto_check in [true, false] {
                let builder =
                    || with(kind.set(Limiter::builder())).auto_check(auto_check).log_addresses(addresses);
                refuse(builder().key(key::header("x-api-key")), &mut shown).await;
                refuse(builder().key(key::bearer_token), &mut shown).await;
                refuse(builder().key(key::cookie("session")), &mut shown).await;
                refuse(builder().key(key::query("token").and(key::client_address)), &mut shown).await;
                refuse(
                    builder().trusted_proxies(TrustedProxies::forwarded().networks(["192.0.2.0/24"])),
                    &mut shown,
                )
                .await;
                refuse(builder().on_storage_failure(OnStorageFailure::Deny), &mut shown).await;
            }
        }
    }
    shown.check();
}

#[actix_web::test]
async fn keys_show_no_secret() {
    let mut shown = capture();
    let key = Key::text("user", "CANARYuser").and(Key::from("CANARYkey"));
    shown.debug(&key);
    let limiter = Limiter::builder().named_limit("mails", Limit::new(Quota::per_day(1))).build();
    let limiter = Arc::new(shown.built(limiter).expect("a limiter"));
    for _ in 0..3 {
        shown.debug(&limiter.hit("mails", &key, 1).await);
    }
    shown.debug(&limiter.hit("unknown", &key, 1).await);
    shown.check();
}
