//! A check of the parser of replies and of the repeated decision, with arbitrary documents.

use mongodb::bson::{Bson, Document, doc, oid::ObjectId};

use super::{layout::BatchLayout, notes, replay::Replay, reply::DocumentReply};
use crate::{
    Strategy,
    storage::fuzz::{Input, check_decision, with_batch},
};

/// Checks what the storage makes of documents that these bytes describe. Nothing panics, and documents that have
/// decided otherwise than their counts require are an error.
///
/// # Panics
///
/// If one of these is not so.
pub fn mongodb_replies(bytes: &[u8]) {
    with_batch(Input::new(bytes), &Strategy::ALL, |batch, mut input| {
        let known = input.is_set().then(|| input.number());
        let _ = notes::parse(&list(&mut input), known);
        let (layout, mark) = (BatchLayout::new(batch.hits()), ObjectId::new());
        let replies = (0..layout.clients.len()).map(|client| {
            let document = (input.below(8) > 0).then(|| document(&mut input, &layout, mark));
            DocumentReply::parse(document.as_ref(), &layout, client, mark)
        });
        let Ok(replies) = replies.collect::<Result<Vec<_>, _>>() else { return };
        let replay = Replay::new(batch, &layout, replies);
        let _ = replay.undo_admitted();
        if !replay.agrees() {
            return;
        }
        let _ = replay.steps();
        check_decision(batch, &replay.into_decision());
    });
}

/// Returns a document as a server may send it: with counts, and perhaps the report of this decision.
fn document(input: &mut Input<'_>, layout: &BatchLayout<'_>, mark: ObjectId) -> Document {
    let mut document = doc! { "now": number(input), "t": number(input) };
    let counts = layout.counts.iter().map(|count| (count.field.clone(), state(input)));
    document.insert("c", counts.collect::<Document>());
    if input.is_set() {
        let before = (0..layout.counts.len()).map(|place| (place.to_string(), state(input)));
        let before: Document = before.collect();
        let mark = if input.below(4) > 0 { mark } else { ObjectId::new() };
        document.insert("r", doc! { "q": mark, "v": verdict(input), "n": number(input), "b": before });
    }
    document
}

/// Returns a document as a server may send it for a list of notes.
fn list(input: &mut Input<'_>) -> Document {
    let notes = (0..input.below(4)).map(|_| doc! { "n": number(input), "e": number(input), "t": "b" });
    let notes: Vec<_> = notes.collect();
    doc! { "v": number(input), "now": number(input), "l": notes }
}

fn state(input: &mut Input<'_>) -> Bson {
    if input.below(16) == 15 {
        return number(input);
    }
    let mut state = Document::new();
    for name in ["x", "n", "u", "s", "p", "m"] {
        if input.below(8) > 0 {
            state.insert(name, number(input));
        }
    }
    let log: Vec<_> = (0..input.below(4)).map(|_| number(input)).collect();
    state.insert("h", log);
    state.into()
}

fn verdict(input: &mut Input<'_>) -> Bson {
    if input.below(8) == 0 { number(input) } else { Bson::Int64(i64::from(input.byte() % 3)) }
}

fn number(input: &mut Input<'_>) -> Bson {
    match input.below(16) {
        0 => Bson::Null,
        1 => Bson::Int32(i32::from(input.byte()) - 8),
        2 => Bson::String("1".into()),
        3 => Bson::Double(1.5),
        _ => Bson::Int64(input.number().cast_signed()),
    }
}
