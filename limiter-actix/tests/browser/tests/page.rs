//! The page of the inspector in a real browser.

use std::{env, fs, net::IpAddr, sync::Arc, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, get, post, web};
use limiter_actix::{
    Clock, Exempt, InspectorTokens, Key, Limit, Limiter, ManualClock, Quota, ScopeExt, Timestamp, exempt,
    limit,
};
use limiter_browser_tests::Browser;
use limiter_test_support::{
    client::Client,
    server::{Server, serve},
};
use serde_json::json;

const VIEW: &str = "view-0123456789abcdef";
const CHANGE: &str = "change-0123456789abcdef";

/// The client that is refused.
const REFUSED: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 9));

#[limit("3/hour", name = "searches")]
#[get("/search")]
async fn search() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[limit("5/minute; 20/hour", key = limiter_actix::key::header("x-account"), name = "logins")]
#[post("/login")]
async fn login() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[exempt]
#[get("/health")]
async fn health() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[get("/items/{id}")]
async fn item() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// A server with the inspector, and a clock that the test moves.
struct Shop {
    server: Server,
    limiter: Limiter,
    clock: Arc<ManualClock>,
}

fn shop() -> Shop {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let builder = Limiter::builder()
        .default_limits("120/minute")
        .application_limits(Limit::new(Quota::per_hour(100_000)).name("all"))
        .route("/items/{id}", Limit::new(Quota::per_minute(30)).shadow(true).name("tried"))
        .top_clients(true)
        .clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let limiter = builder.build().expect("a limiter");
    let shared = limiter.clone();
    let tokens = InspectorTokens::new(VIEW, Some(CHANGE)).expect("tokens");
    let server = serve(move |listener| {
        let make = move || {
            let api = web::scope("/api")
                .limit(Limit::new(Quota::per_minute(60)))
                .route("/orders", web::get().to(HttpResponse::Ok));
            App::new()
                .wrap(shared.clone())
                .service(shared.inspector("/limiter").authorize(tokens.clone()))
                .service(search)
                .service(login)
                .service(health)
                .service(item)
                .service(api)
                .service(web::scope("/static").exempt(Exempt::ALL))
        };
        Ok(HttpServer::new(make).workers(1).listen(listener)?.run())
    });
    Shop { server, limiter, clock }
}

impl Shop {
    fn search(&self) -> u16 {
        Client::connect_from(REFUSED, self.server.address).get("/search").status
    }

    /// The address of the page, for a browser that knows the token.
    fn page(&self, operator: &str, token: &str) -> String {
        format!("http://{operator}:{token}@{}/limiter", self.server.address)
    }

    /// An hour of requests.
    fn be_used(&self) {
        let client = |last: u8| Client::connect_from([127, 0, 1, last].into(), self.server.address);
        let mut clients: Vec<_> = (1..=12).map(client).collect();
        for minute in 0..60_usize {
            for (number, client) in clients.iter_mut().enumerate() {
                for _ in 0..(minute * 7 + number * 5) % 11 {
                    client.get(if number % 3 == 0 { "/items/7" } else { "/api/orders" });
                }
            }
            let burst = if (30..38).contains(&minute) { 60 - 8 * minute.abs_diff(34) } else { 2 };
            for _ in 0..burst {
                clients[0].get("/search");
                clients[3].get("/items/8");
            }
            self.clock.advance(Duration::from_secs(60));
        }
    }
}

async fn open(shop: &Shop, operator: &str, token: &str) -> Browser {
    let browser = Browser::start().await;
    browser.client.goto(&shop.page(operator, token)).await.expect("the page");
    browser.wait_for("#live", |text| text == "Live").await;
    browser.wait_for("#setting-list", |text| text.contains("key_prefix")).await;
    browser
}

