//! Rules by pattern, for any pattern and any path: a valid rule refuses the paths that actix would match, and no other.
//!
//! The first line is the pattern, the others are paths.

#![no_main]

use actix_web::{
    App,
    dev::{ResourceDef, Service},
    http::Uri,
    rt::System,
    test::{TestRequest, init_service},
};
use libfuzzer_sys::fuzz_target;
use limiter_actix::Limiter;

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let Some(pattern) = lines.next() else { return };
    let Ok(limiter) = Limiter::builder().route(pattern, "0/day").build() else { return };
    // A valid pattern may have methods before its path.
    let path = pattern.rsplit_once(' ').map_or(pattern, |(_, path)| path);
    let has_methods = path != pattern;
    let definition = ResourceDef::new(path);
    System::new().block_on(async {
        let app = init_service(App::new().wrap(limiter)).await;
        for line in lines.filter(|line| line.starts_with('/')) {
            let Ok(uri) = line.parse::<Uri>() else { continue };
            let request = TestRequest::with_uri(line).to_srv_request();
            // The decoded path is the one that is routed.
            let is_match = definition.is_match(request.match_info().as_str());
            let request = TestRequest::default().uri(&uri.to_string()).to_request();
            let status = app.call(request).await.expect("the app answers").status();
            assert!(status == 429 || status == 404, "{status}");
            assert!(has_methods || (status == 429) == is_match, "{pattern:?} {line:?} {status}");
        }
    });
});
