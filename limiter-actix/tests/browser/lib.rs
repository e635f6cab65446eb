//! A browser that tests drive: Debian's Chromium without a window.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder, Locator, error::CmdError, wd::WebDriverCompatibleCommand};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::Url;

/// A browser that runs until it is dropped.
#[derive(Debug)]
pub struct Browser {
    /// Its driver.
    pub client: Client,
    driver: Child,
}

/// The longest wait for something to appear. It is there for a broken page, not for a slow machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A command of Chromium's driver.
#[derive(Debug)]
struct DriverCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for DriverCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    /// Starts a browser.
    ///
    /// # Panics
    ///
    /// When it or its driver is missing.
    pub async fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver; `apt-get install chromium chromium-driver` installs it");
        let lines = BufReader::new(driver.stdout.take().expect("its output")).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let address = format!("http://127.0.0.1:{}", port.expect("the port of the driver"));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities())
            .connect(&address)
            .await
            .expect("a browser");
        Self { client, driver }
    }

    /// Runs a command of the `DevTools`.
    ///
    /// # Panics
    ///
    /// When the browser rejects it.
    pub async fn dev_tools(&self, command: &str, params: Value) {
        let body = json!({"cmd": command, "params": params});
        self.client.issue_cmd(DriverCommand { path: "goog/cdp/execute", body }).await.expect("a command");
    }

    /// Takes the entries of a log: `browser`, the console, or `performance`, with the requests.
    ///
    /// # Panics
    ///
    /// When the browser does not have it.
    pub async fn log(&self, kind: &str) -> Vec<Value> {
        let command = DriverCommand { path: "se/log", body: json!({"type": kind}) };
        let log = self.client.issue_cmd(command).await.expect("a log");
        log.as_array().cloned().unwrap_or_default()
    }

    /// Returns the addresses of all requests since the log was taken last.
    pub async fn requests(&self) -> Vec<String> {
        let entries = self.log("performance").await;
        let messages = entries.iter().filter_map(|entry| entry["message"].as_str());
        let messages = messages.filter_map(|message| serde_json::from_str::<Value>(message).ok());
        let sent = messages.filter(|message| message["message"]["method"] == "Network.requestWillBeSent");
        sent.filter_map(|sent| sent["message"]["params"]["request"]["url"].as_str().map(str::to_owned))
            .collect()
    }

    /// Waits until an element has a text that fits; returns the text.
    ///
    /// # Panics
    ///
    /// When it never has.
    pub async fn wait_for(&self, css: &str, fits: impl Fn(&str) -> bool) -> String {
        let begin = Instant::now();
        loop {
            let text = self.text(css).await.unwrap_or_default();
            if fits(&text) {
                return text;
            }
            assert!(begin.elapsed() < DEADLINE, "{css} is `{text}`");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns the text of the first such element.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn text(&self, css: &str) -> Result<String, CmdError> {
        self.client.find(Locator::Css(css)).await?.text().await
    }

    /// Returns whether such an element is to be seen.
    pub async fn is_displayed(&self, css: &str) -> bool {
        match self.client.find(Locator::Css(css)).await {
            Ok(element) => element.is_displayed().await.unwrap_or(false),
            Err(_) => false,
        }
    }

    /// Clicks an element, once it can be clicked: an update of the page may just have replaced it.
    ///
    /// # Panics
    ///
    /// When it never can.
    pub async fn click(&self, css: &str) {
        let begin = Instant::now();
        loop {
            let clicked = match self.client.find(Locator::Css(css)).await {
                Ok(element) => element.click().await,
                Err(error) => Err(error),
            };
            match clicked {
                Ok(()) => return,
                Err(error) => assert!(begin.elapsed() < DEADLINE, "{css}: {error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Replaces the value of a field.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub async fn enter(&self, css: &str, text: &str) {
        let element = self.client.find(Locator::Css(css)).await.expect(css);
        element.clear().await.expect(css);
        element.send_keys(text).await.expect(css);
    }

    /// Runs a script of the page; returns its value.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("a script that runs")
    }

    /// Ends the browser.
    ///
    /// # Panics
    ///
    /// When it has ended before.
    pub async fn close(self) {
        self.client.clone().close().await.expect("the browser ends");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // With it end the browsers that it has started.
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

fn capabilities() -> serde_json::Map<String, Value> {
    // No name is resolved, and nothing is fetched in the background.
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--lang=en-GB",
        // A click does not wait for a smooth scroll.
        "--force-prefers-reduced-motion",
        "--hide-scrollbars",
        "--window-size=1280,1500",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ];
    let all = json!({
        "browserName": "chrome",
        "goog:chromeOptions": {"args": arguments},
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    });
    all.as_object().cloned().unwrap_or_default()
}
