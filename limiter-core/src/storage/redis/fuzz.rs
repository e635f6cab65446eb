//! A check of the parsers of replies, with arbitrary ones.

use redis::Value;

#[cfg(feature = "redis-cluster")]
use super::cluster::parse_topology;
use super::{
    call::{Call, CallTime},
    clock, notes, remove, reply,
    script::BatchShape,
};
use crate::{
    Strategy, Timestamp,
    storage::{
        Batch,
        fuzz::{Input, check_decision, with_batch},
    },
};

/// Checks what the storage makes of replies that these bytes describe. Nothing panics, and only a whole reply of a
/// script is a decision.
///
/// # Panics
///
/// If one of these is not so.
pub fn redis_replies(bytes: &[u8]) {
    with_batch(Input::new(bytes), &Strategy::ALL, |batch, mut input| {
        let call = Call::decide(batch, CallTime { caller: Timestamp::default(), decides: false }, |hit| {
            format!("{:?}{:?}", hit.key, hit.scope)
        });
        let value = match input.below(4) {
            0 => value(&mut input, 4),
            1 => Value::BulkString(input.rest().to_vec()),
            2 => Value::BulkString(reports(&mut input, call.reports())),
            _ => Value::BulkString(records(&mut input, &call)),
        };
        check_reply(batch, &call, &value);
        #[cfg(feature = "redis-cluster")]
        parse_topology(&value);
        let _ = clock::parse(value.clone());
        let _ = notes::parse(value.clone());
        let _ = reply::renewals(&value, call.reports());
        let _ = remove::page(value);
    });
}

fn check_reply(batch: &Batch<'_>, call: &Call, value: &Value) {
    let Ok(decision) = reply::decision(value, batch, call) else { return };
    check_decision(batch, &decision);
    let Value::BulkString(reply) = value else { panic!("{value:?} is no reply of a script") };
    let rest = call.specialised_shape().and_then(|shape| {
        let rest = reply.get(shape.reply_len()..)?;
        let is_admitted = rest.len() == shape.shadows() && rest.iter().all(u8::is_ascii_digit);
        (is_admitted || matches!(rest, b"-" | b"=")).then_some((rest, is_admitted))
    });
    assert!(rest.is_some() || reply.len() == 1 + 33 * call.reports(), "{reply:?} is no whole reply");
    if decision.is_admitted() {
        assert!(rest.map_or(reply[0] == b'0', |(_, is_admitted)| is_admitted), "{reply:?} is a refusal");
    }
    #[cfg(feature = "redis-cluster")]
    if let Ok(reply) = reply::ScriptReply::decode(value, call) {
        let _ = call.undo(&reply);
        let _ = reply.windows(batch, call.places(), true);
    }
}

/// Returns any value of the protocol.
fn value(input: &mut Input<'_>, depth: usize) -> Value {
    match input.below(if depth == 0 { 6 } else { 8 }) {
        0 => Value::Nil,
        1 => Value::Okay,
        2 => Value::Int(input.number().cast_signed()),
        3 => Value::BulkString(input.number().to_string().into_bytes()),
        4 => Value::SimpleString("127.0.0.1".into()),
        5 => Value::Double(f64::from_bits(input.number())),
        _ => Value::Array((0..input.below(5)).map(|_| value(input, depth - 1)).collect()),
    }
}

/// Returns a reply of the script for any batch, of about the right length.
fn reports(input: &mut Input<'_>, hits: usize) -> Vec<u8> {
    let mut reply = vec![b'0' + input.byte() % 4];
    for _ in 0..hits {
        reply.push(b'0' + input.byte() % 5);
        (0..4).for_each(|_| reply.extend(double(input)));
    }
    if input.below(8) == 7 {
        reply.pop();
    }
    reply
}

/// Returns a reply of a specialised script, of about the right length.
fn records(input: &mut Input<'_>, call: &Call) -> Vec<u8> {
    let shape = call.specialised_shape();
    let doubles = shape.map_or(4, |shape| shape.reply_len() / 8);
    let mut reply: Vec<u8> = (0..doubles).flat_map(|_| double(input)).collect();
    match input.below(4) {
        0 => reply.push(b'-'),
        1 => reply.push(b'='),
        _ => (0..shape.map_or(0, BatchShape::shadows)).for_each(|_| reply.push(b'0' + input.byte() % 3)),
    }
    reply
}

#[expect(clippy::cast_precision_loss, reason = "any number will do")]
fn double(input: &mut Input<'_>) -> [u8; 8] {
    let number = input.number();
    if input.below(4) == 3 { number.to_le_bytes() } else { (number as f64).to_le_bytes() }
}
