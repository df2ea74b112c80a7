//! What properties files say of macros: descriptions, `meta`, arguments; and, where the project asks
//! for it (`validate_macro_args`), whether the arguments are those of the macro.

use std::sync::Arc;

use super::Parser;
use super::properties::MacroProperties;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::load::LoadedFile;
use crate::manifest::{Macro, MacroArgument, Manifest};

/// Adds an entry to its macro.
///
/// # Errors
/// A second entry for one macro; docs blocks that are not there.
pub(super) fn apply(
    parser: &Parser,
    loaded: &LoadedFile,
    properties: &MacroProperties,
    manifest: &mut Manifest,
    warnings: &mut Vec<Diagnostic>,
) -> Result<()> {
    let id = format!("macro.{}.{}", loaded.package, properties.name);
    let Some(entry) = manifest.macros.get_mut(id.as_str()) else {
        warnings.push(
            Diagnostic::warning(
                Code::REF_NOT_FOUND,
                format!(
                    "These properties describe no macro: there is none named `{}`",
                    properties.name
                ),
            )
            .event("MacroNotFoundForPatch")
            .field("patch_name", properties.name.as_str())
            .at(properties.location.clone()),
        );
        return Ok(());
    };
    if let Some(first) = &entry.patch_path {
        return Err(Box::new(
            Diagnostic::error(
                Code::DUPLICATE_NODE,
                format!("The macro `{}` is described twice", properties.name),
            )
            .at(properties.location.clone())
            .note(format!(
                "dbt found two schema.yml entries for the macro; the first is in {first}"
            ))
            .help("Merge the two entries into one."),
        ));
    }
    let text = |text: &str| parser.description(&loaded.package, text, &properties.location);
    let entry = Arc::make_mut(entry);
    entry.description = text(&properties.description)?;
    entry.meta.clone_from(&properties.meta);
    entry.docs.clone_from(&properties.docs);
    entry.patch_path = Some(format!("{}://{}", loaded.package, loaded.original_file_path));
    let mut described = properties.arguments.clone();
    for argument in &mut described {
        argument.description = text(&argument.description)?;
    }
    if parser.config.flags.all.is_on("validate_macro_args") {
        check(entry, &described, properties, warnings);
        if described.is_empty() {
            return Ok(());
        }
    }
    entry.arguments = described;
    Ok(())
}

/// Warns where the arguments are not those that the macro has.
fn check(
    entry: &Macro,
    described: &[MacroArgument],
    properties: &MacroProperties,
    warnings: &mut Vec<Diagnostic>,
) {
    if described.is_empty() {
        return;
    }
    let name = &entry.name;
    let mut warn = |message: String| {
        warnings.push(
            Diagnostic::warning(Code::BAD_CONFIG, message.clone())
                .event("InvalidMacroAnnotation")
                .field("msg", message)
                .field("macro_unique_id", &*entry.unique_id)
                .field("macro_file_path", entry.original_file_path.as_str())
                .at(properties.location.clone())
                .help("Correct the entry, or the macro."),
        );
    };
    for (own, other) in entry.arguments.iter().zip(described) {
        if own.name != other.name {
            warn(format!(
                "Argument {} in yaml for macro {name} does not match the jinja definition",
                other.name
            ));
        }
    }
    if entry.arguments.len() != described.len() {
        warn(format!(
            "The number of arguments in the yaml for macro {name} does not match the jinja definition"
        ));
    }
    for argument in described {
        let kind = argument.data_type.as_deref().map(str::trim).filter(|kind| !kind.is_empty());
        if kind.is_some_and(|kind| !is_type(kind)) {
            warn(format!(
                "Argument {} in the yaml for macro {name} has an invalid type",
                argument.name
            ));
        }
    }
}

/// Types of arguments, with how many types stand in their brackets.
const TYPES: &[(&str, usize)] = &[
    ("any", 0),
    ("bool", 0),
    ("column", 0),
    ("dict", 2),
    ("float", 0),
    ("int", 0),
    ("integer", 0),
    ("list", 1),
    ("optional", 1),
    ("relation", 0),
    ("str", 0),
    ("string", 0),
];

/// Whether a text is a type: `string`, `list[optional[int]]`.
fn is_type(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !matches!(c, ' ' | '\t')).collect();
    after_type(&text) == Some("")
}

/// What stands after the type that a text begins with.
fn after_type(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(text.len());
    let (_, inner) = TYPES.iter().find(|(name, _)| *name == &text[..end])?;
    let mut rest = &text[end..];
    for at in 0..*inner {
        rest = rest.strip_prefix(if at == 0 { '[' } else { ',' })?;
        rest = after_type(rest)?;
    }
    if *inner == 0 { Some(rest) } else { rest.strip_prefix(']') }
}

#[cfg(test)]
mod tests {
    use super::is_type;

    #[test]
    fn types_have_as_many_parts_as_they_need() {
        assert!(
            ["string", "list[int]", "dict[str, list[any]]", "optional[relation]"]
                .iter()
                .all(|t| is_type(t))
        );
        assert!(
            !["invalid_type", "int[int]", "list", "dict[str]", "list[int"]
                .iter()
                .any(|t| is_type(t))
        );
    }
}
