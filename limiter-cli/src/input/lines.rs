//! The lines of a stream.

use std::io::{self, BufRead, Read};

/// The longest line that is read. Servers accept some 8 to 32 KiB of headers.
const MAX_LINE: usize = 64 << 10;

/// The lines of a stream, one at a time in a buffer of bounded size.
pub(crate) struct Lines {
    stream: Box<dyn BufRead>,
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
        Self { stream, line: Vec::new() }
    }

    /// Returns the next line, or `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        // With the end of the line.
        let max = MAX_LINE + 1;
        self.stream.by_ref().take(max as u64).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(None);
        }
        if self.line.len() == max && !self.line.ends_with(b"\n") {
            self.stream.skip_until(b'\n')?;
            return Ok(Some(Line::TooLong(&self.line)));
        }
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        Ok(Some(Line::Whole(line.strip_suffix(b"\r").unwrap_or(line))))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn lens(text: Vec<u8>) -> Vec<(bool, usize)> {
        let mut lines = Lines::new(Box::new(Cursor::new(text)));
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
        assert_eq!(lens(b"ab\r\n\nc".to_vec()), [(true, 2), (true, 0), (true, 1)]);
    }

    #[test]
    fn long_lines_do_not_hide_the_next() {
        for (len, is_whole) in [(MAX_LINE, true), (MAX_LINE + 1, false), (5 * MAX_LINE, false)] {
            let mut text = vec![b'x'; len];
            text.extend(b"\nnext\n");
            let lens = lens(text);
            assert_eq!((lens.len(), lens[0].0, lens[1]), (2, is_whole, (true, 4)), "{len}");
        }
        assert_eq!(lens(vec![b'x'; 2 * MAX_LINE]).len(), 1);
    }
}
