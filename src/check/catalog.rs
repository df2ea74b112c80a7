//! What the configured databases hold, asked only where the project does not say: read, never made
//! and never changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::relation::{Column, Relation};
use crate::run::Engines;

/// What is known of a relation.
#[derive(Debug, Clone)]
pub(super) enum Found {
    Columns(Vec<Column>),
    /// The database is there, and the relation is not.
    Missing,
    /// The database cannot be asked.
    Unknown,
}

/// The databases of a target.
pub(super) struct Catalog {
    engines: Arc<Engines>,
    asked: Mutex<HashMap<(String, String), Found>>,
}

impl Catalog {
    pub fn new(engines: Arc<Engines>) -> Catalog {
        Catalog { engines, asked: Mutex::default() }
    }

    /// The columns of a relation of an engine.
    pub fn columns(&self, engine: &str, relation: &Relation) -> Found {
        let key = (engine.to_owned(), relation.render());
        if let Some(found) = self.lock().get(&key) {
            return found.clone();
        }
        let found = match self.engines.connection(engine) {
            Ok(mut connection) => match connection.columns(relation) {
                Ok(columns) if columns.is_empty() => Found::Missing,
                Ok(columns) => Found::Columns(columns),
                Err(_) => Found::Unknown,
            },
            Err(_) => Found::Unknown,
        };
        self.lock().insert(key, found.clone());
        found
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Found>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
