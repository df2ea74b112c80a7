//! `query-comment` of dbt_project.yml: a comment in every statement that a node sends, so that the
//! database's own logs tell who asked. Never changes what a statement does.

use super::node::Job;
use crate::diagnostic::{Code, Diagnostic, Result};

impl Job<'_> {
    /// The comment of the node, and whether it stands last.
    pub fn query_comment(&self) -> Result<Option<(String, bool)>> {
        let project = &self.runner.compiler.config.project;
        let Some(comment) = &project.query_comment else { return Ok(None) };
        // dbt's names for what the comment may tell of.
        let text = format!(
            "{{% set node = model %}}{{% set connection_name = model.unique_id %}}{}",
            comment.text
        );
        let rendered = self.dialect.render_body(&text, None, self.host.clone())?;
        if rendered.contains("*/") {
            let message = format!("query comment contains illegal value \"*/\": {rendered}");
            let error = Diagnostic::error(Code::BAD_CONFIG, message);
            return Err(Box::new(error.help("Change `query-comment` in dbt_project.yml.")));
        }
        let rendered = rendered.trim().to_owned();
        Ok((!rendered.is_empty()).then_some((rendered, comment.append)))
    }
}
