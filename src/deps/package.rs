//! A package that was found: where it comes from in one exact version, and what it is called.

use serde_json::{Map, Value};

use crate::config::scrub;

/// A package at one version.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// The name of its project: its folder under `dbt_packages`.
    pub name: String,
    pub from: Origin,
}

/// Where it comes from.
#[derive(Debug, Clone)]
pub enum Origin {
    Local { path: String },
    Git { unrendered: String, revision: String, subdirectory: Option<String> },
    Tarball { unrendered: String },
    Hub { package: String, version: String },
}

impl Pinned {
    /// Its entry in package-lock.yml. Of an address with Jinja in it, the Jinja is kept, so that
    /// no secret is written.
    pub fn to_lock_entry(&self) -> Map<String, Value> {
        let mut entry = Map::new();
        let mut put = |key: &str, value: &str| {
            entry.insert(key.to_owned(), value.into());
        };
        match &self.from {
            Origin::Local { path } => put("local", path),
            Origin::Git { unrendered, revision, subdirectory, .. } => {
                put("git", &scrub(unrendered));
                put("revision", revision);
                if let Some(subdirectory) = subdirectory {
                    put("subdirectory", subdirectory);
                }
            }
            Origin::Tarball { unrendered, .. } => put("tarball", &scrub(unrendered)),
            Origin::Hub { package, version } => {
                put("package", package);
                put("version", version);
            }
        }
        put("name", &self.name);
        entry
    }
}
