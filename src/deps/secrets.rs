//! Values of `DBT_ENV_SECRET_…` variables → stars, in whatever is printed or written.

use crate::config::is_secret;
use crate::diagnostic::Diagnostic;

/// A text without the values of secret variables.
pub fn scrub(text: &str) -> String {
    let secrets =
        std::env::vars().filter(|(name, value)| is_secret(name) && !value.trim().is_empty());
    secrets.fold(text.to_owned(), |text, (_, secret)| text.replace(&secret, "*****"))
}

/// A diagnostic whose words show no secret.
pub fn hide(mut diagnostic: Box<Diagnostic>) -> Box<Diagnostic> {
    let texts = std::iter::once(&mut diagnostic.message)
        .chain(&mut diagnostic.help)
        .chain(&mut diagnostic.notes);
    for text in texts {
        *text = scrub(text);
    }
    diagnostic
}
