//! Refs, names and relations: what only shows in the project as a whole.

use insta::assert_snapshot;

use crate::project::Project;

#[test]
fn ref_to_nothing() {
    let project = Project::new(
        "== models/customers.sql\nselect 1 as id\n== models/customer_orders.sql\nselect 1 as id\n== models/report.sql\nselect *\nfrom {{ ref('customer') }}\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn ref_to_nothing_from_properties() {
    let project = Project::new(
        "== models/schema.yml\nmodels:\n  - name: orders\n    columns:\n      - name: customer_id\n        data_tests:\n          - relationships:\n              arguments:\n                to: ref('customer')\n                field: id\n== models/orders.sql\nselect 1 as customer_id\n== models/customers.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn ref_inside_a_macro_to_nothing() {
    let project = Project::new(
        "== macros/latest.sql\n{% macro latest() %}\n  select * from {{ ref('order') }}\n{% endmacro %}\n== models/orders.sql\nselect 1 as id\n== models/report.sql\n{{ latest() }}\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn source_of_nothing() {
    let project = Project::new(
        "== models/sources.yml\nsources:\n  - name: raw\n    tables:\n      - name: orders\n== models/orders.sql\nselect *\nfrom {{ source('raw', 'order') }}\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn ref_to_a_disabled_node() {
    let project = Project::new(
        "== models/customers.sql\n{{ config(enabled=false) }}\nselect 1 as id\n== models/report.sql\nselect *\nfrom {{ ref('customers') }}\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn ref_to_a_private_node() {
    let project = Project::new(
        "== models/schema.yml\ngroups:\n  - name: sales\n    owner: {name: Ada}\n  - name: finance\n    owner: {name: Bo}\nmodels:\n  - name: customers\n    access: private\n    config: {group: sales}\n  - name: report\n    config: {group: finance}\n== models/customers.sql\nselect 1 as id\n== models/report.sql\nselect *\nfrom {{ ref('customers') }}\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn cycle() {
    let project = Project::new(
        "== models/a.sql\nselect * from {{ ref('b') }}\n== models/b.sql\nselect * from {{ ref('c') }}\n== models/c.sql\nselect *\nfrom {{ ref('a') }}\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn ref_to_itself() {
    let project = Project::new("== models/a.sql\nselect * from {{ ref('a') }}\n");
    assert_snapshot!(project.run("parse"));
}

#[test]
fn ref_that_parsing_does_not_see() {
    let project = Project::new(
        "== models/a.sql\nselect 1 as id\n== models/b.sql\n{% if execute %}\nselect * from {{ ref('a') }}\n{% endif %}\n",
    );
    assert_snapshot!(project.run("compile"));
}

#[test]
fn two_models_of_one_name() {
    let project = Project::new(
        "== models/sales/orders.sql\nselect 1 as id\n== models/finance/orders.sql\nselect 2 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn a_model_and_a_seed_of_one_name() {
    let project =
        Project::new("== models/orders.sql\nselect 1 as id\n== seeds/orders.csv\nid\n1\n");
    assert_snapshot!(project.run("parse"));
}

#[test]
fn properties_given_twice() {
    let project = Project::new(
        "== models/a.yml\nmodels:\n  - name: orders\n    description: one\n== models/b.yml\nmodels:\n  - name: orders\n    description: two\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn ambiguous_relation() {
    let project = Project::new(
        "== models/orders.sql\nselect 1 as id\n== models/orders_v2.sql\n{{ config(alias='orders') }}\nselect 2 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn a_model_name_with_quotes() {
    let project = Project::new("== models/or\"ders.sql\nselect 1 as id\n");
    assert_snapshot!(project.run("parse"));
    let project = Project::new("== models/o'brien.sql\nselect 1 as id\n");
    assert_snapshot!("a_model_name_with_an_apostrophe", project.run("parse"));
}

#[test]
fn two_engines_of_one_kind() {
    let project = Project::new(
        "== profiles.yml\nshop:\n  target: dev\n  outputs:\n    dev:\n      type: hybrid\n      engines:\n        sales: {type: duckdb, path: sales.duckdb}\n        archive: {type: duckdb, path: archive.duckdb}\n== models/orders.sql\n{{ config(engine='archive') }}\nselect 1 as id\n== models/report.sql\nselect *\nfrom {{ ref('orders') }}\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn a_column_that_cannot_cross() {
    let project = Project::hybrid(
        "== models/orders.sql\nselect 1 as id, {'a': 1} as details\n== models/served.sql\n{{ config(engine='operational') }}\nselect id\nfrom {{ ref('orders') }}\n== models/apart.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("build --no-check"));
}

/// What a node reads was never built.
#[test]
fn upstream_that_was_not_built() {
    let project = Project::hybrid(
        "== models/orders.sql\nselect 1 as id\n== models/report.sql\nselect *\nfrom {{ ref('orders') }}\n== models/served.sql\n{{ config(engine='operational') }}\nselect *\nfrom {{ ref('orders') }}\n",
    );
    assert_snapshot!(project.run("run --select report"));
    assert_snapshot!("bridge_of_what_was_not_built", project.run("run --select served"));
}

#[test]
fn a_model_name_in_unicode_works_on_both_engines() {
    let project = Project::hybrid(
        "== models/größe_顧客.sql\nselect 1 as größe\n== models/öffentlich.sql\n{{ config(engine='operational') }}\nselect größe from {{ ref('größe_顧客') }}\n== models/schema.yml\nmodels:\n  - name: öffentlich\n    columns:\n      - name: größe\n        data_tests: [not_null, unique]\n",
    );
    assert_snapshot!(project.run("build"));
    assert_snapshot!(
        "a_model_name_in_unicode_shown",
        project.run("show --select öffentlich --output json")
    );
}

#[test]
fn a_model_past_its_deprecation_date() {
    let project = Project::new(
        "== models/orders.sql\nselect 1 as id\n== models/items.sql\nselect id from {{ ref('orders') }}\n== models/schema.yml\nmodels:\n  - name: orders\n    deprecation_date: 2020-01-31\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn a_state_without_a_manifest() {
    let project = Project::new("== models/orders.sql\nselect 1 as id\n");
    assert_snapshot!(project.run("ls --select state:modified --state earlier"));
}

#[test]
fn a_contract_that_others_rely_on_is_broken() {
    let schema = |kind: &str| {
        format!(
            "models:\n  - name: orders\n    latest_version: 1\n    config: {{contract: {{enforced: true}}}}\n    columns:\n      - {{name: id, data_type: {kind}}}\n    versions:\n      - v: 1\n"
        )
    };
    let project = Project::new("== models/orders.sql\nselect 1 as id\n");
    project.write("models/schema.yml", schema("integer"));
    project.run("parse");
    let earlier = std::fs::read(project.path("target/manifest.json")).unwrap();
    project.write("earlier/manifest.json", earlier);
    project.write("models/schema.yml", schema("text"));
    assert_snapshot!(project.run("ls --select state:modified --state earlier"));
}

#[test]
fn one_of_several_disabled_twins_is_enabled() {
    let twin = "{{ config(enabled=false) }} select 1 as id\n";
    let project = Project::new(&format!(
        "== models/schema.yml\nmodels:\n  - name: twin\n    config: {{enabled: true}}\n  - name: other\n== models/a/twin.sql\n{twin}== models/b/twin.sql\n{twin}== models/other.sql\nselect 1 as id\n",
    ));
    assert_snapshot!(project.run("parse"));
}
