//! Values of columns tagged `meta: {pii: true}` in failing rows: which columns of a test's result
//! carry them, and the SQL that masks them, so that they never leave the engine.
//!
//! A value becomes a token: a part of its HMAC-SHA256 under a key that the project keeps in
//! `.pintail/keys`, mixed with the test's id. The same value of the same test has the same token in
//! every run, so its row is known again; NULL stays NULL. Without a key, all values look alike.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::checksum::hex;
use crate::config::{Config, EngineKind};
use crate::manifest::{ColumnInfo, Manifest, Node, UniqueId};
use crate::relation::Column;

/// The variable that gives the key to machines that share a store but no folder.
const VARIABLE: &str = "PINTAIL_PII_KEY";

/// What stands for a value where there is no key.
const FIXED: &str = "'***'";

/// What is known of the columns that a test reads.
pub(super) struct Tagged {
    /// Names of columns with a tag, in lower case.
    secret: HashSet<String>,
    /// Names of columns that are described and have none.
    open: HashSet<String>,
    /// Whether any column may carry them, whatever the SQL names.
    doubtful: bool,
}

impl Tagged {
    /// The columns of everything that a test reads, also through ephemeral models.
    pub fn of(manifest: &Manifest, test: &Node) -> Tagged {
        let mut found = Tagged { secret: HashSet::new(), open: HashSet::new(), doubtful: false };
        let mut left: Vec<&UniqueId> = test.depends_on.iter().chain(&test.attached_node).collect();
        let mut seen: HashSet<&UniqueId> = HashSet::new();
        while let Some(id) = left.pop() {
            if !seen.insert(id) {
                continue;
            }
            if let Some(node) = manifest.nodes.get(id) {
                found.add(node.columns.values());
                found.doubtful |= node.may_be_personal;
                if node.is_ephemeral() {
                    left.extend(&node.depends_on);
                }
            } else if let Some(source) = manifest.sources.get(id) {
                found.add(source.columns.values());
            }
        }
        found
    }

    fn add<'a>(&mut self, columns: impl Iterator<Item = &'a ColumnInfo>) {
        for column in columns {
            let name = column.name.to_lowercase();
            if column.is_pii() { &mut self.secret } else { &mut self.open }.insert(name);
        }
    }

    /// Which columns of a test's result are masked. Where the SQL names a column with a tag, that
    /// is every column but those that are described and have none: under a new name it may carry
    /// the value.
    pub fn masked(&self, test: &Node, sql: &str, columns: &[Column]) -> Vec<bool> {
        if self.secret.is_empty() && !self.doubtful {
            return vec![false; columns.len()];
        }
        let sql = sql.to_lowercase();
        let named = self.doubtful || self.secret.iter().any(|name| mentions(&sql, name));
        let names: Vec<String> = columns.iter().map(|column| column.name.to_lowercase()).collect();
        let is_masked = |(column, name): (&Column, &String)| {
            let name = original(name, &names);
            if self.secret.contains(name) {
                return true;
            }
            let known = self.open.contains(name) || is_count(test, name);
            !known && (named || may_hold_columns(&column.data_type))
        };
        columns.iter().zip(&names).map(is_masked).collect()
    }
}

/// The column's own name, where an engine numbered the second of two with one name.
fn original<'n>(name: &'n str, all: &[String]) -> &'n str {
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
    match bare.strip_suffix(['_', ':']) {
        Some(first) if bare != name && all.iter().any(|other| other == first) => first,
        _ => name,
    }
}

/// Whether a text has a name as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        !before.chars().next_back().is_some_and(is_word)
            && !after.chars().next().is_some_and(is_word)
    })
}

/// The column with which dbt's own tests say how many rows have a value.
fn is_count(test: &Node, name: &str) -> bool {
    let own = ["macro.dbt.test_unique", "macro.dbt.test_accepted_values"];
    name == "n_records" && test.depends_on_macros.iter().any(|id| own.contains(&&**id))
}

/// Types whose values may be made of whole rows, so that they hold columns whose names the SQL does
/// not say.
fn may_hold_columns(data_type: &str) -> bool {
    let data_type = data_type.to_lowercase();
    ["struct", "map", "union", "json", "record", "row", "variant", "hstore", "xml"]
        .iter()
        .any(|kind| data_type.starts_with(kind))
}

