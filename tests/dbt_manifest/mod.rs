//! Reads a manifest.json that dbt-core wrote into Pintail's own types, so that tests can compare
//! what both make of one project before and beside `parse`.
//!
//! For tests only: it takes dbt's file at its word and panics where it is not as expected.

use std::hash::BuildHasher;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use pintail::diagnostic::SourceFile;
use pintail::manifest::{
    Access, ById, ColumnInfo, DocBlock, Exposure, Group, Macro, MacroArgument, Manifest, Node,
    NodeConfig, RefCall, ResourceType, Source, SourceCall, TestMetadata, UniqueId,
};
use serde_json::Value;

pub fn read(path: &Path) -> (Manifest, Value) {
    let text = std::fs::read_to_string(path).expect("the fixture is there");
    let json: Value = serde_json::from_str(&text).expect("it is JSON");
    (manifest(&json), json)
}

pub fn manifest(json: &Value) -> Manifest {
    let mut manifest =
        Manifest { project_name: text(&json["metadata"], "project_name"), ..Manifest::default() };
    manifest.nodes = each(&json["nodes"], |json| node(json).into());
    manifest.sources = each(&json["sources"], source);
    manifest.macros = each(&json["macros"], |json| Arc::new(a_macro(json)));
    manifest.docs = each(&json["docs"], |json| DocBlock {
        unique_id: id(json),
        name: text(json, "name"),
        package_name: text(json, "package_name"),
        path: text(json, "path"),
        original_file_path: text(json, "original_file_path"),
        block_contents: text(json, "block_contents"),
    });
    manifest.exposures = each(&json["exposures"], exposure);
    manifest.groups = each(&json["groups"], |json| Group {
        unique_id: id(json),
        name: text(json, "name"),
        package_name: text(json, "package_name"),
        path: text(json, "path"),
        original_file_path: text(json, "original_file_path"),
        description: text(json, "description"),
        owner: map(&json["owner"]),
        config: NodeConfig { values: map(&json["config"]) },
    });
    for versions in json["disabled"].as_object().expect("a map").values() {
        for one in versions.as_array().expect("a list") {
            match one["resource_type"].as_str() {
                Some("source") => manifest.disabled_sources.push(source(one)),
                _ => manifest.disabled.push(node(one)),
            }
        }
    }
    manifest
}

fn node(json: &Value) -> Node {
    let kind = match json["resource_type"].as_str().expect("a kind") {
        "model" => ResourceType::Model,
        "seed" => ResourceType::Seed,
        "snapshot" => ResourceType::Snapshot,
        "test" => ResourceType::Test,
        "analysis" => ResourceType::Analysis,
        "operation" => ResourceType::Operation,
        other => panic!("unexpected kind {other}"),
    };
    let file_path = text(json, "original_file_path");
    let file = SourceFile::new(&file_path, text(json, "raw_code"));
    Node {
        quoting: Default::default(),
        unique_id: id(json),
        path: text(json, "path"),
        original_file_path: file_path,
        raw_code: text(json, "raw_code").into(),
        fqn: texts(&json["fqn"]),
        database: text(json, "database"),
        schema: text(json, "schema"),
        alias: text(json, "alias"),
        config: NodeConfig { values: map(&json["config"]) },
        unrendered_config: map(&json["unrendered_config"]),
        checksum: text(&json["checksum"], "checksum"),
        description: text(json, "description"),
        columns: columns(&json["columns"]),
        meta: map(&json["meta"]),
        tags: texts(&json["tags"]),
        group: optional(json, "group"),
        access: match json["access"].as_str() {
            Some("private") => Access::Private,
            Some("public") => Access::Public,
            _ => Access::Protected,
        },
        patch_path: optional(json, "patch_path"),
        refs: refs(json),
        source_calls: source_calls(json),
        depends_on: ids(&json["depends_on"]["nodes"]),
        depends_on_macros: ids(&json["depends_on"]["macros"]),
        test_metadata: json["test_metadata"].as_object().map(|_| TestMetadata {
            name: text(&json["test_metadata"], "name"),
            namespace: optional(&json["test_metadata"], "namespace"),
            entry: text(json, "file_key_name"),
            kwargs: map(&json["test_metadata"]["kwargs"]),
        }),
        column_name: optional(json, "column_name"),
        attached_node: json["attached_node"].as_str().map(Into::into).or_else(|| {
            // dbt attaches tests to nodes only; Pintail also to sources.
            let key = json["file_key_name"].as_str()?;
            key.starts_with("sources.").then(|| ids(&json["depends_on"]["nodes"])[0].clone())
        }),
        root_path: optional(json, "root_path"),
        index: json["index"].as_u64().map(|index| index as usize),
        ..Node::bare(kind, &text(json, "package_name"), &text(json, "name"), file, "duckdb".into())
    }
}

