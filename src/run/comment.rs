//! `query-comment` of dbt_project.yml: a comment in every statement that a node sends, so that the
//! database's own logs tell who asked. Never changes what a statement does.

use std::sync::Arc;

use super::job::Job;
use crate::compile::{CompileHost, Compiler};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::jinja::Dialect;

impl Job<'_> {
    /// The comment of the node, and whether it stands last.
    pub fn query_comment(&self) -> Result<Option<(String, bool)>> {
        of_node(&self.runner.compiler, &self.dialect, &self.host)
    }
}

/// The comment of a node, and whether it stands last.
///
/// # Errors
/// Jinja errors; a comment that ends before its end.
pub(super) fn of_node(
    compiler: &Compiler,
    dialect: &Dialect,
    host: &Arc<CompileHost>,
) -> Result<Option<(String, bool)>> {
    let Some(comment) = &compiler.config.project.query_comment else { return Ok(None) };
    // dbt's names for what the comment may tell of.
    let text = format!(
        "{{% set node = model %}}{{% set connection_name = model.unique_id %}}{}",
        comment.text
    );
    let rendered = dialect.render_body(&text, None, host.clone())?;
    if rendered.contains("*/") {
        let message = format!("query comment contains illegal value \"*/\": {rendered}");
        let error = Diagnostic::error(Code::BAD_CONFIG, message);
        return Err(Box::new(error.help("Change `query-comment` in dbt_project.yml.")));
    }
    let rendered = rendered.trim().to_owned();
    Ok((!rendered.is_empty()).then_some((rendered, comment.append)))
}
