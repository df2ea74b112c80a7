//! `docs generate`: the catalog on both engines.

use super::schema;
use super::support::project::{On, Project};

#[test]
fn the_catalog_lists_what_the_database_holds() {
    for project in Project::on_each(&[
        ("seeds/s.csv", "id,word\n1,a\n"),
        ("models/m.sql", "{{ config(materialized='table') }} select id, word from {{ ref('s') }}"),
        ("models/v.sql", "select * from {{ ref('m') }}"),
        ("models/absent.sql", "select 1 as id"),
        ("assets/logo.txt", "logo"),
    ]) {
        let here = schema(&project);
        project.file(
            "models/m.yml",
            &format!("sources: [{{name: raw, schema: {here}, tables: [{{name: s}}]}}]\n"),
        );
        project.file("dbt_project.yml", "name: shop\nprofile: shop\nasset-paths: [assets]\n");
        project.ok(&["build", "--exclude", "absent"]);
        project.ok(&["docs", "generate", "--static"]);
        let catalog = project.json("target/catalog.json");
        let nodes = &catalog["nodes"];
        assert_eq!(nodes.as_object().unwrap().len(), 3, "{nodes}");
        assert_eq!(nodes["model.shop.v"]["metadata"]["type"], "VIEW");
        let table = &nodes["model.shop.m"];
        assert_eq!(table["metadata"]["type"], "BASE TABLE");
        assert_eq!(table["columns"]["word"]["index"], 2);
        let types = match project.on {
            On::DuckDb => ("INTEGER", true),
            _ => ("integer", false),
        };
        assert_eq!(table["columns"]["id"]["type"], types.0);
        assert_eq!(table["metadata"]["owner"].is_null(), types.1);
        assert_eq!(catalog["sources"]["source.shop.raw.s"]["metadata"]["name"], "s");
        assert_eq!(table["stats"]["has_stats"]["value"], false);
        assert!(project.read("target/static_index.html").contains("model.shop.m"));
        assert_eq!(project.read("target/assets/logo.txt"), "logo");
        // The compile step is recorded, as dbt does.
        assert_eq!(project.json("target/run_results.json")["args"]["which"], "generate");

        project.ok(&["docs", "generate", "--select", "v"]);
        let nodes = project.json("target/catalog.json")["nodes"].clone();
        assert_eq!(nodes.as_object().unwrap().keys().collect::<Vec<_>>(), ["model.shop.v"]);
        project.ok(&["docs", "generate", "--no-compile", "--empty-catalog"]);
        assert_eq!(project.json("target/catalog.json")["nodes"], serde_json::json!({}));
    }
}
