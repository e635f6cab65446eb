//! Numbers and texts in frames, in little-endian order.

use super::error::LoadStateError;

/// Appends values to a frame.
pub(super) trait Put {
    fn put(&mut self, bytes: &[u8]);

    fn put_u16(&mut self, number: u16) {
        self.put(&number.to_le_bytes());
    }

    fn put_u32(&mut self, number: u32) {
        self.put(&number.to_le_bytes());
    }

    fn put_u64(&mut self, number: u64) {
        self.put(&number.to_le_bytes());
    }

    fn put_u128(&mut self, number: u128) {
        self.put(&number.to_le_bytes());
    }

    /// Appends a length. A longer one makes a frame that is too long anyway.
    fn put_len(&mut self, len: usize) {
        self.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
    }

    fn put_text(&mut self, text: &str) {
        self.put_len(text.len());
        self.put(text.as_bytes());
    }
}

impl Put for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// The rest of a frame that is being read.
pub(super) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn new(frame: &'a [u8]) -> Self {
        Self(frame)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], LoadStateError> {
        let (taken, rest) =
            self.0.split_at_checked(len).ok_or(LoadStateError::Damaged("a frame is too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadStateError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, LoadStateError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, LoadStateError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, LoadStateError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, LoadStateError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(super) fn u128(&mut self) -> Result<u128, LoadStateError> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    pub(super) fn numbers<const N: usize>(&mut self) -> Result<[u64; N], LoadStateError> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = self.u64()?;
        }
        Ok(numbers)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, LoadStateError> {
        let len = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
        std::str::from_utf8(self.take(len)?).map_err(|_| LoadStateError::Damaged("a text is no UTF-8"))
    }

    /// Checks that nothing is left.
    pub(super) fn end(&self) -> Result<(), LoadStateError> {
        if self.0.is_empty() { Ok(()) } else { Err(LoadStateError::Damaged("a frame is too long")) }
    }
}
