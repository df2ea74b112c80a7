//! Materializations that a project writes itself, macros that it overrides, materialized views.

use super::sorted;
use super::support::project::{On, Project};

const TWICE: &str = "
{% materialization twice, default %}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- set new = make_intermediate_relation(target) -%}
    {% call statement('main') %}
        create table {{ new }} as (select * from ({{ sql }}) a union all select * from ({{ sql }}) b)
    {% endcall %}
    {% if config.get('breaks') %}{{ exceptions.raise_compiler_error('broken on purpose') }}{% endif %}
    {{ drop_relation_if_exists(load_cached_relation(this)) }}
    {{ adapter.rename_relation(new, target) }}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}";

#[test]
fn a_block_of_the_project_builds_its_models_in_a_transaction() {
    for project in Project::on_each(&[
        ("macros/twice.sql", TWICE),
        (
            "models/m.sql",
            "{{ config(materialized='twice', post_hook='insert into {{ this }} values (9)') }} select 1 as id",
        ),
    ]) {
        project.ok(&["run"]);
        assert_eq!(sorted(&project, "m"), ["1", "1", "9"]);
        let results = project.json("target/run_results.json");
        let message = results["results"][0]["message"].as_str().unwrap_or_default().to_owned();
        assert!(["OK", "SELECT 2"].contains(&message.as_str()), "{message}");
        // What it did before it failed is taken back.
        project
            .file("models/m.sql", "{{ config(materialized='twice', breaks=true) }} select 2 as id");
        let said = project.fails(1, &["run"]).text();
        assert!(said.contains("broken on purpose"), "{said}");
        let left = "select count(*) from information_schema.tables where table_name like 'm%tmp'";
        assert_eq!(project.lines(left), ["0"]);
        assert_eq!(sorted(&project, "m"), ["1", "1", "9"]);
    }
}

#[test]
fn a_block_of_the_project_takes_the_place_of_a_built_in_one() {
    let table =
        TWICE.replace("materialization twice, default", "materialization table, adapter='duckdb'");
    for (at, project) in Project::on_each(&[
        ("macros/table.sql", &table),
        ("models/m.sql", "{{ config(materialized='table') }} select 1 as id"),
    ])
    .iter()
    .enumerate()
    {
        project.ok(&["run"]);
        let rows: &[&str] = if at == 0 { &["1", "1"] } else { &["1"] };
        assert_eq!(sorted(project, "m"), rows);
    }
}

/// As packages that watch a run do: a note, then dbt's own block under its name.
const NOTED: &str = "
{% macro noted(block) %}
    {% do log('noted ' ~ model.name, info=true) %}
    {% do return(block()) %}
{% endmacro %}
{% materialization view, default %}{% do return(noted(dbt.materialization_view_default)) %}{% endmaterialization %}
{% materialization table, default %}{% do return(noted(dbt.materialization_table_default)) %}{% endmaterialization %}
{% materialization incremental, default %}{% do return(noted(dbt.materialization_incremental_default)) %}{% endmaterialization %}
{% materialization test, default %}
    {% set result = noted(dbt.materialization_test_default) %}
    {% do log('found ' ~ load_result('main').table.rows[0]['failures'], info=true) %}
    {% do return(result) %}
{% endmaterialization %}";

#[test]
fn blocks_of_a_project_end_in_those_of_dbt() {
    for (at, project) in Project::on_each(&[
        ("macros/noted.sql", NOTED),
        ("models/v.sql", "{{ config(materialized='view') }} select 1 as id"),
        (
            "models/t.sql",
            "{{ config(materialized='table', post_hook='insert into {{ this }} values (9)',
                       indexes=[{'columns': ['id']}]) }} select id from {{ ref('v') }}",
        ),
        (
            "models/i.sql",
            "{{ config(materialized='incremental', unique_key='id') }} select id from {{ ref('t') }}
            {% if is_incremental() %} union all select 10 {% endif %}",
        ),
        (
            "models/all.yml",
            "models:
  - name: t
    columns: [{name: id, data_tests: [unique, {accepted_values: {arguments: {values: [1]}, config: {severity: warn}}}]}]",
        ),
    ])
    .iter()
    .enumerate()
    {
        for rows in [&["1", "9"][..], &["1", "10", "9"]] {
            let said = project.ok(&["build", "--store-failures"]).text();
            // For DuckDB, dbt's adapter has tables and incremental models of its own, which come
            // before those for all adapters.
            for (name, noted) in [("v", true), ("t", at == 1), ("i", at == 1)] {
                assert_eq!(said.contains(&format!("noted {name}\n")), noted, "{name}: {said}");
            }
            assert!(said.contains("noted unique_t_id") && said.contains("found 0"), "{said}");
            assert!(said.contains("found 1") && said.contains("WARN=1"), "{said}");
            assert_eq!((sorted(project, "t"), sorted(project, "i")), (vec!["1".into(), "9".into()], rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>()));
        }
        let results = project.json("target/run_results.json");
        let warned = results["results"].as_array().into_iter().flatten().find(|one| one["status"] == "warn");
        let warned = warned.cloned().unwrap_or_default();
        assert_eq!((&warned["failures"], &warned["message"]), (&1.into(), &"Got 1 result, configured to warn if != 0".into()));
        let kept = warned["relation_name"].as_str().unwrap_or_default();
        assert_eq!(project.lines(&format!("select value_field from {kept}")), ["9"]);
    }
}

