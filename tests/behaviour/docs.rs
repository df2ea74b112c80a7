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

#[test]
fn a_project_may_say_what_the_catalog_holds() {
    let none = |name: &str| {
        format!(
            "{{% macro {name}(information_schema, asked) %}}
            {{% do exceptions.raise_compiler_error('no {name} of ' ~ (asked[0].identifier or asked[0])) %}}
            {{% endmacro %}}"
        )
    };
    let macros = none("get_catalog") + &none("get_catalog_relations");
    for project in Project::on_each(&[
        ("models/m.sql", "{{ config(materialized='table') }} select 1 as id"),
        ("macros/catalog.sql", &macros),
    ]) {
        project.ok(&["run"]);
        // dbt-postgres alone asks for relations, and only where it knows which.
        let by_schema = format!("no get_catalog of {}", schema(&project));
        let of_nodes = match project.on {
            On::DuckDb => &*by_schema,
            _ => "no get_catalog_relations of m",
        };
        let manifest = project.path().join("target/manifest.json");
        std::fs::remove_file(&manifest).unwrap();
        let ran = project.fails(1, &["docs", "generate", "--no-compile"]);
        assert!(ran.text().contains(&by_schema), "{}", ran.text());
        assert!(!manifest.exists());
        let ran = project.fails(1, &["docs", "generate"]);
        assert!(ran.text().contains(of_nodes), "{}", ran.text());
        let ran = project.fails(2, &["--warn-error", "docs", "generate"]);
        assert!(ran.text().contains(of_nodes), "{}", ran.text());
    }
}
