//! Diagnostics for people, with the source line and what to do; and as JSON for machines.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Location, Severity};

/// A diagnostic as a person reads it. Ends without a newline.
pub fn render(diagnostic: &Diagnostic, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code.0);
    let mut group = match &diagnostic.location {
        Some(location) if is_whole_file(location) => title.element(origin(location)),
        Some(location) => title.element(snippet(location, AnnotationKind::Primary, None)),
        None => Group::with_title(title),
    };
    for related in &diagnostic.related {
        if is_whole_file(&related.location) {
            let place = format!("{}: {}", related.message, related.location.path().display());
            group = group.element(Level::NOTE.message(place));
            continue;
        }
        let element = snippet(&related.location, AnnotationKind::Context, Some(&related.message));
        group = group.element(element);
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Ascii).render(&[group])
}

/// Whether a place means the file, not a word in it.
fn is_whole_file(location: &Location) -> bool {
    location.span == (0..0)
}

fn origin(location: &Location) -> Origin<'_> {
    Origin::path(location.file.path.to_string_lossy())
}

fn snippet<'a>(
    location: &'a Location,
    kind: AnnotationKind,
    label: Option<&'a str>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    // Only the lines around the place are given: files may be long, and tabs are kept as they are.
    let text = &location.file.text;
    let start = text[..location.span.start].rfind('\n').map_or(0, |at| at + 1);
    let line_end =
        text[location.span.start..].find('\n').map_or(text.len(), |n| location.span.start + n);
    let end = location.span.end.clamp(location.span.start, line_end);
    let (line, _) = location.line_column();
    let mut annotation = kind.span(location.span.start - start..end - start);
    if let Some(label) = label {
        annotation = annotation.label(label);
    }
    Snippet::source(&text[start..line_end])
        .line_start(line)
        .path(location.file.path.to_string_lossy())
        .fold(true)
        .annotation(annotation)
}

/// A diagnostic as JSON.
pub fn to_json(diagnostic: &Diagnostic) -> Value {
    let place = |location: &Location| {
        let (line, column) = location.line_column();
        json!({"file": location.file.path, "line": line, "column": column})
    };
    json!({
        "code": diagnostic.code.0,
        "severity": match diagnostic.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "message": diagnostic.message,
        "location": diagnostic.location.as_ref().map(place),
        "help": diagnostic.help,
        "notes": diagnostic.notes,
        "related": diagnostic.related.iter().map(|r| {
            json!({"message": r.message, "location": place(&r.location)})
        }).collect::<Vec<_>>(),
    })
}
