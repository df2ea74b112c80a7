//! `query-comment` of dbt_project.yml: a comment in every statement that a node sends, so that the
//! database's own logs tell who asked. Never changes what a statement does.

use std::sync::Arc;

use super::node::Job;
use crate::config::EngineKind;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::engine::{Canceller, Connection, SqlResult};
use crate::relation::{Column, Relation, ResultSet};

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

/// A connection that writes a comment into every statement.
pub(super) struct Commented {
    pub inner: Box<dyn Connection>,
    pub comment: String,
    pub last: bool,
}

impl Commented {
    /// The statement with its comment, and how many bytes stand before it.
    fn with_comment(&self, sql: &str) -> (String, usize) {
        if self.last {
            let bare = sql.trim_end();
            let (bare, end) = match bare.strip_suffix(';') {
                Some(bare) => (bare, ";"),
                None => (bare, ""),
            };
            return (format!("{bare}\n/* {} */{end}", self.comment), 0);
        }
        let before = format!("/* {} */\n", self.comment);
        (format!("{before}{sql}"), before.len())
    }
}

impl Connection for Commented {
    fn kind(&self) -> EngineKind {
        self.inner.kind()
    }

    fn execute(&mut self, sql: &str) -> SqlResult<Option<u64>> {
        let (sql, before) = self.with_comment(sql);
        self.inner.execute(&sql).map_err(|mut error| {
            error.position = error.position.and_then(|at| at.checked_sub(before));
            error
        })
    }

    fn query(&mut self, sql: &str, limit: Option<usize>) -> SqlResult<ResultSet> {
        let (sql, before) = self.with_comment(sql);
        self.inner.query(&sql, limit).map_err(|mut error| {
            error.position = error.position.and_then(|at| at.checked_sub(before));
            error
        })
    }

    fn begin(&mut self) -> SqlResult<()> {
        self.inner.begin()
    }

    fn commit(&mut self) -> SqlResult<()> {
        self.inner.commit()
    }

    fn rollback(&mut self) -> SqlResult<()> {
        self.inner.rollback()
    }

    fn in_transaction(&self) -> bool {
        self.inner.in_transaction()
    }

    fn list_relations(&mut self, database: Option<&str>, schema: &str) -> SqlResult<Vec<Relation>> {
        self.inner.list_relations(database, schema)
    }

    fn columns(&mut self, relation: &Relation) -> SqlResult<Vec<Column>> {
        self.inner.columns(relation)
    }

    fn canceller(&self) -> Arc<dyn Canceller> {
        self.inner.canceller()
    }
}
