//! placeholder
use super::*;
pub struct Report { pub rows: u64, pub bytes: u64 }
pub fn attach_postgres(_d: &mut dyn Connection, _n: &str, _p: &crate::config::PostgresParams) -> SqlResult<()> { Ok(()) }
pub fn copy(_a: &mut dyn Connection, _b: &mut dyn Connection, _p: &crate::config::PostgresParams, _f: &Relation, _t: &Relation) -> SqlResult<Report> { Ok(Report{rows:0,bytes:0}) }
