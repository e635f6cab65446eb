//! The lines of a stream.

use std::io::{self, BufRead, Read};

use memchr::memchr;

/// The longest line that is read. Servers accept some 8 to 32 KiB of headers.
const MAX_LINE: usize = 64 << 10;

/// The lines of a stream, one at a time. Most are read where they are in the buffer of the stream.
pub(crate) struct Lines {
    stream: Box<dyn BufRead>,
    /// The length of the last line in the buffer of the stream, with its end.
    used: usize,
    /// A line that lies across buffers.
    line: Vec<u8>,
}

/// A line without its end.
pub(crate) enum Line<'a> {
    Whole(&'a [u8]),
    /// The start of a line that is longer than those that are read.
    TooLong(&'a [u8]),
}

impl Lines {
    pub(super) fn new(stream: Box<dyn BufRead>) -> Self {
        Self { stream, used: 0, line: Vec::new() }
    }

    /// Returns the next line, or `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.stream.consume(std::mem::take(&mut self.used));
        let Some(len) = memchr(b'\n', self.stream.fill_buf()?) else {
            return self.next_across_buffers();
        };
        self.used = len + 1;
        let line = &self.stream.fill_buf()?[..len];
        Ok(Some(if len <= MAX_LINE {
            Line::Whole(without_return(line))
        } else {
            Line::TooLong(&line[..MAX_LINE])
        }))
    }

    /// Returns the next line, copied.
    #[cold]
    fn next_across_buffers(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        // With the end of the line.
        let max = MAX_LINE + 1;
        self.stream.by_ref().take(max as u64).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(None);
        }
        if self.line.len() == max && !self.line.ends_with(b"\n") {
            self.stream.skip_until(b'\n')?;
            return Ok(Some(Line::TooLong(&self.line[..MAX_LINE])));
        }
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        Ok(Some(Line::Whole(without_return(line))))
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use super::*;

    /// Returns the length of each line and whether it is whole, which the size of buffers does not change.
    fn lens(text: &[u8]) -> Vec<(bool, usize)> {
        let whole = lens_of(Box::new(Cursor::new(text.to_vec())));
        for capacity in [1, 7, 4096] {
            let stream = BufReader::with_capacity(capacity, Cursor::new(text.to_vec()));
            assert_eq!(lens_of(Box::new(stream)), whole, "{capacity}");
        }
        whole
    }

    fn lens_of(stream: Box<dyn BufRead>) -> Vec<(bool, usize)> {
        let mut lines = Lines::new(stream);
        let mut lens = Vec::new();
        while let Some(line) = lines.next().expect("memory is readable") {
            lens.push(match line {
                Line::Whole(line) => (true, line.len()),
                Line::TooLong(start) => (false, start.len()),
            });
        }
        lens
    }

    #[test]
    fn lines_lose_their_ends() {
        assert_eq!(lens(b"ab\r\n\nc"), [(true, 2), (true, 0), (true, 1)]);
    }

    #[test]
    fn long_lines_do_not_hide_the_next() {
        for (len, is_whole) in [(MAX_LINE, true), (MAX_LINE + 1, false), (5 * MAX_LINE, false)] {
            let mut text = vec![b'x'; len];
            text.extend(b"\nnext\n");
            let lens = lens(&text);
            assert_eq!((lens.len(), lens[0].0, lens[1]), (2, is_whole, (true, 4)), "{len}");
        }
        assert_eq!(lens(&vec![b'x'; 2 * MAX_LINE]).len(), 1);
    }
}
