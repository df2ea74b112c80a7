//! Where relations go: schemas, aliases, the macros that decide on them, dispatch.

use super::support::project::{On, Project};
use super::{relations, schema};

#[test]
fn schemas_and_aliases_are_configured() {
    for project in Project::on_each(&[
        (
            "models/m.sql",
            "{{ config(schema='Extra', alias='the m', materialized='table') }} select 1 as id",
        ),
        ("models/n.sql", "select * from {{ ref('m') }}"),
    ]) {
        project.ok(&["run"]);
        assert_eq!(relations(&project, &format!("{}_Extra", schema(&project))), ["the m table"]);
        assert_eq!(project.lines("select * from n"), ["1"]);
    }
}

/// The macros see the node with its kind, its folders and its configuration.
#[test]
fn macros_of_the_project_decide_on_names() {
    let macros = "{% macro generate_schema_name(custom_schema_name, node) -%}
          {{ node.resource_type }}{{ '_' ~ node.fqn[1] if node.fqn | length > 2 }}{{ '_' ~ custom_schema_name if custom_schema_name }}
        {%- endmacro %}
        {% macro generate_alias_name(custom_alias_name=none, node=none) -%}
          {{ custom_alias_name or node.name ~ '_' ~ node.path.split('/') | length ~ node.config.materialized[0] }}
        {%- endmacro %}";
    for project in Project::on_each(&[
        ("macros/names.sql", macros),
        ("seeds/s.csv", "a\n1\n"),
        ("models/top.sql", "select * from {{ ref('s') }} -- {{ this.identifier }}"),
        (
            "models/deep/er/m.sql",
            "{{ config(schema='x', materialized='table') }} select '{{ model.name }} {{ model.unique_id }}' as a",
        ),
        ("models/deep/er/n.sql", "{{ config(alias='own') }} select * from {{ ref('m') }}"),
    ]) {
        project.ok(&["build"]);
        assert_eq!(relations(&project, "seed"), ["s_1s table"]);
        assert_eq!(relations(&project, "model"), ["top_1v view"]);
        assert_eq!(relations(&project, "model_deep_x"), ["m_3t table"]);
        assert_eq!(relations(&project, "model_deep"), ["own view"]);
        assert_eq!(project.lines("select * from model_deep.own"), ["m model.shop.m"]);
    }
}

#[test]
fn another_database_is_attached_in_duckdb() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/m.sql", "{{ config(database='other', materialized='table') }} select 1 as id"),
            (
                "models/n.sql",
                "{{ config(materialized='table') }} select id + 1 as id from {{ ref('m') }}",
            ),
        ],
    );
    let path = project.path().join("other.duckdb");
    project.file(
        "profiles.yml",
        &format!(
            "shop:\n  target: duck\n  outputs:\n    duck:\n      type: duckdb\n      path: warehouse.duckdb\n      attach: [{{path: {}, alias: other}}]\n",
            path.display()
        ),
    );
    for _ in 0..2 {
        project.ok(&["run"]);
        assert_eq!(project.lines("select * from n"), ["2"]);
        assert_eq!(relations(&project, "main"), ["n table"]);
    }
}

#[test]
fn dispatch_takes_the_engines_own() {
    let macros = "{% macro word() %}{{ return(adapter.dispatch('word', 'shop')()) }}{% endmacro %}
        {% macro default__word() %}default{% endmacro %}{% macro postgres__word() %}postgres{% endmacro %}
        {% macro only_default() %}{{ return(adapter.dispatch('only_default')()) }}{% endmacro %}{% macro default__only_default() %}fallback{% endmacro %}";
    for project in Project::on_each(&[
        ("macros/word.sql", macros),
        (
            "models/m.sql",
            "select '{{ word() }}' as a, '{{ only_default() }}' as b, '{{ target.type }}' as c",
        ),
    ]) {
        project.ok(&["run"]);
        let expected = if project.on == On::Postgres {
            "postgres|fallback|postgres"
        } else {
            "default|fallback|duckdb"
        };
        assert_eq!(project.lines("select * from m"), [expected]);
    }
}
