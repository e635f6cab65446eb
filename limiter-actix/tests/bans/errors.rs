//! Bans that cannot be.

use std::time::Duration;

use limiter_actix::{Ban, BanError, Key, Limiter};

use crate::HOUR;

#[actix_web::test]
async fn keys_of_nobody_are_not_banned() {
    let limiter = Limiter::default();
    for key in [Key::missing(), Key::failed(), Key::unlimited(), Key::from("").and(Key::from("a"))] {
        assert!(matches!(limiter.ban(&key, HOUR, "").await, Err(BanError::NoClient)), "{key:?}");
        assert!(matches!(limiter.allow(&key, HOUR).await, Err(BanError::NoClient)), "{key:?}");
        assert!(!limiter.unban(&key).await.expect("nothing to do"));
    }
}

#[actix_web::test]
async fn a_ban_lasts_and_its_reason_is_short() {
    let (limiter, alice) = (Limiter::default(), Key::from("alice"));
    assert!(matches!(limiter.ban(&alice, Duration::ZERO, "").await, Err(BanError::NoDuration)));
    let longest = "a".repeat(Ban::MAX_REASON_LEN);
    let too_long = format!("{longest}a");
    assert!(matches!(limiter.ban(&alice, HOUR, &too_long).await, Err(BanError::ReasonTooLong)));
    assert_eq!(limiter.bans().await.expect("bans"), []);
    limiter.ban(&alice, Duration::MAX, &longest).await.expect("a ban without an end");
    assert_eq!(limiter.bans().await.expect("bans").len(), 1);
}

#[actix_web::test]
async fn the_number_of_bans_is_bounded() {
    let limiter = Limiter::default();
    let client = |number: usize| Key::text("user", number.to_string());
    for number in 0..Ban::MAX_COUNT {
        limiter.ban(&client(number), HOUR, "").await.expect("a ban");
    }
    let error = limiter.ban(&client(Ban::MAX_COUNT), HOUR, "").await.expect_err("there is no room");
    assert!(matches!(error, BanError::Full), "{error}");
    assert!(error.to_string().contains("10000"), "{error}");
    limiter.ban(&client(0), HOUR, "again").await.expect("one of the same client needs no room");
    assert!(limiter.unban(&client(1)).await.expect("no ban"));
    limiter.ban(&client(Ban::MAX_COUNT), HOUR, "").await.expect("there is room again");
}