fn source(json: &Value) -> Source {
    Source {
        doc_blocks: Vec::new(),
        quoting: Default::default(),
        unique_id: id(json),
        source_name: text(json, "source_name"),
        name: text(json, "name"),
        package_name: text(json, "package_name"),
        path: text(json, "path"),
        original_file_path: text(json, "original_file_path"),
        location: None,
        fqn: texts(&json["fqn"]),
        database: text(json, "database"),
        schema: text(json, "schema"),
        unrendered_database: None,
        unrendered_schema: None,
        written_quoting: Default::default(),
        identifier: text(json, "identifier"),
        engine: "duckdb".into(),
        external_location: None,
        loader: text(json, "loader"),
        description: text(json, "description"),
        source_description: text(json, "source_description"),
        columns: columns(&json["columns"]),
        meta: map(&json["meta"]),
        source_meta: map(&json["source_meta"]),
        tags: texts(&json["tags"]),
        config: NodeConfig { values: map(&json["config"]) },
        loaded_at_field: optional(json, "loaded_at_field"),
        loaded_at_query: optional(json, "loaded_at_query"),
        freshness: Some(json["freshness"].clone()).filter(|freshness| !freshness.is_null()),
    }
}

fn exposure(json: &Value) -> Exposure {
    Exposure {
        metrics: Vec::new(),
        unique_id: id(json),
        name: text(json, "name"),
        package_name: text(json, "package_name"),
        path: text(json, "path"),
        original_file_path: text(json, "original_file_path"),
        location: None,
        fqn: texts(&json["fqn"]),
        exposure_type: text(json, "type"),
        label: optional(json, "label"),
        url: optional(json, "url"),
        maturity: optional(json, "maturity"),
        description: text(json, "description"),
        owner: map(&json["owner"]),
        meta: map(&json["meta"]),
        tags: texts(&json["tags"]),
        config: NodeConfig { values: map(&json["config"]) },
        refs: refs(json),
        source_calls: source_calls(json),
        depends_on: ids(&json["depends_on"]["nodes"]),
    }
}

fn a_macro(json: &Value) -> Macro {
    Macro {
        docs: Default::default(),
        unique_id: id(json),
        name: text(json, "name"),
        package_name: text(json, "package_name"),
        path: text(json, "path"),
        original_file_path: text(json, "original_file_path"),
        macro_sql: text(json, "macro_sql"),
        description: text(json, "description"),
        meta: map(&json["meta"]),
        patch_path: optional(json, "patch_path"),
        arguments: json["arguments"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|json| MacroArgument {
                name: text(json, "name"),
                data_type: optional(json, "type"),
                description: text(json, "description"),
            })
            .collect(),
        supported_adapter: json["supported_languages"].as_array().map(|_| "default".to_owned()),
    }
}

fn columns(json: &Value) -> IndexMap<String, ColumnInfo> {
    let column = |json: &Value| ColumnInfo {
        doc_blocks: Vec::new(),
        inherited: None,
        granularity: None,
        name: text(json, "name"),
        description: text(json, "description"),
        data_type: optional(json, "data_type"),
        meta: map(&json["meta"]),
        tags: texts(&json["tags"]),
        quote: json["quote"].as_bool(),
        constraints: json["constraints"].as_array().cloned().unwrap_or_default(),
    };
    let entries = json.as_object().into_iter().flatten();
    entries.map(|(name, json)| (name.clone(), column(json))).collect()
}

fn refs(json: &Value) -> Vec<(RefCall, Option<pintail::diagnostic::Location>)> {
    let call = |json: &Value| RefCall {
        package: optional(json, "package"),
        name: text(json, "name"),
        version: optional(json, "version"),
    };
    list(&json["refs"]).iter().map(|json| (call(json), None)).collect()
}

fn source_calls(json: &Value) -> Vec<(SourceCall, Option<pintail::diagnostic::Location>)> {
    let call = |json: &Value| SourceCall {
        source: json[0].as_str().expect("a source").to_owned(),
        table: json[1].as_str().expect("a table").to_owned(),
    };
    list(&json["sources"]).iter().map(|json| (call(json), None)).collect()
}

fn each<T>(json: &Value, read: impl Fn(&Value) -> T) -> ById<T> {
    let entries = json.as_object().expect("a map");
    entries.values().map(|json| (id(json), read(json))).collect()
}

fn id(json: &Value) -> UniqueId {
    json["unique_id"].as_str().expect("an id").into()
}

fn text(json: &Value, key: &str) -> String {
    optional(json, key).unwrap_or_default()
}

fn optional(json: &Value, key: &str) -> Option<String> {
    json[key].as_str().map(str::to_owned)
}

fn list(json: &Value) -> &[Value] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn texts(json: &Value) -> Vec<String> {
    list(json).iter().map(|one| one.as_str().expect("a text").to_owned()).collect()
}

fn ids(json: &Value) -> Vec<UniqueId> {
    list(json).iter().map(|one| one.as_str().expect("an id").into()).collect()
}

fn map<S: BuildHasher + Default>(json: &Value) -> IndexMap<String, Value, S> {
    let entries = json.as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.clone(), value.clone())).collect()
}
