//! Bytes of a file → text, or the place where it is none.

use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile};

/// Reads a file of text; `shown` is its path as the user knows it.
///
/// # Errors
/// `UNREADABLE`, `NOT_UTF8` at the first byte that is wrong.
pub fn read_text(path: &Path, shown: &Path) -> Result<Arc<SourceFile>> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(shown, &error))?;
    let text = decode(bytes, shown)?;
    Ok(SourceFile::new(shown, without_mark(&text)))
}

/// The text of a file's bytes.
///
/// # Errors
/// `NOT_UTF8` at the first byte that is wrong.
pub fn decode(bytes: Vec<u8>, shown: &Path) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let byte = error.as_bytes()[valid];
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        Box::new(
            Diagnostic::error(
                Code::NOT_UTF8,
                format!("{} is not valid UTF-8 (byte 0x{byte:02x})", shown.display()),
            )
            .at(Location::new(SourceFile::new(shown, text), valid..valid + 1))
            .help("Save the file as UTF-8."),
        )
    })
}

/// The text without a byte-order mark, which is not part of it.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The error of a file that cannot be read.
pub fn unreadable(shown: &Path, error: &std::io::Error) -> Box<Diagnostic> {
    let help = match error.kind() {
        std::io::ErrorKind::NotFound => "It is a link to a file that does not exist; remove it.",
        _ => "Check the permissions of the file and of its folder.",
    };
    Box::new(
        Diagnostic::error(Code::UNREADABLE, format!("{} cannot be read", shown.display()))
            .note(error.to_string())
            .help(help),
    )
}
