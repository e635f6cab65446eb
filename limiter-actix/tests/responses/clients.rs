//! Clients that others have written.

use std::process::Command;

use actix_web::{App, HttpServer, web};
use limiter_actix::{Limiter, RetryAfter};
use limiter_test_support::server::serve;

/// Built outside of any server, so that what the same line builds is not the same limiter.
fn limiter(limit: &str, form: RetryAfter) -> Limiter {
    Limiter::builder().default_limits(limit).retry_after(form).build().expect("a limit")
}

/// Runs in real time: it is the client's clock that waits.
#[test]
fn urllib3_waits_for_retry_after() {
    let scopes = [
        ("/seconds", limiter("1 per 2 seconds", RetryAfter::Seconds)),
        ("/date", limiter("1 per 2 seconds", RetryAfter::HttpDate)),
        ("/never", limiter("0/day", RetryAfter::Seconds)),
    ];
    let server = serve(|listener| {
        let app = move || {
            let mount = |app: App<_>, (path, limiter): &(&str, Limiter)| {
                app.service(
                    web::scope(path).wrap(limiter.clone()).route("", web::to(|| async { "admitted" })),
                )
            };
            scopes.iter().fold(App::new(), mount)
        };
        Ok(HttpServer::new(app).workers(1).listen(listener)?.run())
    });
    let output = Command::new("python3")
        .args(["-c", include_str!("urllib3_waits.py")])
        .args([server.address.ip().to_string(), server.address.port().to_string()])
        .output()
        .expect("python3 runs; Debian has it in the package python3");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !said.contains("No module named 'urllib3'"),
        "urllib3 is missing: `python3 -m pip install urllib3`"
    );
    assert!(output.status.success(), "{said}");
}
