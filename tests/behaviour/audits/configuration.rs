//! Where `publish: audited` may stand, and what it says of what cannot be audited.

use super::super::sorted;
use super::super::support::project::{On, Project};
use super::shop;

#[test]
fn ephemeral_models_empty_runs_and_deferral() {
    for project in shop("materialized='incremental', publish='audited'") {
        let model = "{{ config(materialized='incremental', publish='audited') }} select * from {{ ref('inner') }}";
        project.file("models/orders.sql", model);
        // An ephemeral model has nothing to publish, wherever it inherits that from.
        project.file("dbt_project.yml", "name: shop\nprofile: shop\nmodels: {+publish: audited}\n");
        project.file(
            "models/inner.sql",
            "{{ config(materialized='ephemeral') }} select * from {{ ref('raw') }}",
        );
        project.file(
            "models/outer.sql",
            "{{ config(materialized='ephemeral') }} select * from {{ ref('orders') }}",
        );
        project.file("tests/of_outer.sql", "select * from {{ ref('outer') }} where v > 1000");
        project.ok(&["build"]);
        project.ok(&["run", "--empty"]);
        assert_eq!(sorted(&project, "orders"), ["1|10", "2|20"]);
        std::fs::rename(project.path().join("target"), project.path().join("state")).unwrap();
        let profiles = project
            .read("profiles.yml")
            .replace("schema: main", "schema: other")
            .replace("schema: public", "schema: other");
        project.file("profiles.yml", &profiles);
        project.ok(&["build", "-s", "orders", "--defer", "--state", "state"]);
        assert_eq!(sorted(&project, "other.orders"), ["1|10", "2|20"]);
        // The ephemeral model reads what is published; so does its test.
        assert_eq!(project.status("of_outer"), "");
        project.ok(&["build", "-s", "of_outer", "--defer", "--state", "state"]);
    }
}

#[test]
fn the_configuration_is_a_change_and_stands_in_the_manifest() {
    let [project, _] = shop("materialized='table'");
    project.ok(&["parse", "--target-path", "old"]);
    let config = project.json("old/manifest.json")["nodes"]["model.shop.orders"]["config"].clone();
    assert!(config.get("publish").is_none());
    let model = "{{ config(materialized='table') }} select * from {{ ref('raw') }}";
    assert_eq!(project.read("models/orders.sql"), model);
    project.file(
        "dbt_project.yml",
        "name: shop\nprofile: shop\nmodels: {shop: {orders: {+publish: audited}}}\n",
    );
    let modified = [
        "ls",
        "-s",
        "state:modified.configs",
        "--state",
        "old",
        "--output",
        "name",
        "--resource-type",
        "model",
    ];
    assert_eq!(project.ok(&modified).stdout.trim(), "orders");
    assert_eq!(
        project
            .ok(&[
                "ls",
                "-s",
                "config.publish:audited",
                "--output",
                "name",
                "--resource-type",
                "model"
            ])
            .stdout
            .trim(),
        "orders"
    );
    project.ok(&["parse"]);
    assert_eq!(project.node("model.shop.orders")["config"]["publish"], "audited");
}

#[test]
fn what_cannot_be_audited_says_so_at_its_place() {
    let refused = |files: &[(&str, &str)], place: &str, words: &str| {
        let project = Project::new(On::DuckDb, files);
        project.file("seeds/raw.csv", "id\n1\n");
        let text = project.fails(2, &["parse"]).text();
        assert!(text.contains(place) && text.contains(words), "{text}");
    };
    let model = |config: &str| format!("{{{{ config({config}) }}}}\nselect 1 as id");
    refused(
        &[("models/m.sql", &model("publish='sometimes'"))],
        "models/m.sql:1:19",
        "'sometimes', which is not known",
    );
    refused(
        &[("models/m.sql", &model("publish=true"))],
        "models/m.sql:1:19",
        "'true', which is not known",
    );
    refused(
        &[("models/m.sql", &model("publish='audited', materialized='external'"))],
        "models/m.sql:1:19",
        "materialized as `external`, which `publish: audited` does not support",
    );
    refused(
        &[
            (
                "models/m.sql",
                &model(
                    "materialized='incremental', incremental_strategy='microbatch', event_time='id', begin='2020-01-01', batch_size='day'",
                ),
            ),
            ("models/p.yml", "models:\n  - name: m\n    config:\n      publish: audited\n"),
        ],
        "models/p.yml:4:16",
        "`m` is a microbatch model",
    );
    refused(
        &[("dbt_project.yml", "name: shop\nprofile: shop\nseeds:\n  +publish: audited\n")],
        "dbt_project.yml:4:13",
        "`raw` is a seed",
    );
    refused(
        &[
            ("models/m.sql", &model("publish='audited', materialized='table'")),
            (
                "macros/t.sql",
                "{% materialization table, adapter='duckdb' %}{{ return({'relations': []}) }}{% endmaterialization %}",
            ),
        ],
        "models/m.sql:1:19",
        "built by the materialization `table` of `shop`",
    );
    refused(
        &[
            ("models/m.sql", &model("publish='audited'")),
            ("models/n.sql", &model("alias='M__audit'")),
        ],
        "models/n.sql",
        "where the audited model `m` is built or kept",
    );
}
