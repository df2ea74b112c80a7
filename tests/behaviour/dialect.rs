//! dbt's objects in templates: columns, the policies of relations, and what a template's own
//! statements leave behind.

use super::support::project::{On, Project};

#[test]
fn columns_and_relations_are_dbts() {
    let model = "
        {{ config(materialized='table') }}
        {% call statement('begins', fetch_result=True) %}select 7 as n{% endcall %}
        select '{{ api.Column('x', 'numeric', none, 10, 2).data_type }}' as decimal_type,
            '{{ api.Column('x', 'varchar', 20).can_expand_to(api.Column('x', 'varchar', 30)) }}' as grows,
            '{{ this.include(database=false).quote(schema=false).include(schema=false) }}' as name,
            {{ load_result('begins').table.columns[0].values()[0] }} as n";
    for project in Project::on_each(&[("models/m.sql", model)]) {
        project.ok(&["run"]);
        let rows = project.lines("select decimal_type, grows, name, n from m");
        assert_eq!(rows, ["numeric(10,2)|True|\"m\"|7"]);
    }
}

/// A variable is rendered where it is asked for, and what a macro puts into `context` is there for
/// the next one.
#[test]
fn variables_and_the_context_are_seen_by_macros() {
    let files = [
        (
            "dbt_project.yml",
            "name: shop\nprofile: shop\nvars:\n  mine: \"{{ this.name }}\"\n  broken: \"{{ ref('x' }}\"\n",
        ),
        (
            "macros/kept.sql",
            "{% macro keep(x) %}{% do context.update({'kept': x}) %}{% endmacro %}",
        ),
        (
            "models/m.sql",
            "{{ keep(3) }} select '{{ var('mine') }}' as a, {{ context.get('kept', 0) }} as b",
        ),
    ];
    for project in Project::on_each(&files) {
        project.ok(&["run"]);
        assert_eq!(project.lines("select a || ' ' || b::text from m"), ["m 3"]);
    }
}

/// As in dbt: what a statement gave is handed out once, so that a macro cannot mistake it for that of
/// a later statement. The main one's stays.
#[test]
fn the_result_of_a_statement_is_loaded_once() {
    let model = "
        {% call statement('n', fetch_result=True) %}select 7 as n{% endcall %}
        {% set first = load_result('n') %}{% if var('again', false) %}{% set second = load_result('n') %}{% endif %}
        select {{ first.table.rows[0][0] }} as n";
    let project = Project::new(On::DuckDb, &[("models/m.sql", model)]);
    project.ok(&["run"]);
    let said = project.fails(1, &["run", "--vars", "again: true"]).text();
    assert!(said.contains("The 'statement' result named 'n' has already been loaded"), "{said}");
}

/// Dates as PostgreSQL reads them where the client says nothing: the month comes first.
#[test]
fn dates_are_read_in_the_order_of_the_server() {
    let project =
        Project::new(On::Postgres, &[("models/m.sql", "select cast('09/12/2023' as date) as day")]);
    project.ok(&["run"]);
    assert_eq!(project.lines("select * from m"), ["2023-09-12"]);
    let database = project.database().params.dbname.clone();
    project.postgres(&format!("alter database \"{database}\" set datestyle = 'SQL, DMY'"));
    project.ok(&["run"]);
    assert_eq!(project.lines("select * from m"), ["2023-12-09"]);
}

#[test]
fn warnings_of_templates_are_told_while_parsing_and_when_they_run() {
    let model = "{% do exceptions.warn('mind the gap') %} select 1 as id";
    let project = Project::new(On::DuckDb, &[("models/m.sql", model)]);
    let told = |args: &[&str]| {
        let ran = project.ok(args);
        ran.text().lines().filter(|line| line.contains("\"JinjaLogWarning\"")).count()
    };
    assert_eq!(told(&["parse", "--log-format", "json"]), 1);
    assert_eq!(told(&["run", "--log-format", "json"]), 2);
    let silent = "{'silence': ['JinjaLogWarning']}";
    assert_eq!(told(&["run", "--log-format", "json", "--warn-error-options", silent]), 0);
    let ran = project.fails(2, &["--warn-error", "parse"]);
    assert!(ran.text().contains("models/m.sql"), "{}", ran.text());
}

