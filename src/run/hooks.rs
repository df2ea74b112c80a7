//! Hooks around a node. Each is rendered at the moment when it runs, and sees what was done before.

use minijinja::Value;

use super::job::Job;
use crate::compile::Batch;
use crate::diagnostic::{Diagnostic, Location, Result};
use crate::jinja::values::{Dict, List};
use crate::jinja::{Adapter, Statement};
use crate::manifest::Hook;

impl Job<'_> {
    /// Runs `pre-hook` or `post-hook`: those inside of the node's transaction, or those outside.
    pub fn run_hooks(&self, key: &str, inside: bool) -> Result<()> {
        let due = |batch: &Batch| if key == "pre-hook" { batch.first } else { batch.last };
        if !self.host.batch().is_none_or(due) {
            return Ok(());
        }
        let hooks: Vec<Hook> = self.node.config.hooks(key);
        if hooks.is_empty() {
            return Ok(());
        }
        if self.dialect.is_overridden("run_hooks") {
            let hooks = hooks.into_iter().map(|hook| {
                Dict::value([
                    ("sql", Value::from(hook.sql)),
                    ("transaction", hook.transaction.into()),
                ])
            });
            let arguments = vec![List::value(hooks.collect()), inside.into()];
            return self.sql("run_hooks", arguments).map(drop);
        }
        for hook in hooks.iter().filter(|hook| hook.transaction == inside) {
            let place = self.locate_hook(&hook.sql);
            let sql = self.dialect.render_str(&hook.sql, place.clone(), self.host.clone())?;
            self.run_hook(&sql, place)?;
        }
        Ok(())
    }

    /// Runs a hook; SQL of nothing but white space and comments is no statement.
    pub fn run_hook(&self, sql: &str, place: Option<Location>) -> Result<()> {
        if sql.trim().is_empty() {
            return Ok(());
        }
        self.adapter.run(sql, Statement::default()).map(drop).map_err(|error: Box<Diagnostic>| {
            Box::new(error.or_at(place).note(format!("hook: {}", sql.trim())))
        })
    }

    /// Where a hook is written: in the model, or in dbt_project.yml.
    fn locate_hook(&self, sql: &str) -> Option<Location> {
        let files = [&self.node.file, &self.runner.compiler.config.project.file];
        let found = files.into_iter().find_map(|file| {
            let at = file.text.find(sql)?;
            Some(Location::new(file.clone(), at..at + sql.len()))
        });
        found.or_else(|| self.node.location.clone())
    }
}