/// Fails if a request has left the machine, or the console has an error.
async fn check_quiet(browser: &Browser, shop: &Shop) {
    let own = format!("http://{}/", shop.server.address);
    let requests = browser.requests().await;
    assert!(requests.len() > 5, "they are logged: {requests:?}");
    for request in requests {
        let without_token =
            request.split_once('@').map_or(request.clone(), |(_, rest)| format!("http://{rest}"));
        assert!(without_token.starts_with(&own) || request.starts_with("data:"), "{request}");
    }
    let console = browser.log("browser").await;
    assert_eq!(console, Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn an_operator_lets_a_refused_client_in_and_bans_a_network() {
    let shop = shop();
    assert_eq!([shop.search(), shop.search(), shop.search(), shop.search()], [200, 200, 200, 429]);
    let browser = open(&shop, "alice", CHANGE).await;
    assert_eq!(browser.text("#operator").await.expect("it"), "alice");

    browser.enter("#client-text", "127.0.0.9").await;
    browser.click("#look-up button").await;
    let state = browser.wait_for("#client-state", |text| text.contains("127.0.0.9")).await;
    assert!(state.starts_with("127.0.0.9 is refused until "), "{state}");
    let reason = browser.text("#client-reason").await.expect("it");
    assert_eq!(reason, "Refused by 3 per 1 hour (route GET /search).");

    browser.click("#clear").await;
    browser.wait_for("#client-state", |text| text == "127.0.0.9 may pass").await;
    assert_eq!(shop.search(), 200);

    browser.enter("#ban-target", "127.0.0.8/29").await;
    browser.enter("#ban-reason", "<img src=x onerror=alert(1)>").await;
    browser.click("#ban button").await;
    browser.wait_for("#ban-list", |text| text.contains("127.0.0.8/29")).await;
    assert!(browser.text("#ban-list").await.expect("it").contains("<img src=x"), "it is a text");
    browser.wait_for("#client-state", |text| text.contains("is refused")).await;
    assert_eq!(shop.search(), 403);

    browser.click("#ban-list tbody button").await;
    browser.wait_for("#ban-list", |text| text.contains("No bans")).await;
    assert_eq!(shop.search(), 200);

    browser.click("#switch").await;
    browser.wait_for("#confirm-text", |text| text.contains("switched off?")).await;
    browser.click("#confirm-yes").await;
    browser.wait_for("#state", |text| text.starts_with("Off")).await;
    assert!(!shop.limiter.is_enabled());

    browser.enter("#limits-search", "search").await;
    browser
        .wait_for("#limit-list tbody", |text| text.contains("GET /search") && !text.contains("/login"))
        .await;
    check_quiet(&browser, &shop).await;
    browser.close().await;
}

#[tokio::test]
async fn a_viewer_changes_nothing() {
    let shop = shop();
    assert_eq!([shop.search(), shop.search(), shop.search(), shop.search()], [200, 200, 200, 429]);
    let browser = open(&shop, "bob", VIEW).await;
    assert_eq!(browser.text("#operator").await.expect("it"), "bob, may view only");
    browser.enter("#client-text", "127.0.0.9").await;
    browser.click("#look-up button").await;
    browser.wait_for("#client-state", |text| text.contains("is refused")).await;
    for change in ["#switch", "#clear", "#ban-client", "#ban", "#limit-list tbody button"] {
        assert!(!browser.is_displayed(change).await, "{change}");
    }
    check_quiet(&browser, &shop).await;

    // Neither by the page's own means. Each update hides the buttons again, so a script clicks at once.
    browser.run("document.getElementById('clear').click();").await;
    browser.wait_for("#message", |text| text == "no permission to change").await;
    assert_eq!(shop.search(), 429);
    browser.close().await;

    let browser = Browser::start().await;
    let page = format!("http://{}/limiter", shop.server.address);
    browser.client.goto(&page).await.expect("an answer");
    assert!(!browser.is_displayed("#state").await, "without a token there is no page");
    browser.close().await;
}

#[tokio::test]
async fn it_is_used_by_keyboard_and_by_names() {
    let shop = shop();
    assert_eq!(shop.search(), 200);
    let browser = open(&shop, "alice", CHANGE).await;
    let press = async |keys: &str| {
        let active = browser.client.active_element().await.expect("an element");
        active.send_keys(keys).await.expect("keys");
    };
    let focused = async || browser.run("return document.activeElement.id").await;
    // Tab, and Enter.
    press("\u{e004}").await;
    let is_visible = "return document.activeElement.getBoundingClientRect().left >= 0";
    assert_eq!(browser.run(is_visible).await, true, "the link to skip shows when it has the focus");
    press("\u{e007}").await;
    assert_eq!(focused().await, "main");
    let mut tabs = 0;
    while focused().await != "client-text" {
        press("\u{e004}").await;
        tabs += 1;
        assert!(tabs < 20, "the field is reached soon");
    }
    press("127.0.0.9\u{e007}").await;
    browser.wait_for("#client-state", |text| text == "127.0.0.9 may pass").await;

    // What a screen reader has: names of all controls, a language, one main heading, and no level left out.
    let nameless = "return [...document.querySelectorAll('input, button, table, svg, section')].filter((it) => \
        !(it.labels?.length || it.textContent.trim() || it.getAttribute('aria-label') || it.hidden)).map((it) => it.outerHTML)";
    assert_eq!(browser.run(nameless).await, json!([]));
    let headings = "return [...document.querySelectorAll('h1, h2, h3')].map((it) => it.tagName).join(' ')";
    let headings = browser.run(headings).await;
    assert!(
        headings.as_str().is_some_and(|all| all.starts_with("H1 H2") && !all[2..].contains("H1")),
        "{headings}"
    );
    assert_eq!(browser.run("return document.documentElement.lang").await, "en");
    browser.close().await;
}

/// Returns the lowest contrast of texts with their background, by the formula of WCAG 2.
const CONTRAST: &str = r"
    const channels = (color) => color.match(/[\d.]+/g).map(Number);
    const light = (value) => { value /= 255; return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
    const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
    const behind = (it) => {
        for (; it; it = it.parentElement) {
            const color = channels(getComputedStyle(it).backgroundColor);
            if (color.length < 4 || color[3] > 0) return color;
        }
        return [255, 255, 255];
    };
    let lowest = [99, ''];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const it = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !it.checkVisibility() || it.closest('svg')) continue;
        const [one, other] = [luminance(channels(getComputedStyle(it).color)), luminance(behind(it))];
        const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (contrast < lowest[0]) lowest = [contrast, texts.currentNode.data];
    }
    return lowest;";

/// With `LIMITER_PICTURES`, a folder, it also makes the pictures of the documentation.
#[tokio::test]
async fn it_is_readable_in_light_and_dark_and_on_narrow_screens() {
    let shop = shop();
    shop.be_used();
    for _ in 0..9 {
        shop.search();
    }
    shop.limiter
        .ban(
            "198.51.100.0/24".parse::<limiter_actix::BanTarget>().expect("it"),
            Duration::from_secs(7200),
            "scraping",
        )
        .await
        .expect("a ban");
    shop.limiter.allow(&Key::text("user", "partner"), Duration::from_secs(86_400)).await.expect("a pass");
    let browser = open(&shop, "alice", CHANGE).await;
    browser.enter("#client-text", "127.0.0.9").await;
    browser.click("#look-up button").await;
    browser.wait_for("#client-state", |text| text.contains("is refused")).await;
    let pictures = env::var_os("LIMITER_PICTURES");
    for (name, scheme, width, height) in
        [("light", "light", 1280, 1500), ("dark", "dark", 1280, 1500), ("narrow", "light", 390, 1500)]
    {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.dev_tools("Emulation.setEmulatedMedia", media).await;
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        browser.dev_tools("Emulation.setDeviceMetricsOverride", screen).await;
        browser.run("document.activeElement.blur(); window.scrollTo(0, 0);").await;
        let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.run(overflow).await, 0, "{name}: the page is as wide as the screen");
        let contrast = browser.run(CONTRAST).await;
        assert!(contrast[0].as_f64().is_some_and(|lowest| lowest >= 4.5), "{name}: {contrast}");
        if let Some(folder) = &pictures {
            let picture = browser.client.screenshot().await.expect("a picture");
            let path = std::path::Path::new(folder).join(format!("inspector-{name}.png"));
            fs::write(path, picture).expect("a folder for pictures");
        }
    }
    let bars = browser.run("return document.querySelectorAll('#chart rect').length").await;
    assert!(bars.as_u64().is_some_and(|bars| bars > 100), "{bars}");
    check_quiet(&browser, &shop).await;
    browser.close().await;
}
