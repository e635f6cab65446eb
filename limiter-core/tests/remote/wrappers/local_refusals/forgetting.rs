//! Cleared, reset and refunded counts are queried again.

use std::sync::atomic::Ordering::Relaxed;

use super::*;

#[tokio::test]
async fn a_clear_and_a_reset_forget_the_refusal() {
    for is_reset in [false, true] {
        let bench = Bench::refused(Strategy::FixedWindow).await;
        if is_reset {
            bench.storage.reset().await.unwrap();
        } else {
            bench.storage.clear(&[bench.hit()]).await.unwrap();
        }
        let (decision, is_asked) = bench.ask(&[bench.hit()]).await;
        assert!(is_asked && decision.is_admitted(), "reset: {is_reset}");
    }
}

#[tokio::test]
async fn a_clear_forgets_its_own_refusal_only() {
    let bench = Bench::refused(Strategy::FixedWindow).await;
    let bob = Key::from("bob");
    bench.storage.clear(&[Hit::new(&bench.scope, &bob, &bench.policy)]).await.unwrap();
    assert!(!bench.is_asked(&[bench.hit()]).await);
}

/// Also when the storage cannot be reached: what it does then is not known.
#[tokio::test]
async fn a_clear_that_fails_forgets_the_refusal() {
    let bench = Bench::refused(Strategy::FixedWindow).await;
    bench.far.is_failing.store(true, Relaxed);
    bench.storage.clear(&[bench.hit()]).await.expect_err("it is failing");
    bench.far.is_failing.store(false, Relaxed);
    assert!(bench.is_asked(&[bench.hit()]).await);
}

/// The defect: who gives up waiting for a storage that does not answer leaves the refusals behind.
#[tokio::test]
async fn a_dropped_clear_forgets_the_refusal() {
    let bench = Bench::refused(Strategy::FixedWindow).await;
    drop(bench.storage.clear(&[bench.hit()]));
    assert!(bench.is_asked(&[bench.hit()]).await);
    drop(bench.storage.reset());
    assert!(bench.is_asked(&[bench.hit()]).await);
}

#[tokio::test]
async fn a_refund_forgets_the_refusal() {
    let bench = Bench::new(Strategy::FixedWindow);
    let admitted = bench.ask(&[bench.hit()]).await.0.limits()[0];
    assert!(bench.ask(&[bench.hit()]).await.0.is_admitted());
    assert!(!bench.ask(&[bench.hit()]).await.0.is_admitted());
    let taken = [Refund::new(bench.hit(), &admitted)];
    bench.storage.refund(&taken, bench.now).await.unwrap();
    let (decision, is_asked) = bench.ask(&[bench.hit()]).await;
    assert!(is_asked && decision.is_admitted());
}

/// The defect: an answer that was on its way while its count was cleared brings the refusal back.
#[tokio::test]
async fn an_answer_from_before_a_clear_is_not_remembered() {
    for is_reset in [false, true] {
        let bench = Bench::new(Strategy::FixedWindow);
        for _ in 0..2 {
            assert!(bench.ask(&[bench.hit()]).await.0.is_admitted());
        }
        // Another refusal, so that there is something to forget it from.
        let bob = Key::from("bob");
        assert!(bench.is_asked(&[Hit::new(&bench.scope, &bob, &bench.policy).cost(9)]).await);
        let hits = [bench.hit()];
        let batch = Batch::new(&hits);
        // The storage decides at once, and the answer is read later.
        let on_its_way = bench.storage.decide(&batch, bench.now);
        if is_reset {
            bench.storage.reset().await.unwrap();
        } else {
            bench.storage.clear(&hits).await.unwrap();
        }
        assert_eq!(on_its_way.await.unwrap().verdict(), Verdict::Refused);
        let (decision, is_asked) = bench.ask(&hits).await;
        assert!(is_asked && decision.is_admitted(), "reset: {is_reset}");
    }
}

/// The defect: a clear that its caller gave up after it was sent left what was refused meanwhile.
#[tokio::test]
async fn a_clear_that_is_dropped_on_its_way_forgets_what_was_refused_meanwhile() {
    for is_reset in [false, true] {
        let bench = Bench::new(Strategy::FixedWindow);
        let hits = [bench.hit()];
        bench.far.is_mute.store(true, Relaxed);
        let mut clearing =
            Box::pin(if is_reset { bench.storage.reset() } else { bench.storage.clear(&hits) });
        assert!(tokio::time::timeout(Duration::from_millis(1), &mut clearing).await.is_err());
        bench.far.is_mute.store(false, Relaxed);
        bench.spend().await;
        drop(clearing);
        // The server comes to it now.
        bench.far.memory.clear(&hits).await.unwrap();
        assert!(bench.is_asked(&hits).await, "reset: {is_reset}");
    }
}

/// The defect: each refund made all answers on their way forgotten, so that a refused client was a call again.
#[tokio::test]
async fn a_refund_of_another_client_does_not_forget_an_answer_on_its_way() {
    let bench = Bench::new(Strategy::FixedWindow);
    let bob = Key::from("bob");
    let other = Hit::new(&bench.scope, &bob, &bench.policy);
    let admitted = bench.ask(&[other]).await.0.limits()[0];
    for _ in 0..2 {
        assert!(bench.ask(&[bench.hit()]).await.0.is_admitted());
    }
    // Another refusal, so that there is something to forget it from.
    let carol = Key::from("carol");
    assert!(bench.is_asked(&[Hit::new(&bench.scope, &carol, &bench.policy).cost(9)]).await);
    let hits = [bench.hit()];
    let batch = Batch::new(&hits);
    let on_its_way = bench.storage.decide(&batch, bench.now);
    bench.storage.refund(&[Refund::new(other, &admitted)], bench.now).await.unwrap();
    assert_eq!(on_its_way.await.unwrap().verdict(), Verdict::Refused);
    assert!(!bench.is_asked(&hits).await);
}
