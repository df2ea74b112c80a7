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
    out: &mut (dyn Write + Send),
    count: usize,
    entry: impl Fn(usize, &mut Vec<u8>) + Sync,
) -> io::Result<()> {
    let chunks = count.div_ceil(CHUNK);
    let at_once = rayon::current_num_threads() * 2;
    let make = |chunk: usize| {
        let mut out = Vec::with_capacity(CHUNK * 3072);
        for at in chunk * CHUNK..count.min((chunk + 1) * CHUNK) {
            if at > 0 {
                out.push(b',');
            }
            entry(at, &mut out);
        }
        out
    };
    // The chunks before are put out while the next ones are made.
    let mut before: Vec<Vec<u8>> = Vec::new();
    for start in (0..chunks).step_by(at_once) {
        let next = start..chunks.min(start + at_once);
        let (put_out, made) = rayon::join(
            || before.iter().try_for_each(|chunk| out.write_all(chunk)),
            || next.into_par_iter().map(make).collect(),
        );
        put_out?;
        before = made;
    }
    before.iter().try_for_each(|chunk| out.write_all(chunk))
}
