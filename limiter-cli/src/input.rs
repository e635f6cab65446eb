//! Logs as streams: plain, gzip or zstd, from files or the standard input.

mod lines;
mod zstd;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, IsTerminal, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};

pub(crate) use self::lines::{Line, Lines};
use self::zstd::ZstdReader;

const BUFFER: usize = 256 << 10;

/// A file as it is stored: its first bytes, which were read to find how it is compressed, and the rest.
type CompressedFile = io::Chain<Cursor<Vec<u8>>, Box<dyn Read>>;

/// The progress over all files, shown on a terminal only.
pub(crate) struct Progress(ProgressBar);

/// Opens a log. `-` is the standard input.
pub(crate) fn open(path: &Path, progress: &Progress) -> io::Result<Lines> {
    let stored: Box<dyn Read> =
        if is_stdin(path) { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let mut counted: Box<dyn Read> = Box::new(progress.0.wrap_read(stored));
    let mut first = Vec::new();
    counted.by_ref().take(4).read_to_end(&mut first)?;
    Ok(Lines::new(decompress(first, counted)))
}

/// Returns the plain text, by the first bytes of the stored one.
fn decompress(first: Vec<u8>, rest: Box<dyn Read>) -> Box<dyn BufRead> {
    let is_gzip = first.starts_with(&[0x1f, 0x8b]);
    let is_zstd = zstd::is_frame(&first);
    let stored: CompressedFile = Cursor::new(first).chain(rest);
    let stored = BufReader::with_capacity(BUFFER, stored);
    if is_gzip {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(stored)))
    } else if is_zstd {
        Box::new(BufReader::with_capacity(BUFFER, ZstdReader::new(stored)))
    } else {
        Box::new(stored)
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl Progress {
    /// Starts the progress over these files. It is hidden if the standard error is no terminal.
    pub(crate) fn start(paths: &[std::path::PathBuf], is_quiet: bool) -> Self {
        if is_quiet || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let len = |path: &std::path::PathBuf| std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
        let lens: Option<Vec<u64>> =
            paths.iter().map(|path| len(path).map(|metadata| metadata.len())).collect();
        let (bar, template) = match lens {
            Some(lens) => (
                ProgressBar::new(lens.iter().sum()),
                "{bar:40} {percent:>3} %  {bytes} of {total_bytes}  {eta} left",
            ),
            None => (ProgressBar::new_spinner(), "{spinner} {bytes} read, {bytes_per_sec}"),
        };
        match ProgressStyle::with_template(template) {
            Ok(style) => Self(bar.with_style(style)),
            Err(_) => Self(bar),
        }
    }

    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    const TEXT: &[u8] = b"one\ntwo\n\nlast";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).expect("memory is writable");
        encoder.finish().expect("memory is writable")
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    fn read(stored: &[u8]) -> io::Result<Vec<u8>> {
        let (first, rest) = stored.split_at(stored.len().min(4));
        let mut text = Vec::new();
        decompress(first.to_vec(), Box::new(Cursor::new(rest.to_vec()))).read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn compressed_files_are_read_as_plain_ones() {
        for stored in [TEXT.to_vec(), gzip(TEXT), zstd(TEXT)] {
            assert_eq!(read(&stored).expect("a valid file"), TEXT);
        }
        for short in [&b""[..], b"a", b"\x1f"] {
            assert_eq!(read(short).expect("a valid file"), short);
        }
    }

    #[test]
    fn files_of_several_parts_are_read_to_their_end() {
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7];
        for parts in [
            vec![gzip(b"one\n"), gzip(b"two\n")],
            vec![zstd(b"one\n"), skippable.to_vec(), zstd(b"two\n"), skippable.to_vec()],
            vec![skippable.to_vec(), zstd(b"one\n"), zstd(b"two\n")],
        ] {
            assert_eq!(read(&parts.concat()).expect("a valid file"), b"one\ntwo\n");
        }
    }

    #[test]
    fn a_file_that_ends_too_early_is_an_error() {
        for stored in [gzip(TEXT), zstd(TEXT)] {
            read(&stored[..stored.len() - 3]).expect_err("its end is missing");
        }
    }
}
