//! Some entries of a shard, with the layouts that they have.

use std::io::{self, Write};

use super::{
    bytes::{Bytes, Put},
    error::LoadStateError,
    frames::{ENTRIES, FrameWriter},
    policy_frame,
};
use crate::{
    Timestamp,
    storage::memory::{
        counters::Counters,
        entry::Entry,
        layout::EntryLayout,
        saved::{RestoredEntry, SavedEntries},
    },
    strategy::{Numbers, SavedState, WIDE},
};

/// The entries of a frame, of one shard.
pub(super) struct EntryFrame {
    pub(super) shard: usize,
    pub(super) entries: Vec<RestoredEntry>,
}

/// The instants of an entry may be later than the time of the file by this much, in nanoseconds. Requests are decided while
/// it is written, and a disk may be slow.
const TOLERANCE: u64 = 3_600_000_000_000;

/// Writes entries, unless there are none.
pub(super) fn write<W: Write>(
    frames: &mut FrameWriter<W>,
    shard: usize,
    saved: &SavedEntries,
) -> io::Result<()> {
    if saved.inside.is_empty() && saved.outside.is_empty() {
        return Ok(());
    }
    let mut frame = vec![ENTRIES];
    frame.put_len(shard);
    frame.put_len(saved.layouts.len());
    for layout in &saved.layouts {
        frame.put_len(layout.counts().count());
        layout.counts().for_each(|(_, policy)| policy_frame::put(&mut frame, policy));
    }
    frame.put_len(saved.inside.len());
    for (layout, entry) in &saved.inside {
        put_entry(&mut frame, entry);
        frame.put_len(*layout);
        let numbers = saved.layouts[*layout].numbers();
        entry.numbers.all()[..numbers].iter().for_each(|number| frame.put_u64(*number));
    }
    frame.put_len(saved.outside.len());
    for (entry, counters) in &saved.outside {
        put_entry(&mut frame, entry);
        frame.put_len(counters.len());
        for (policy, state) in counters {
            frame.put_u64(*policy);
            put_state(&mut frame, state);
        }
    }
    frames.write(&frame)
}

fn put_entry(frame: &mut Vec<u8>, entry: &Entry<WIDE>) {
    frame.put_u128(entry.digest());
    frame.put_u64(entry.newest.as_nanos());
    frame.put_u16(entry.refused());
}

fn put_state(frame: &mut Vec<u8>, state: &SavedState) {
    let mut put = |kind: u8, numbers: &[u64]| {
        frame.put(&[kind]);
        for number in numbers {
            frame.put_u64(*number);
        }
    };
    match state {
        SavedState::Fixed(numbers) => put(0, numbers),
        SavedState::Elastic(numbers) => put(1, numbers),
        SavedState::Sliding(numbers) => put(2, numbers),
        SavedState::Bucket(full_at) => put(3, &[*full_at]),
        SavedState::Moving(hits, expires) => {
            put(4, &[*expires, hits.len() as u64]);
            hits.iter().flatten().for_each(|number| frame.put_u64(*number));
        }
    }
}

impl EntryFrame {
    pub(super) fn read(
        frame: &mut Bytes<'_>,
        shards: usize,
        saved_at: Timestamp,
    ) -> Result<Self, LoadStateError> {
        let shard = usize::try_from(frame.u32()?).ok().filter(|shard| *shard < shards);
        let shard = shard.ok_or(LoadStateError::Damaged("a shard does not exist"))?;
        let layouts = (0..frame.u32()?).map(|_| read_layout(frame)).collect::<Result<Vec<_>, _>>()?;
        let mut entries = Vec::new();
        for _ in 0..frame.u32()? {
            entries.push(read_inside(frame, &layouts, saved_at)?);
        }
        for _ in 0..frame.u32()? {
            entries.push(read_outside(frame, saved_at)?);
        }
        Ok(Self { shard, entries })
    }
}

fn read_layout(frame: &mut Bytes<'_>) -> Result<EntryLayout, LoadStateError> {
    let mut layout = EntryLayout::default();
    for _ in 0..frame.u32()? {
        let slot = layout.push(&policy_frame::read(frame)?);
        slot.ok_or(LoadStateError::Damaged("a client has too many limits"))?;
    }
    Ok(layout)
}

fn read_inside(
    frame: &mut Bytes<'_>,
    layouts: &[EntryLayout],
    saved_at: Timestamp,
) -> Result<RestoredEntry, LoadStateError> {
    let entry = read_entry(frame, saved_at)?;
    let layout = usize::try_from(frame.u32()?).ok().and_then(|number| layouts.get(number));
    let layout = layout.ok_or(LoadStateError::Damaged("the limits of a client are missing"))?.clone();
    let mut numbers = [0; WIDE];
    for number in &mut numbers[..layout.numbers()] {
        *number = frame.u64()?;
    }
    let numbers = Numbers::of_all(numbers);
    let is_sound = layout.counts().all(|(slot, policy)| numbers.state(slot.at(), policy).is_sound(policy));
    if !is_sound {
        return Err(LoadStateError::Damaged("a count is impossible"));
    }
    let mut entry = entry.widened(Numbers::default());
    entry.numbers = numbers;
    Ok(RestoredEntry::Inside { entry, layout })
}

fn read_outside(frame: &mut Bytes<'_>, saved_at: Timestamp) -> Result<RestoredEntry, LoadStateError> {
    let entry = read_entry(frame, saved_at)?;
    let mut counters = Vec::new();
    for _ in 0..frame.u32()? {
        counters.push((frame.u64()?, read_state(frame)?));
    }
    let counters = Counters::of_saved(counters).ok_or(LoadStateError::Damaged("a count is impossible"))?;
    Ok(RestoredEntry::Outside { entry, counters })
}

fn read_entry(frame: &mut Bytes<'_>, saved_at: Timestamp) -> Result<Entry, LoadStateError> {
    let (digest, newest, refused) = (frame.u128()?, Timestamp::from_nanos(frame.u64()?), frame.u16()?);
    let latest = Timestamp::from_nanos(saved_at.as_nanos().saturating_add(TOLERANCE));
    let is_sound = digest >> 96 == 0 && newest <= latest;
    if is_sound {
        Ok(Entry::of_saved(digest, newest, refused))
    } else {
        Err(LoadStateError::Damaged("an entry is impossible"))
    }
}

fn read_state(frame: &mut Bytes<'_>) -> Result<SavedState, LoadStateError> {
    Ok(match frame.u8()? {
        0 => SavedState::Fixed(frame.numbers()?),
        1 => SavedState::Elastic(frame.numbers()?),
        2 => SavedState::Sliding(frame.numbers()?),
        3 => SavedState::Bucket(frame.u64()?),
        4 => {
            let [expires, len] = frame.numbers()?;
            // Not reserved ahead, since the frame may be shorter than the length claims.
            let mut hits = Vec::new();
            for _ in 0..len {
                hits.push(frame.numbers()?);
            }
            SavedState::Moving(hits, expires)
        }
        _ => return Err(LoadStateError::Damaged("a strategy is unknown")),
    })
}
