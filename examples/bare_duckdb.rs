//! The floor of the `build` benchmark: runs a list of statements on one connection of the duckdb
//! crate, in the order of the file, and prints how many there were and how long they took.
//! It knows nothing of Pintail: `scripts/bench` writes the list from what `pintail build` compiled.
//!
//! Usage: `bare_duckdb DATABASE STATEMENTS`, where a line `-- next` stands between two statements.
//! A statement that gives rows is read to its last row.

use std::error::Error;
use std::io::{self, Write};
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, list] = arguments.as_slice() else {
        return Err("usage: bare_duckdb DATABASE STATEMENTS".into());
    };
    let list = std::fs::read_to_string(list)?;

    let start = Instant::now();
    let connection = duckdb::Connection::open(database)?;
    let mut statements = 0;
    for sql in list.split("\n-- next\n").map(str::trim).filter(|sql| !sql.is_empty()) {
        let mut statement =
            connection.prepare(sql).map_err(|error| format!("{error}\nin: {sql}"))?;
        let mut rows = statement.query([]).map_err(|error| format!("{error}\nin: {sql}"))?;
        while rows.next()?.is_some() {}
        statements += 1;
    }
    connection.close().map_err(|(_, error)| error)?;
    let seconds = start.elapsed().as_secs_f64();
    writeln!(io::stdout(), "{statements} statements, {seconds:.3} s")?;
    Ok(())
}
