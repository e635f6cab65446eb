//! The file as a sequence of frames: their length, their checksum, and their bytes.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use super::error::LoadStateError;

const MAGIC: &[u8; 19] = b"limiter-core state\n";

/// The version of the format. A change of it makes older files unusable, which is allowed: they are a few minutes old.
const VERSION: u8 = 1;

/// The kinds of frames, each the first byte of its frame.
pub(super) const HEAD: u8 = 0;
pub(super) const ENTRIES: u8 = 1;
pub(super) const NOTES: u8 = 2;
pub(super) const END: u8 = 3;

/// The longest frame. One entry may have many logs of moving windows.
const MAX_LEN: usize = 1 << 26;

/// Writes frames.
pub(super) struct FrameWriter<W> {
    file: W,
    count: u64,
}

impl<W: Write> FrameWriter<W> {
    pub(super) fn begin(mut file: W) -> io::Result<Self> {
        file.write_all(MAGIC)?;
        file.write_all(&[VERSION])?;
        Ok(Self { file, count: 0 })
    }

    pub(super) fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        let len = u32::try_from(frame.len()).ok().filter(|_| frame.len() <= MAX_LEN);
        let len = len.ok_or_else(|| io::Error::other("the counts of one client are too many for a file"))?;
        self.file.write_all(&len.to_le_bytes())?;
        self.file.write_all(&checksum(frame))?;
        self.count += 1;
        self.file.write_all(frame)
    }

    /// Returns the number of frames so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Reads frames.
pub(super) struct FrameReader<'f, R> {
    file: &'f mut R,
    frame: Vec<u8>,
    count: u64,
}

impl<'f, R: Read> FrameReader<'f, R> {
    pub(super) fn begin(file: &'f mut R) -> Result<Self, LoadStateError> {
        let mut magic = [0; MAGIC.len()];
        let mut version = [0];
        file.read_exact(&mut magic).map_err(|error| short(error, LoadStateError::NoState))?;
        if magic != *MAGIC {
            return Err(LoadStateError::NoState);
        }
        file.read_exact(&mut version).map_err(|error| short(error, LoadStateError::NoState))?;
        match version {
            [VERSION] => Ok(Self { file, frame: Vec::new(), count: 0 }),
            [other] => Err(LoadStateError::OtherVersion(other)),
        }
    }

    /// Returns the number of frames so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn next(&mut self) -> Result<&[u8], LoadStateError> {
        let (len, expected) = (u32::from_le_bytes(self.array()?), self.array()?);
        let len = usize::try_from(len).ok().filter(|len| *len <= MAX_LEN);
        let len = len.ok_or(LoadStateError::Damaged("a length is too large"))?;
        self.frame.clear();
        // Not more than there is, whatever the length claims.
        self.file.take(len as u64).read_to_end(&mut self.frame)?;
        if self.frame.len() < len {
            return Err(LoadStateError::Damaged("its end is missing"));
        }
        if checksum(&self.frame) != expected {
            return Err(LoadStateError::Damaged("a checksum differs"));
        }
        self.count += 1;
        Ok(&self.frame)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadStateError> {
        let mut array = [0; N];
        let missing = |error| short(error, LoadStateError::Damaged("its end is missing"));
        self.file.read_exact(&mut array).map_err(missing)?;
        Ok(array)
    }

    /// Checks that nothing is left.
    pub(super) fn end(&mut self) -> Result<(), LoadStateError> {
        match self.file.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(LoadStateError::Damaged("something follows its end")),
        }
    }
}

/// Returns the first bytes of SHA-256, which the crate has for other purposes too.
fn checksum(frame: &[u8]) -> [u8; 8] {
    let hash = Sha256::digest(frame);
    std::array::from_fn(|index| hash[index])
}

/// Returns the meaning of an error, if the file was too short.
fn short(error: io::Error, meaning: LoadStateError) -> LoadStateError {
    if error.kind() == io::ErrorKind::UnexpectedEof { meaning } else { error.into() }
}
