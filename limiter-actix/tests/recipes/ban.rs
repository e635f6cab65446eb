//! A handler by which operators ban clients.

use std::time::Duration;

use actix_web::{HttpResponse, Responder, error::ErrorBadRequest, web};
use limiter_actix::{BanTarget, Limiter};

#[derive(serde::Deserialize)]
struct BanForm {
    /// An address or a network: `192.0.2.1`, `198.51.100.0/24`.
    client: String,
    hours: u64,
    reason: String,
}

async fn ban(limiter: web::Data<Limiter>, form: web::Form<BanForm>) -> actix_web::Result<impl Responder> {
    let target: BanTarget = form.client.parse().map_err(ErrorBadRequest)?;
    let duration = Duration::from_secs(form.hours.saturating_mul(3600));
    limiter.ban(target, duration, &form.reason).await?;
    Ok(HttpResponse::NoContent())
}

mod test {
    use actix_web::{App, test::init_service};
    use limiter_actix::{Exempt, ScopeExt};
    use limiter_test_support::app::ask;

    use super::*;
    use crate::from;

    #[actix_web::test]
    async fn an_operator_bans_a_network_and_still_reaches_the_handler() {
        let limiter = Limiter::default();
        let app = init_service(
            App::new()
                .app_data(web::Data::new(limiter.clone()))
                .wrap(limiter.clone())
                .service(web::scope("/admin").exempt(Exempt::ALL).route("/bans", web::post().to(ban)))
                .route("/", web::get().to(HttpResponse::Ok)),
        )
        .await;
        let form = |form: &'static str| {
            let request = from("192.0.2.1", "POST", "/admin/bans").set_payload(form);
            request.insert_header(("content-type", "application/x-www-form-urlencoded"))
        };
        for (text, status) in [
            ("client=198.51.100.0%2F24&hours=1&reason=scraping", 204),
            ("client=192.0.2.1&hours=1&reason=a+mistake", 204),
            ("client=localhost&hours=1&reason=", 400),
            ("client=192.0.2.2&hours=0&reason=", 400),
            ("client=192.0.2.3&hours=99999999999999999&reason=", 204),
        ] {
            assert_eq!(ask(&app, form(text)).await.status, status, "{text}");
        }
        for (address, status) in
            [("198.51.100.9", 403), ("192.0.2.1", 403), ("192.0.2.2", 200), ("192.0.2.3", 403)]
        {
            assert_eq!(ask(&app, from(address, "GET", "/")).await.status, status, "{address}");
        }
    }
}
