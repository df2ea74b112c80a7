//! What a project puts in the place of dbt's own for seeds, snapshots and unit tests: blocks and the
//! macros that they call.

use super::sorted;
use super::support::project::{On, Project};

const CSV: &str = "id,name,day,amount\n1,it's,2024-01-02,1.50\n2,,2024-01-03,\n";

const FOUR: &str = "
{% materialization seed, default %}
    {% do log('rows ' ~ (load_agate_table().rows | length), info=true) %}
    {% do return(dbt.materialization_seed_default()) %}
{% endmaterialization %}
{% materialization snapshot, default %}
    {% do log('snaps ' ~ model.name, info=true) %}
    {% do return(dbt.materialization_snapshot_default()) %}
{% endmaterialization %}
{% materialization unit, default %}
    {% do log('expects ' ~ (config.get('expected_rows') | length), info=true) %}
    {% do return(dbt.materialization_unit_default()) %}
{% endmaterialization %}";

const UNIT: &str = "
unit_tests:
  - name: fits
    model: m
    given: [{input: ref('s'), rows: [{id: 7, name: seven}]}]
    expect: {rows: [{id: 7, name: seven}]}
  - name: by_query
    model: m
    given: [{input: ref('s'), rows: [{id: 7, name: seven}]}]
    expect: {format: sql, rows: \"select 7 as id, 'seven' as name\"}
  - name: differs
    model: m
    given: [{input: ref('s'), rows: [{id: 7, name: seven}]}]
    expect: {rows: [{id: 8, name: seven}, {id: 7, name: seven}]}";

#[test]
fn blocks_of_a_project_end_in_those_of_seeds_snapshots_and_unit_tests() {
    for project in Project::on_each(&[
        ("macros/noted.sql", FOUR),
        ("seeds/s.csv", CSV),
        ("models/m.sql", "select id, name from {{ ref('s') }}"),
        ("models/m.yml", UNIT),
        (
            "snapshots/snap.yml",
            "snapshots:\n  - name: snap\n    relation: ref('s')\n    config: {unique_key: id, strategy: check, check_cols: all}",
        ),
    ]) {
        for turn in ["seed", "seed", "full"] {
            let flags = if turn == "full" { &["--full-refresh"][..] } else { &[] };
            let said = project.ok(&[&["seed"], flags].concat()).text();
            assert!(said.contains("rows 2"), "{said}");
            let dated = project.lines("select id, name, day, amount from s order by id");
            assert_eq!(dated, ["1|it's|2024-01-02|1.5", "2|NULL|2024-01-03|NULL"]);
            let result = &project.json("target/run_results.json")["results"][0];
            let message = if turn == "full" { "CREATE 2" } else { "INSERT 2" };
            assert_eq!(
                (&result["message"], &result["adapter_response"]["rows_affected"]),
                (&message.into(), &2.into())
            );
        }
        let said = project.fails(1, &["build", "--exclude-resource-type", "seed"]).text();
        assert!(said.contains("snaps snap") && said.contains("expects 2"), "{said}");
        assert!(said.contains("expects 0"), "{said}");
        assert!(said.contains("PASS=3 WARN=0 ERROR=1 SKIP=1"), "{said}");
        assert_eq!(project.lines("select count(*) from snap where dbt_valid_to is null"), ["2"]);
    }
}

#[test]
fn a_block_of_the_project_loads_its_seeds_by_itself() {
    for project in Project::on_each(&[
        (
            "macros/own.sql",
            "{% materialization seed, default %}
                {%- set rows = load_agate_table() -%}
                {{ run_hooks(pre_hooks) }}
                {% call statement('main') -%}
                    create table {{ this }} as (select '{{ rows.column_names | join('+') }}' as names,
                        {{ rows.rows[0]['amount'] }} as amount, '{{ rows.columns[2].values()[1].year }}' as year)
                {%- endcall %}
                {{ run_hooks(post_hooks) }}
                {{ adapter.commit() }}
                {{ return({'relations': [this]}) }}
            {% endmaterialization %}",
        ),
        ("seeds/s.csv", CSV),
        ("seeds/s.yml", "seeds: [{name: s, config: {post_hook: 'insert into {{ this }} (names) values (1)'}}]"),
    ]) {
        project.ok(&["seed"]);
        assert_eq!(sorted(&project, "s"), ["1|NULL|NULL", "id+name+day+amount|1.50|2024"]);
    }
}

/// A macro of the project's in place of one that the block calls; on DuckDB it needs no `fast: false`.
#[test]
fn macros_that_load_seeds_are_overridden() {
    for project in Project::on_each(&[
        (
            "macros/rows.sql",
            "{% macro default__load_csv_rows(model, agate_table) %}
                {%- set names = get_seed_column_quoted_csv(model, agate_table.column_names) -%}
                {%- for row in agate_table.rows -%}
                    {%- set marks = [get_binding_char()] * (row | length) -%}
                    {%- set sql = 'insert into ' ~ this.render() ~ ' (' ~ names ~ ') values (' ~ (marks | join(', ')) ~ ')' -%}
                    {%- do adapter.add_query(sql, bindings=row.values(), abridge_sql_log=True) -%}
                    {%- do adapter.add_query(sql, bindings=row.values()) -%}
                {%- endfor -%}
                {% do return('-- twice') %}
            {% endmacro %}",
        ),
        ("seeds/s.csv", CSV),
    ]) {
        for _ in 0..2 {
            project.ok(&["seed"]);
            let rows = ["1|it's|2024-01-02|1.5", "2|NULL|2024-01-03|NULL"];
            assert_eq!(sorted(&project, "s"), [rows[0], rows[0], rows[1], rows[1]]);
        }
        let shown = project.read("target/run/shop/seeds/s.csv");
        assert!(shown.contains("-- twice"), "{shown}");
    }
}

#[test]
fn names_of_other_databases_say_that_they_are() {
    for project in Project::on_each(&[(
        "macros/ask.sql",
        "{% macro default__get_relation_last_modified(information_schema, relations) %}{% do log('asked ' ~ relations, info=true) %}{% endmacro %}
        {% macro last() %}{% do get_relation_last_modified(none, [1]) %}{% endmacro %}
        {% macro single() %}{% do get_catalog_for_single_relation(api.Relation.create(identifier='x')) %}{% endmacro %}
        {% macro plugin() %}{% do store_relation('excel', api.Relation.create(identifier='x'), 'a.xlsx', 'xlsx', {}) %}{% endmacro %}",
    )]) {
        let said = project.ok(&["run-operation", "last"]).text();
        assert!(said.contains("asked [1]"), "{said}");
        let said = project.fails(1, &["run-operation", "single"]).text();
        assert!(said.contains("get_catalog_for_single_relation macro not implemented for adapter"), "{said}");
        let said = project.fails(1, &["run-operation", "plugin"]).text();
        assert!(said.contains("plugin of dbt-duckdb's"), "{said}");
    }
}

#[test]
fn views_tell_what_they_read() {
    let project = Project::new(
        On::Postgres,
        &[
            ("models/t.sql", "{{ config(materialized='table') }} select 1 as id"),
            ("models/v.sql", "select id from {{ ref('t') }}"),
            (
                "macros/ask.sql",
                "{% macro ask() %}{% for row in postgres_get_relations().rows %}{% do log(row.values() | join('/'), info=true) %}{% endfor %}{% endmacro %}",
            ),
        ],
    );
    project.ok(&["run"]);
    let said = project.ok(&["run-operation", "ask"]).text();
    assert!(said.contains("public/v/public/t"), "{said}");
}

/// Tools keep `message` of results in tables: it is dbt's, with all that the database said.
#[test]
fn messages_of_results_are_dbts_words() {
    for project in Project::on_each(&[
        ("models/ok.sql", "select 1 as id, 2 as other"),
        ("models/unknown.sql", "select\n  idd\nfrom {{ ref('ok') }}"),
        ("models/raises.sql", "select {{ outer() }} as a"),
        ("models/undefined.sql", "select {{ gone_macro() }} as a"),
        ("models/lacks.sql", "select {{ shop.gone_macro() }} as a"),
        ("models/within.sql", "select {{ looks() }} as a"),
        ("models/asks.sql", "select {{ asks() }} as a"),
        (
            "macros/m.sql",
            "{% macro outer() %}{{ inner() }}{% endmacro %}
{% macro inner() %}{{ exceptions.raise_compiler_error('no good') if execute }}{% endmacro %}
{% macro looks() %}{{ deeper() }}{% endmacro %}
{% macro deeper() %}{% if execute %}{{ gone.foo.bar }}{% endif %}{% endmacro %}
{% macro asks() %}{% if execute %}{% do run_query('select no_such_column') %}{% endif %}{% endmacro %}",
        ),
        ("models/s.yml", "models: [{name: ok, columns: [{name: nowhere, data_tests: [not_null]}]}]"),
    ]) {
        project.fails(1, &["build"]);
        let results = project.json("target/run_results.json")["results"].clone();
        let of = |id: &str| {
            let mut all = results.as_array().expect("results").iter();
            let found = all.find(|one| one["unique_id"].as_str().is_some_and(|it| it.contains(id)));
            found.expect("a result")["message"].as_str().expect("a message").to_owned()
        };
        assert_eq!(
            of("model.shop.raises"),
            "Compilation Error in model raises (models/raises.sql)
  no good
  
  > in macro inner (macros/m.sql)
  > called by macro outer (macros/m.sql)
  > called by model raises (models/raises.sql)"
        );
        assert_eq!(
            of("model.shop.within"),
            "Compilation Error in model within (models/within.sql)
  'gone' is undefined
  
  > in macro looks (macros/m.sql)
  > called by model within (models/within.sql)"
        );
        let guess = "  'gone_macro' is undefined. This can happen when calling a macro that does \
                     not exist. Check for typos and/or install package dependencies with \"dbt deps\".";
        assert!(of("model.shop.undefined").ends_with(guess), "{}", of("model.shop.undefined"));
        let guess = guess.replace("'gone_macro' is undefined", "'dict object' has no attribute 'gone_macro'");
        assert!(of("model.shop.lacks").ends_with(&guess), "{}", of("model.shop.lacks"));
        let (test, asks) = (of("test.shop.not_null"), of("model.shop.asks"));
        match project.on {
            On::DuckDb => {
                assert!(asks.starts_with(
                    "Runtime Error in model asks (models/asks.sql)
  Binder Error: Referenced column \"no_such_column\" was not found because the FROM clause is missing
  
  LINE "
                ));
                assert!(test.contains("\n  Candidate bindings: \"other\"") && test.ends_with('^'), "{test}");
            }
            On::Postgres | On::Hybrid => {
                assert!(asks.starts_with(
                    "Database Error in model asks (models/asks.sql)
  column \"no_such_column\" does not exist
  LINE "
                ));
                assert!(asks.ends_with('^'), "{asks}");
                let file = "target/run/shop/models/s.yml/not_null_ok_nowhere.sql";
                let hint = "  HINT:  Perhaps you meant to reference the column \"ok.other\".";
                let end = format!("^\n{hint}\n  compiled code at {file}");
                assert!(test.ends_with(&end), "{test}");
            }
        }
    }
}

#[test]
fn the_adapter_knows_its_switches_and_where_macros_are_looked_for() {
    let flags = "flags: {enable_truthy_nulls_equals_macro: true}\n\
                 dispatch: [{macro_namespace: dbt, search_order: [shop, dbt]}]";
    let model = "select {{ 1 if adapter.behavior.enable_truthy_nulls_equals_macro else 0 }} as a, \
                 {{ 1 if adapter.behavior.require_batched_execution_for_custom_microbatch_strategy.no_warn \
                 else 0 }} as b, '{{ adapter.config.get_macro_search_order('dbt') | join(' ') }}' as c, \
                 '{{ adapter.config.get_macro_search_order('other') }}' as d, \
                 case when {{ equals('null', 'null') }} then 1 else 0 end as e";
    for project in Project::on_each(&[("models/m.sql", model)]) {
        project.file("dbt_project.yml", &format!("name: shop\nprofile: shop\n{flags}"));
        project.ok(&["run"]);
        assert_eq!(project.lines("select * from m"), ["1|0|shop dbt|None|1"]);
        project.file("models/n.sql", "select {{ adapter.behavior.nothing_such }} as a");
        let said = project.fails(1, &["run"]).text();
        assert!(said.contains("The flag nothing_such has not been registered"), "{said}");
    }
}
