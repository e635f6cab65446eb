//! The site of the documentation in a real browser. The step `browser` builds it first.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use limiter_browser_tests::Browser;
use serde_json::json;

/// Words that people search for, each with the place of its answer, one a line.
const SUBJECTS: &str = include_str!("../../../../xtask/src/steps/house/subjects.txt");

/// The addresses of all links of a page that lead to a file of the site.
const LINKS: &str = "return [...document.querySelectorAll('main a[href]')].map(it => it.href)";

const BAR: &str = "const bar = document.getElementById('mdbook-searchbar')";

fn site() -> PathBuf {
    env::var_os("LIMITER_SITE").expect("the folder of the site; `cargo xtask test browser` sets it").into()
}

#[tokio::test]
async fn the_search_finds_each_subject() {
    let browser = Browser::start().await;
    let page = format!("file://{}/index.html?search=limit", site().display());
    browser.client.goto(&page).await.expect("the page");
    for (subject, _) in SUBJECTS.lines().filter_map(|line| line.split_once(": ")) {
        browser.wait_for("#mdbook-searchresults-header", |text| !text.is_empty()).await;
        // At once: the page searches after each key.
        browser.run(&format!("{BAR}; bar.value = '{subject}'; bar.dispatchEvent(new Event('keyup'))")).await;
        let quoted = format!("'{subject}'");
        let header = browser.wait_for("#mdbook-searchresults-header", |text| text.contains(&quoted)).await;
        assert!(!header.starts_with("No "), "{header}");
    }
    browser.close().await;
}

#[tokio::test]
async fn each_link_leads_to_a_page_and_a_place_in_it() {
    let browser = Browser::start().await;
    let index = format!("file://{}/print.html", site().display());
    browser.client.goto(&index).await.expect("all pages");
    let links = browser.run(LINKS).await;
    let links: Vec<_> = links.as_array().expect("a list").iter().filter_map(|link| link.as_str()).collect();
    assert!(links.len() > 100, "{links:?}");
    let mut dead = Vec::new();
    for link in links.into_iter().filter_map(|link| link.strip_prefix("file://")) {
        let (file, place) = link.split_once('#').unwrap_or((link, ""));
        let has_place = |text: &str| text.contains(&format!("id=\"{place}\""));
        let is_there = match fs::read_to_string(file) {
            Ok(text) => place.is_empty() || has_place(&text),
            // A picture.
            Err(_) => Path::new(file).exists(),
        };
        if !is_there {
            dead.push(link);
        }
    }
    assert_eq!(json!(dead), json!([]));
    browser.close().await;
}
