//! Moving data between the engines: PostgreSQL read in place from DuckDB, and DuckDB relations
//! copied into PostgreSQL.
//!
//! Values keep type and content exactly, or an error names the column. What is known of DuckDB's
//! `postgres` extension 1.5.5 and worked around here, each with a test:
//! - it caches the schemas of an attached database, and other catalog entries unless
//!   `pg_staleness_query_enabled` is on: [`attach_postgres`] turns that on, [`refresh`] makes new schemas
//!   known;
//! - it writes text elements `NULL` of an array as SQL NULL, refuses decimals whose scale nearly
//!   fills them (`DECIMAL(9,9)`, `(18,17)`, `(38,38)`), cuts nanoseconds and flattens `[[], []]`:
//!   see `types`;
//! - it reads `numeric` without precision, or over 38 digits, as DOUBLE: see [`check_in_place`].

mod attach;
mod copy;
mod types;

pub use attach::{attach_postgres, refresh};
pub use copy::{BridgeReport, copy, drop_left_over};
pub use types::{carried, check_in_place, is_inexact, read_as};