/// A name is made once, while parsing: what its macro asks for has to be there then.
#[test]
fn macros_that_make_names_need_their_variables() {
    let macros = "{% macro generate_schema_name(custom, node) %}{{ var('place') }}{% endmacro %}";
    let model = "select '{{ var('later') }}' as word";
    let project = Project::new(On::DuckDb, &[("models/m.sql", model), ("macros/n.sql", macros)]);
    let vars = "{DBT_ENV_SECRET_word: hidden, b: hidden word}";
    let said = project.fails(2, &["parse", "--vars", vars]).text();
    assert!(said.contains("Required var 'place' not found in config"), "{said}");
    assert!(said.contains("Vars supplied to m = {"), "{said}");
    assert!(said.contains("\"b\": \"***** word\"") && !said.contains("hidden"), "{said}");
    project.ok(&["parse", "--vars", "place: main"]);
}

/// A namespace that is no package is as good as none: macros are looked up where plain names are.
#[test]
fn a_macro_is_dispatched_within_a_namespace_that_is_not_there() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("packages.yml", "packages: [{local: dep}]"),
            ("dep/dbt_project.yml", "name: dep\n"),
            (
                "dep/macros/own.sql",
                "{% macro own() %}{{ return(adapter.dispatch('own', 'macros')()) }}{% endmacro %}
                 {% macro default__own() %}'own'{% endmacro %}
                 {% macro added() %}{{ return(adapter.dispatch('dateadd', 'datetime')('day', 1, \"date '2020-02-28'\")) }}{% endmacro %}",
            ),
            ("dep/models/d.sql", "select {{ own() }} as a, cast({{ added() }} as date) as b"),
        ],
    );
    project.ok(&["deps"]);
    project.ok(&["run"]);
    assert_eq!(project.rows("select * from d"), [["own", "2020-02-29"]]);
    // A node of another package does not know the macros of that one without its name.
    project.file("models/m.sql", "select {{ dep.own() }} as a");
    let said = project.fails(2, &["run"]).text();
    assert!(said.contains("No macro named 'own' found within namespace: 'macros'"), "{said}");
}

#[test]
fn the_adapter_knows_the_configuration() {
    let model = "select '{{ adapter.config.quoting.schema }} {{ adapter.config.project_name }} \
                 {{ adapter.config.credentials.type }} {{ adapter.config.model_paths }}' as said";
    let project =
        Project::new(On::DuckDb, &[("models/m.sql", &model.replace("_paths", "_paths | first"))]);
    project.ok(&["run"]);
    assert_eq!(project.lines("select said from m"), ["True shop duckdb models"]);
}

/// dbt's `statement` reads its block only when it runs: a ref in it is not noted.
#[test]
fn a_statement_is_not_read_while_parsing() {
    let reads =
        "{% call statement('n') %}select * from {{ ref('one') }}{% endcall %}select 1 as id";
    let project = Project::new(
        On::DuckDb,
        &[("models/one.sql", "select 1 as id"), ("models/two.sql", reads)],
    );
    project.ok(&["parse"]);
    let two = &project.json("target/manifest.json")["nodes"]["model.shop.two"];
    assert_eq!(two["refs"], serde_json::json!([]));
    assert_eq!(two["depends_on"]["macros"], serde_json::json!(["macro.dbt.statement"]));
}

/// What a query gives is a `Decimal` in dbt, where it is no integer: it is printed as the database has
/// it, calculates without errors of floats, and compares with plain numbers.
#[test]
fn numbers_of_queries_keep_their_digits() {
    let model = "
        {% set q = 'select cast(1.50 as decimal(10,2)) as a, cast(100 as decimal(18,3)) as h,'
            ~ ' cast(\\'12345678901234567.89\\' as decimal(38,2)) as l, cast(0.1 as double precision) as d, 3 as i' %}
        {% if execute %}
        {% set t = run_query(q) %}{% set r = t.rows[0] %}
        select '{{ r.values() | join(' ') }}' as printed,
            $${{ t.columns[0].values() }}$$ as listed,
            '{{ r.a + 1 }} {{ r.a * 2 }} {{ r.l + r.a }} {{ r.h / 3 }} {{ -r.a }} {{ r.a | round(1) }} {{ r.a | int }}' as counted,
            '{{ r.a == 1.5 }} {{ r.a > 1 }} {{ r.a in [1, 1.5] }} {{ [r.h, r.i, r.a] | sort | join(' ') }} {{ r.i + 1 }}' as compared
        {% else %}select 1 as printed{% endif %}";
    for project in Project::on_each(&[("models/m.sql", model)]) {
        project.ok(&["run"]);
        let rows = project.lines("select printed, listed, counted, compared from m");
        assert_eq!(
            rows,
            ["1.50 100.000 12345678901234567.89 0.1 3|(Decimal('1.50'),)|\
              2.50 3.00 12345678901234569.39 33.33333333333333333333333333 -1.50 1.5 1|\
              True True True 1.50 3 100.000 4"]
        );
    }
}

/// Each of dbt's methods takes its arguments by name, too, and prints what dbt's prints.
#[test]
fn methods_of_the_adapter_take_dbts_arguments() {
    let macros = "
        {% macro said() %}
        {% set place = {'database': target.database, 'schema': target.schema} %}
        {% set m = adapter.get_relation(identifier='m', **place) %}
        {% set other = api.Relation.create(database=target.database, schema='other') %}
        {% set response, table = adapter.execute(sql='select 1 as a union all select 2', fetch=True, limit=1) %}
        {% set conn, cursor = adapter.add_query('select 7 as a', auto_begin=False) %}
        {% set way = adapter.get_temp_relation_path(model=m, batch_id='b1') %}
        {{ return([
            adapter.quote(identifier='a'), adapter.quote_as_configured(identifier='a', quote_key='schema'),
            adapter.quote_seed_column(column='a', quote_config=False), adapter.quote_seed_column('a', none),
            adapter.cache_added(relation=m) ~ adapter.cache_dropped(relation=m) ~ adapter.verify_database(database=target.database),
            adapter.get_hard_deletes_behavior(config={'invalidate_hard_deletes': true}),
            adapter.create_schema(relation=other), adapter.drop_schema(relation=other),
            adapter.build_catalog_relation(config=graph.nodes['model.shop.m']),
            table.rows | length, cursor.fetchall(), adapter.run_sql_for_tests('select 1, 2', 'one', conn),
            adapter.run_sql_for_tests(sql='select 1, 2', fetch='all', conn=conn),
            way.schema, way.identifier[:3] ~ way.identifier[-4:], way.identifier | length,
            way == adapter.get_temp_relation_path(m, 'b1'),
        ]) }}
        {% endmacro %}
        {% macro say() %}{% do log(said(), info=true) %}{% endmacro %}
        {% macro partitions() %}{% do adapter.get_partitions_metadata(table='m') %}{% endmacro %}
        {% macro integration() %}{% do adapter.get_catalog_integration(name='lake') %}{% endmacro %}
        {% macro elsewhere() %}{% do adapter.verify_database('elsewhere') %}{% endmacro %}
        {% macro unknown() %}{% do adapter.quote(name='m') %}{% endmacro %}";
    let expected = "['\"a\"', '\"a\"', 'a', '\"a\"', '', 'invalidate', None, None, None, 1, [(7,)], \
                    (1, 2), [(1, 2)], 'dbt_temp', 'm____b1', 19, True]";
    let files = [("models/m.sql", "select 1 as id"), ("macros/said.sql", macros)];
    for project in Project::on_each(&files) {
        project.ok(&["run"]);
        let said = project.ok(&["run-operation", "say"]).text();
        assert!(said.contains(expected), "{said}");
        for (name, message) in [
            ("partitions", "`get_partitions_metadata` is not implemented for this adapter!"),
            ("integration", "Catalog not found."),
            ("elsewhere", "Cross-db references not allowed in"),
            ("unknown", "`adapter.quote` has no argument `name`"),
        ] {
            let said = project.fails(1, &["run-operation", name]).text();
            assert!(said.contains(message), "{said}");
        }
    }
}

/// White space that was pasted from a page is space to Jinja.
#[test]
fn any_white_space_is_space_in_tags() {
    let project = Project::new(
        On::DuckDb,
        &[
            (
                "models/m.sql",
                "{% set a =\u{a0}1 %}select {{ a\u{a0}}} as id, '\u{a0}' as kept {{ own() }}",
            ),
            (
                "macros/own.sql",
                "{% macro own() %}{% set b =\u{2003}2 %}{{ later() }}{% endmacro %}{% macro later() %}{% endmacro %}",
            ),
        ],
    );
    project.ok(&["run"]);
    assert_eq!(project.lines("select id || kept from m"), ["1\u{a0}"]);
    let manifest = project.json("target/manifest.json");
    let called = &manifest["macros"]["macro.shop.own"]["depends_on"]["macros"];
    assert_eq!(*called, serde_json::json!(["macro.shop.later"]));
}