#[test]
fn blocks_for_duckdb_take_the_place_of_its_own_and_end_in_them() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("macros/noted.sql", &NOTED.replace("table, default", "table, adapter='duckdb'")
                .replace("dbt.materialization_table_default", "dbt_duckdb.materialization_table_duckdb")
                .replace("incremental, default", "incremental, adapter='duckdb'")
                .replace("dbt.materialization_incremental_default", "dbt_duckdb.materialization_incremental_duckdb")),
            ("models/t.sql", "{{ config(materialized='table') }} select 1 as id"),
            (
                "models/i.sql",
                "{{ config(materialized='incremental', unique_key='id', on_schema_change='append_new_columns') }}
                select id {% if is_incremental() %}, 5 as n {% endif %} from {{ ref('t') }}",
            ),
        ],
    );
    for _ in 0..2 {
        let said = project.ok(&["build"]).text();
        assert!(said.contains("noted t\n") && said.contains("noted i\n"), "{said}");
    }
    assert_eq!(project.rows("select * from i"), [["1", "5"]]);
    let left = "select count(*) from information_schema.tables where table_name not in ('t', 'i')";
    assert_eq!(project.lines(left), ["0"]);
}

#[test]
fn what_engines_have_in_common_is_called_by_the_name_of_each() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("macros/own.sql", "{% macro default__date_trunc(datepart, date) %}'own'{% endmacro %}"),
            (
                "models/m.sql",
                "select cast({{ dbt_postgres.postgres__dateadd('day', 1, \"date '2020-02-28'\") }} as date) as a,
                    {{ duckdb__string_literal('x') }} as b, {{ is_core_v2() }} as c,
                    {{ date_trunc('day', 'now()') }} as d, {{ dbt.duckdb__right(\"'abc'\", 1) }} as e",
            ),
        ],
    );
    project.ok(&["run", "-f"]);
    assert_eq!(
        project.rows("select a, b, c, d, e from m"),
        [["2020-02-29", "x", "false", "own", "c"]]
    );
    project.ok(&["show", "-f", "--select", "m"]);
}

#[test]
fn macros_that_make_relations_are_overridden() {
    let macros = "
        {% macro get_create_table_as_sql(temporary, relation, sql) %}
            create table {{ relation }} as (select 'mine' as made, * from ({{ sql }}) s)
        {% endmacro %}
        {% macro create_view_as(relation, sql) %}
            create view {{ relation }} as (select 'mine' as made, * from ({{ sql }}) s)
        {% endmacro %}";
    for project in Project::on_each(&[
        ("macros/mine.sql", macros),
        ("models/t.sql", "{{ config(materialized='table') }} select 1 as id"),
        ("models/v.sql", "{{ config(materialized='view') }} select 1 as id"),
    ]) {
        // The second run finds the relations of the first.
        for _ in 0..2 {
            project.ok(&["run"]);
            assert_eq!(sorted(&project, "t"), ["mine|1"]);
            assert_eq!(sorted(&project, "v"), ["mine|1"]);
        }
    }
}

