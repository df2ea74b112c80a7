//! Values as JSON text, many at once.

use std::io::{self, Write};

use rayon::prelude::*;
use serde::Serialize;

/// Entries that one thread writes at a time.
const CHUNK: usize = 64;

/// Appends a value that an artifact is made of.
pub(super) fn put(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("maps have text keys, and a Vec takes all bytes");
}

/// Writes `count` entries with commas between them, made in chunks by several threads and put out
/// in order: memory stays at a few megabytes whatever the size of the project.
///
/// # Errors
/// Those of `out`.
pub(super) fn write_many(
    out: &mut dyn Write,
    count: usize,
    entry: impl Fn(usize, &mut Vec<u8>) + Sync,
) -> io::Result<()> {
    let chunks = count.div_ceil(CHUNK);
    let at_once = rayon::current_num_threads() * 2;
    for start in (0..chunks).step_by(at_once) {
        let written: Vec<Vec<u8>> = (start..chunks.min(start + at_once))
            .into_par_iter()
            .map(|chunk| {
                let mut out = Vec::with_capacity(CHUNK * 3072);
                for at in chunk * CHUNK..count.min((chunk + 1) * CHUNK) {
                    if at > 0 {
                        out.push(b',');
                    }
                    entry(at, &mut out);
                }
                out
            })
            .collect();
        for chunk in written {
            out.write_all(&chunk)?;
        }
    }
    Ok(())
}
