//! A check of the parser of replies and of the rounds, with arbitrary replies.

use super::{
    notes,
    operation::Operation,
    protocol::{Commands, Reply},
    stored_hit::StoredHit,
    working_set::WorkingSet,
};
use crate::{
    Strategy, Timestamp,
    storage::fuzz::{Input, check_decision, with_batch},
};

/// All but the moving window.
const STRATEGIES: [Strategy; 4] = [
    Strategy::FixedWindow,
    Strategy::FixedWindowElasticExpiry,
    Strategy::SlidingWindowCounter,
    Strategy::TokenBucket,
];

/// Checks what the storage makes of replies that these bytes describe. Nothing panics, and a batch counts as written
/// only if the server confirms each write.
///
/// # Panics
///
/// If one of these is not so.
pub fn memcached_replies(bytes: &[u8]) {
    check_parser(bytes);
    notes::check_parser(&String::from_utf8_lossy(bytes));
    with_batch(Input::new(bytes), &STRATEGIES, |batch, mut input| {
        let now = Timestamp::from_nanos(input.number());
        let key = |hit: &crate::storage::Hit<'_>| format!("{:?}{:?}{}", hit.key, hit.scope, hit.policy.id());
        let operation = Operation::decide(batch, now, |hit| StoredHit::new(hit, key(hit).into(), 0));
        let mut counts = WorkingSet::default();
        let places: Vec<_> = operation.hits().iter().map(|hit| counts.place(hit)).collect();
        for _ in 0..3 {
            let replies = replies(&mut input, &counts.read_commands());
            if counts.read(replies).is_err() {
                return;
            }
            let decision = operation.run(&mut counts, &places);
            check_decision(batch, &decision);
            let commands = counts.write_commands();
            let replies = replies_to_writes(&mut input, &commands);
            let are_confirmed = replies.iter().flatten().all(|reply| matches!(reply, Reply::Done(Some(_))))
                && replies.iter().zip(&commands).all(|(replies, (_, sent))| replies.len() == sent.replies);
            match counts.finish_write(replies) {
                Ok(true) => {
                    assert!(are_confirmed, "a write without a confirmation");
                    return;
                }
                Ok(false) => assert!(!are_confirmed),
                Err(_) => {
                    assert!(!are_confirmed);
                    let _ = counts.undo_commands();
                    return;
                }
            }
        }
    });
}

/// Parses all replies that the bytes begin with.
fn check_parser(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(Some((_, length))) = Reply::parse(rest) {
        assert!((1..=rest.len()).contains(&length), "a reply of {length} bytes of {}", rest.len());
        rest = &rest[length..];
    }
}

fn replies(input: &mut Input<'_>, commands: &[(usize, Commands)]) -> Vec<Vec<Reply>> {
    commands.iter().map(|(_, sent)| (0..sent.replies).map(|_| reply(input)).collect()).collect()
}

/// Returns replies to writes, most of which succeed.
fn replies_to_writes(input: &mut Input<'_>, commands: &[(usize, Commands)]) -> Vec<Vec<Reply>> {
    let mut write = || if input.is_set() { Reply::Done(Some(input.number())) } else { reply(input) };
    commands.iter().map(|(_, sent)| (0..sent.replies).map(|_| write()).collect()).collect()
}

fn reply(input: &mut Input<'_>) -> Reply {
    match input.below(8) {
        0 => Reply::Absent,
        1 => Reply::Changed,
        2 => Reply::Done(None),
        3 => Reply::NoOp,
        4 => Reply::Failed("SERVER_ERROR out of memory".into()),
        _ => Reply::Value(input.number(), text(input)),
    }
}

/// Returns a text that may be a record.
fn text(input: &mut Input<'_>) -> String {
    let numbers: Vec<_> = (0..3 + input.below(3)).map(|_| input.number().to_string()).collect();
    numbers.join(" ")
}
