//! The memory storage: batches, threads, capacity, and identity of counts.

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Answer, Batch, Decision, Hit, MemoryStorage, Refund, Storage},
};

mod batches;
mod capacity;
mod identity;
mod layouts;
mod threads;

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_123);

fn after_secs(seconds: u64) -> Timestamp {
    NOW.after(std::time::Duration::from_secs(seconds))
}

fn per_minute(amount: u64, strategy: Strategy) -> Policy {
    Policy::new(Quota::per_minute(amount), strategy)
}

/// Returns how much of each hit's count is left.
fn left(storage: &MemoryStorage, hits: &[Hit<'_>], now: Timestamp) -> Vec<u64> {
    let looks: Vec<_> = hits.iter().map(|hit| hit.cost(0)).collect();
    storage.decide(&Batch::test(&looks), now).guards().iter().map(limiter_core::Window::remaining).collect()
}

/// Unwraps an answer, which the memory storage always has at once.
fn ready<T>(answer: Answer<'_, T>) -> T {
    match answer {
        Answer::Ready(answer) => answer.expect("memory does not fail"),
        Answer::Pending(_) => panic!("memory does not wait"),
    }
}

fn refund(storage: &MemoryStorage, hit: Hit<'_>, decision: &Decision, now: Timestamp) {
    ready(storage.refund(&[Refund::new(hit, &decision.limits()[0])], now));
}

fn client(number: u32) -> Key {
    Key::from(std::net::IpAddr::from(number.to_be_bytes()))
}

fn scope(name: &str) -> Scope {
    Scope::new([name])
}