/// What makes tokens of values; of one test.
pub(super) struct Tokens {
    /// The two halves of an HMAC's key, as hexadecimal digits; none without a key.
    key: Option<[String; 2]>,
}

impl Tokens {
    /// Those of a test of the project.
    pub fn of(config: &Config, test: &Node) -> Tokens {
        let key = project_key(config).ok();
        Tokens {
            key: key
                .map(|key| halves(&hmac(&halves(&key), test.unique_id.as_bytes())))
                .map(|halves| halves.map(|half| hex(&half))),
        }
    }

    /// Whether a value can be known again by its token.
    pub fn tell_apart(&self) -> bool {
        self.key.is_some()
    }

    /// The SQL of a token of an expression.
    pub fn sql(&self, kind: EngineKind, value: &str) -> String {
        let Some([inner, outer]) = &self.key else {
            return format!("case when {value} is not null then {FIXED} end");
        };
        match kind {
            EngineKind::Postgres => format!(
                "'pii:' || left(encode(sha256(decode('{outer}', 'hex') || sha256(decode('{inner}', 'hex') \
                 || convert_to(cast({value} as text), 'UTF8'))), 'hex'), 16)"
            ),
            EngineKind::DuckDb => format!(
                "'pii:' || left(sha256(unhex('{outer}') || unhex(sha256(unhex('{inner}') \
                 || encode(cast({value} as varchar))))), 16)"
            ),
        }
    }

    /// SQL with tokens, as it may be told.
    pub fn hide_key(&self, sql: &str) -> String {
        let halves = self.key.iter().flatten();
        halves.fold(sql.to_owned(), |sql, half| sql.replace(half, "***"))
    }
}

const BLOCK: usize = 64;

/// The inner and the outer half of the key of an HMAC-SHA256.
fn halves(key: &[u8; 32]) -> [[u8; BLOCK]; 2] {
    [0x36, 0x5c].map(|pad| std::array::from_fn(|at| pad ^ key.get(at).copied().unwrap_or(0)))
}

fn hmac([inner, outer]: &[[u8; BLOCK]; 2], message: &[u8]) -> [u8; 32] {
    let of_message = Sha256::new().chain_update(inner).chain_update(message).finalize();
    Sha256::new().chain_update(outer).chain_update(of_message).finalize().into()
}

/// The key of the project: that of the environment, or else the one in its own folder, made where
/// there is none yet.
fn project_key(config: &Config) -> io::Result<[u8; 32]> {
    let given = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    let text = match given {
        Some(text) => text,
        None => kept_key(&config.own_folder("keys").join("pii"))?,
    };
    Ok(Sha256::digest(text.trim()).into())
}

/// The text of the file, which is written at once and whole by whoever comes first.
fn kept_key(path: &Path) -> io::Result<String> {
    let read = || fs::read_to_string(path).ok().filter(|text| !text.trim().is_empty());
    if let Some(text) = read() {
        return Ok(text);
    }
    let random = || uuid::Uuid::new_v4().simple();
    let own = path.with_extension(random().to_string());
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&own)?;
        write!(file, "{}{}", random(), random())?;
        file.sync_all()?;
        fs::hard_link(&own, path)
    };
    let written = write();
    let _left_over = fs::remove_file(&own);
    match (written, read()) {
        (_, Some(text)) => Ok(text),
        (Err(error), None) => Err(error),
        (Ok(()), None) => Err(io::ErrorKind::NotFound.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_parts_of_an_hmac() {
        // RFC 4231, test case 2; a short key is filled up with zeros.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(
            hex(&hmac(&halves(&key), b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn names_are_words_and_second_columns_have_their_first_name() {
        assert!(mentions("select lower(email) from x", "email"));
        assert!(!mentions("select email_hash, my_email from x", "email"));
        let names = ["zip", "zip_1", "line_2"].map(str::to_owned);
        assert_eq!(names.each_ref().map(|name| original(name, &names)), ["zip", "zip", "line_2"]);
    }

    #[test]
    fn a_key_is_made_once_and_read_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pii");
        let keys: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| kept_key(&path).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0] && key.len() == 64));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn without_a_key_all_values_look_alike() {
        let tokens = Tokens { key: None };
        assert!(!tokens.tell_apart());
        let sql = tokens.sql(EngineKind::DuckDb, "c0");
        assert_eq!(sql, "case when c0 is not null then '***' end");
    }
}
