//! The counts of a memory storage in a file, so that they outlive the process.
//!
//! The file begins with a magic text and a version. Frames with checksums follow: the head, entries of shards, lists of
//! notes, and the end. An entry is stored as in memory, under the hash of its scope and key. So the file also has the secret
//! point of the hashes, and only its user may read it.

mod bytes;
mod entry_frame;
mod error;
mod frames;
mod policy_frame;

use std::io::{self, Read, Seek, SeekFrom, Write};

pub use self::error::LoadStateError;
use self::{
    bytes::{Bytes, Put},
    entry_frame::EntryFrame,
    frames::{END, ENTRIES, FrameReader, FrameWriter, HEAD, NOTES},
};
use super::{MemoryStorage, notes::SavedList, saved::SavedEntries};
use crate::{Timestamp, digest};

/// The time that the clock may have been set back between two processes, in nanoseconds.
const MAX_SET_BACK: u64 = 60_000_000_000;

/// # State in a file
impl MemoryStorage {
    /// Writes all counts and notes, for a later process on this machine.
    ///
    /// Only a few hundred entries are copied at a time, so requests are decided meanwhile. Counts that change meanwhile are
    /// written as they were before or after. Requests under way are left out, because they end with the process.
    ///
    /// The file has the secret of the hashes. Nobody else should be able to read or write it.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save(&self, file: impl Write, now: Timestamp) -> io::Result<()> {
        let mut frames = FrameWriter::begin(file)?;
        let mut head = vec![HEAD];
        head.put_u32(self.shard_count());
        head.put_u128(digest::point());
        head.put_u64(now.as_nanos());
        frames.write(&head)?;
        for index in 0..self.shards.count() {
            let mut place = Some(usize::MAX);
            while let Some(before) = place {
                let mut saved = SavedEntries::default();
                place = self.shards.lock(index).save(before, now, &mut saved);
                entry_frame::write(&mut frames, index, &saved)?;
            }
        }
        for list in self.notes.saved(now) {
            frames.write(&notes_frame(&list))?;
        }
        let mut end = vec![END];
        end.put_u64(frames.count());
        frames.write(&end)?;
        frames.finish()
    }

    /// Adds the counts and notes of a file that [`save`](Self::save) has written. Returns the number of keys in it.
    ///
    /// The file is checked as a whole before anything is added. Call this before the process makes its first
    /// [`Policy`](crate::Policy), because the hashes of the file are of use only under their secret.
    ///
    /// # Errors
    ///
    /// If the file is damaged or not readable, or if its counts have no meaning in this process. Then nothing was added.
    pub fn load(&self, mut file: impl Read + Seek, now: Timestamp) -> Result<usize, LoadStateError> {
        let start = file.stream_position()?;
        self.read(&mut file, now, |_| {}, |_| {})?;
        file.seek(SeekFrom::Start(start))?;
        let mut keys = 0;
        let mut entries = |frame: EntryFrame| {
            for entry in frame.entries {
                keys += 1;
                self.shards.restore(frame.shard, entry, now);
            }
        };
        self.read(&mut file, now, &mut entries, |list| self.notes.restore(list))?;
        Ok(keys)
    }

    fn shard_count(&self) -> u32 {
        // There are at most 65 536.
        u32::try_from(self.shards.count()).unwrap_or(u32::MAX)
    }

    /// Reads a file to its end.
    fn read(
        &self,
        file: &mut impl Read,
        now: Timestamp,
        mut entries: impl FnMut(EntryFrame),
        mut notes: impl FnMut(SavedList),
    ) -> Result<(), LoadStateError> {
        let mut frames = FrameReader::begin(file)?;
        let saved_at = self.read_head(frames.next()?, now)?;
        loop {
            let number = frames.count();
            let mut frame = Bytes::new(frames.next()?);
            match frame.u8()? {
                ENTRIES => entries(EntryFrame::read(&mut frame, self.shards.count(), saved_at)?),
                NOTES => notes(read_notes(&mut frame)?),
                END if frame.u64()? == number => {
                    frame.end()?;
                    return frames.end();
                }
                _ => return Err(LoadStateError::Damaged("a frame of an unknown kind")),
            }
            frame.end()?;
        }
    }

    /// Reads the head. Returns the time of the file.
    fn read_head(&self, head: &[u8], now: Timestamp) -> Result<Timestamp, LoadStateError> {
        let mut head = Bytes::new(head);
        if head.u8()? != HEAD {
            return Err(LoadStateError::Damaged("no head"));
        }
        let (shards, point, saved_at) = (head.u32()?, head.u128()?, Timestamp::from_nanos(head.u64()?));
        head.end()?;
        if shards != self.shard_count() {
            return Err(LoadStateError::OtherCapacity);
        }
        if saved_at.as_nanos() > now.as_nanos().saturating_add(MAX_SET_BACK) {
            return Err(LoadStateError::ClockSetBack);
        }
        if !digest::adopt(point) {
            return Err(LoadStateError::HashesInUse);
        }
        Ok(saved_at)
    }
}

fn notes_frame(list: &SavedList) -> Vec<u8> {
    let mut frame = vec![NOTES];
    frame.put_text(&list.name);
    frame.put_u64(list.version);
    frame.put_len(list.notes.len());
    for (name, text, end) in &list.notes {
        frame.put_text(name);
        frame.put_text(text);
        frame.put_u64(end.as_nanos());
    }
    frame
}

fn read_notes(frame: &mut Bytes<'_>) -> Result<SavedList, LoadStateError> {
    let (name, version, count) = (frame.text()?.to_owned(), frame.u64()?, frame.u32()?);
    let mut list = SavedList { name, version, notes: Vec::new() };
    for _ in 0..count {
        let (name, text) = (frame.text()?.to_owned(), frame.text()?.to_owned());
        list.notes.push((name, text, Timestamp::from_nanos(frame.u64()?)));
    }
    Ok(list)
}

#[cfg(test)]
mod tests;
