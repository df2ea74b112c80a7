//! Makes sample data in the exact shape of the nine Olist files, with the same kinds of dirt, in any size.
//!
//! ```sh
//! cargo run --release --example olist_generator -- OUT_DIR --orders 2000 --seed 7 --format csv
//! ```
//!
//! The same arguments give the same files, byte for byte: integers only, and a random generator of its own.
//! All ids, people, amounts and comments are invented; names of places and categories are facts.
//! It never reads the real data.
//!
//! Everyday variety is drawn at random. Rare dirt is planted by the order's number instead, so that a small
//! sample has every kind: see `order.rs` and `Generator::reviews`.

mod data;
mod facts;
mod files;
mod order;
mod random;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use data::Generator;
use files::{Files, to_parquet};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "\
usage: olist_generator OUT_DIR [--orders N] [--seed N] [--format csv|parquet]

Writes the nine Olist files into OUT_DIR (made if missing, files in it replaced).
  --orders N   number of orders, default 2000
  --seed N     the same seed gives the same data, default 7
  --format F   csv (default) or parquet";

fn main() {
    let outcome = Args::parse(std::env::args().skip(1)).and_then(|args| match args {
        Some(args) => generate(&args),
        None => say(&mut std::io::stdout(), USAGE),
    });
    if let Err(error) = outcome {
        // nothing is left to do about a terminal that is gone
        let _ = say(&mut std::io::stderr(), &format!("error: {error}"));
        std::process::exit(2);
    }
}

fn say(to: &mut dyn Write, text: &str) -> Result<()> {
    writeln!(to, "{text}")?;
    Ok(())
}

fn generate(args: &Args) -> Result<()> {
    fs::create_dir_all(&args.out_dir)?;
    let mut files = Files::create(&args.out_dir)?;
    Generator::new(args).write_all(&mut files)?;
    files.finish()?;
    if args.format == Format::Parquet {
        to_parquet(&args.out_dir)?;
    }
    say(
        &mut std::io::stdout(),
        &format!("{} orders (seed {}) in {}", args.orders, args.seed, args.out_dir.display()),
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Parquet,
}

struct Args {
    out_dir: PathBuf,
    orders: u64,
    seed: u64,
    format: Format,
}

impl Args {
    /// None if help was asked for.
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Args>> {
        let mut out_dir = None;
        let (mut orders, mut seed, mut format) = (2000, 7, Format::Csv);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value\n\n{USAGE}"));
            match word.as_str() {
                "-h" | "--help" => return Ok(None),
                "--orders" => orders = value()?.parse().map_err(|_| "--orders: not a number")?,
                "--seed" => seed = value()?.parse().map_err(|_| "--seed: not a number")?,
                "--format" => {
                    format = match value()?.as_str() {
                        "csv" => Format::Csv,
                        "parquet" => Format::Parquet,
                        other => Err(format!("--format: csv or parquet, not {other}"))?,
                    }
                }
                other if other.starts_with('-') => {
                    Err(format!("unknown option {other}\n\n{USAGE}"))?
                }
                _ if out_dir.is_some() => Err(format!("one folder only\n\n{USAGE}"))?,
                folder => out_dir = Some(PathBuf::from(folder)),
            }
        }
        let out_dir = out_dir.ok_or(format!("OUT_DIR is missing\n\n{USAGE}"))?;
        Ok(Some(Args { out_dir, orders, seed, format }))
    }
}