#[test]
fn a_materialized_view_is_made_refreshed_and_replaced() {
    let project = Project::new(
        On::Postgres,
        &[
            ("seeds/s.csv", "id\n1\n"),
            (
                "models/m.sql",
                "{{ config(materialized='materialized_view', indexes=[{'columns': ['id']}]) }} select * from {{ ref('s') }}",
            ),
        ],
    );
    let kind = "select relkind::text from pg_class where relname = 'm'";
    let indexes = "select indexdef like '%UNIQUE%' from pg_indexes where tablename = 'm'";
    project.ok(&["build"]);
    assert_eq!(project.lines(kind), ["m"]);
    project.postgres("insert into s values (2)");
    assert_eq!(sorted(&project, "m"), ["1"]);
    project.ok(&["run"]);
    assert_eq!(sorted(&project, "m"), ["1", "2"]);
    assert_eq!(project.lines(indexes), ["false"]);
    // An index alone is changed in place.
    project.file(
        "models/m.sql",
        "{{ config(materialized='materialized_view', indexes=[{'columns': ['id'], 'unique': true}]) }} select * from {{ ref('s') }}",
    );
    project.ok(&["run"]);
    assert_eq!(project.lines(indexes), ["true"]);
    for (materialized, letter) in
        [("table", "r"), ("materialized_view", "m"), ("view", "v"), ("materialized_view", "m")]
    {
        project.file(
            "models/m.sql",
            &format!("{{{{ config(materialized='{materialized}') }}}} select 3 as id"),
        );
        project.ok(&["run"]);
        assert_eq!(project.lines(kind), [letter]);
        assert_eq!(sorted(&project, "m"), ["3"]);
    }
}

#[test]
fn a_block_says_which_languages_it_takes() {
    let block = |languages: &str| {
        format!(
            "{{% materialization own, default{languages} %}}
                {{% call statement('main') %}}create table {{{{ this }}}} as (select 7 as id){{% endcall %}}
                {{{{ adapter.commit() }}}}
                {{{{ return({{'relations': [this]}}) }}}}
            {{% endmaterialization %}}"
        )
    };
    let project = Project::new(
        On::Postgres,
        &[
            ("macros/own.sql", &block("")),
            (
                "models/p.py",
                "def model(dbt, session):\n    dbt.config(materialized='own')\n    return None\n",
            ),
            ("models/s.sql", "{{ config(materialized='own') }} select 1 as id"),
        ],
    );
    let refused = "Materialization \"materialization_own_default\" only supports languages";
    let said = project.fails(1, &["run"]).text();
    assert!(said.contains(&format!("{refused} ['sql']; got \"python\"")), "{said}");
    assert_eq!((project.status("p"), project.status("s")), ("error".into(), "success".into()));
    project.file("macros/own.sql", &block(", supported_languages=[\"python\"]"));
    let said = project.fails(1, &["run"]).text();
    assert!(said.contains(&format!("{refused} ['python']; got \"sql\"")), "{said}");
    assert_eq!((project.status("p"), project.status("s")), ("success".into(), "error".into()));
    assert_eq!(sorted(&project, "p"), ["7"]);
    let manifest = project.json("target/manifest.json");
    let block = &manifest["macros"]["macro.shop.materialization_own_default"];
    assert_eq!(block["supported_languages"], serde_json::json!(["python"]));
}

#[test]
fn a_block_that_returns_no_relations_fails() {
    let project = Project::new(
        On::DuckDb,
        &[
            (
                "macros/own.sql",
                "{% materialization own, default %}
                    {% call statement('main') %}select 1{% endcall %}
                {% endmaterialization %}",
            ),
            ("models/m.sql", "{{ config(materialized='own') }} select 1 as id"),
        ],
    );
    let said = project.fails(1, &["run"]).text();
    assert!(said.contains("did not explicitly return a list of relations"), "{said}");
}

#[test]
fn a_package_in_the_place_of_a_built_in_materialization_is_deprecated() {
    let flag = "require_explicit_package_overrides_for_builtin_materializations";
    let project = Project::new(
        On::DuckDb,
        &[
            ("packages.yml", "packages: [{local: dep}]"),
            ("dep/dbt_project.yml", "name: dep\n"),
            ("dep/macros/twice.sql", TWICE),
            ("dep/macros/table.sql", &TWICE.replace("twice, default", "table, adapter='duckdb'")),
            ("models/m.sql", "{{ config(materialized='table') }} select 1 as id"),
            ("models/n.sql", "{{ config(materialized='twice') }} select 1 as id"),
        ],
    );
    project.ok(&["deps"]);
    let count = "PackageMaterializationOverrideDeprecation: 1 occurrence";
    let said = project.ok(&["run"]).text();
    assert!(!said.contains(count), "{said}");
    assert_eq!((sorted(&project, "m").len(), sorted(&project, "n").len()), (1, 2));
    project
        .file("dbt_project.yml", &format!("name: shop\nprofile: shop\nflags: {{{flag}: false}}"));
    let said = project.ok(&["run"]).text();
    assert!(said.contains(count), "{said}");
    assert_eq!(sorted(&project, "m").len(), 2);
}
