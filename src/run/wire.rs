//! A connection as a run uses it: every statement bears the query comment of its node, and whoever
//! listens hears it with what the engine said. Never changes what a statement does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::EngineKind;
use crate::engine::{Canceller, Connection, SqlResult};
use crate::manifest::UniqueId;
use crate::relation::{Column, Relation, ResultSet};

/// What happens on a connection.
#[derive(Debug, Clone, Copy)]
pub struct Spoken<'a> {
    pub kind: EngineKind,
    /// The node that it is for.
    pub node: Option<&'a UniqueId>,
    pub what: What<'a>,
}

/// A statement on its way to an engine, or its end; each with its comment.
#[derive(Debug, Clone, Copy)]
pub enum What<'a> {
    Sent(&'a str),
    /// With the rows that it changed or gave, where told, and how long it took.
    Done(&'a str, Option<u64>, Duration),
    /// The connection is a node's that was another's before.
    Reused(&'a UniqueId),
}

/// Who hears statements, from any thread.
pub(super) type Ear = Arc<dyn Fn(&Spoken) + Send + Sync>;

/// The connection.
pub(super) struct Wire {
    pub inner: Box<dyn Connection>,
    pub node: Option<UniqueId>,
    /// The node that it was for before it was handed out.
    pub formerly: Option<UniqueId>,
    /// The comment, and whether it stands last.
    pub comment: Option<(String, bool)>,
    pub ear: Option<Ear>,
}

impl Wire {
    /// The statement with its comment, and how many bytes stand before it.
    fn with_comment<'s>(&self, sql: &'s str) -> (std::borrow::Cow<'s, str>, usize) {
        let Some((comment, last)) = &self.comment else { return (sql.into(), 0) };
        if *last {
            let bare = sql.trim_end();
            let (bare, end) = match bare.strip_suffix(';') {
                Some(bare) => (bare, ";"),
                None => (bare, ""),
            };
            return (format!("{bare}\n/* {comment} */{end}").into(), 0);
        }
        let before = format!("/* {comment} */\n");
        (format!("{before}{sql}").into(), before.len())
    }

    fn tell(&self, what: What) {
        if let Some(ear) = &self.ear {
            ear(&Spoken { kind: self.inner.kind(), node: self.node.as_ref(), what });
        }
    }

    /// Whose statements come from now on.
    pub fn of_node(&mut self, node: &UniqueId) {
        let before = self.node.replace(node.clone()).or(self.formerly.take());
        if let Some(before) = before.filter(|before| before != node) {
            self.tell(What::Reused(&before));
        }
    }

    /// Runs a query that holds a secret, and tells of it in other words.
    pub fn query_told_as(&mut self, sql: &str, told: &str, limit: usize) -> SqlResult<ResultSet> {
        let rows = |found: &ResultSet| Some(found.rows.len() as u64);
        let query = |connection: &mut dyn Connection, sql: &str| connection.query(sql, Some(limit));
        self.speak(sql, Some(told), query, rows)
    }

    /// Runs a statement as it is sent, and tells of it.
    fn speak<T>(
        &mut self,
        sql: &str,
        told: Option<&str>,
        work: impl FnOnce(&mut dyn Connection, &str) -> SqlResult<T>,
        changed: impl FnOnce(&T) -> Option<u64>,
    ) -> SqlResult<T> {
        let (sent, before) = self.with_comment(sql);
        let told = told.map_or(sent.clone(), |told| self.with_comment(told).0);
        self.tell(What::Sent(&told));
        let begun = Instant::now();
        let done = work(&mut *self.inner, &sent).map_err(|mut error| {
            error.position = error.position.and_then(|at| at.checked_sub(before));
            error
        })?;
        self.tell(What::Done(&told, changed(&done), begun.elapsed()));
        Ok(done)
    }
}

impl Connection for Wire {
    fn kind(&self) -> EngineKind {
        self.inner.kind()
    }

    fn execute(&mut self, sql: &str) -> SqlResult<Option<u64>> {
        self.speak(sql, None, |connection, sql| connection.execute(sql), |changed| *changed)
    }

    fn query(&mut self, sql: &str, limit: Option<usize>) -> SqlResult<ResultSet> {
        let rows = |found: &ResultSet| Some(found.rows.len() as u64);
        self.speak(sql, None, |connection, sql| connection.query(sql, limit), rows)
    }

    fn describe(&mut self, sql: &str) -> SqlResult<Vec<Column>> {
        self.speak(sql, None, |connection, sql| connection.describe(sql), |_| None)
    }

    fn begin(&mut self) -> SqlResult<()> {
        self.tell(What::Sent("BEGIN"));
        self.inner.begin()
    }

    fn commit(&mut self) -> SqlResult<()> {
        self.tell(What::Sent("COMMIT"));
        self.inner.commit()
    }

    fn rollback(&mut self) -> SqlResult<()> {
        if self.inner.in_transaction() {
            self.tell(What::Sent("ROLLBACK"));
        }
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
