//! Commands that build nothing: compile, show, run-operation, clean, debug.

use serde_json::json;

use super::support::project::{On, Project};

#[test]
fn compile_needs_no_database() {
    // The output `pg` of this project leads nowhere.
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/a.sql", "select 1 as id"),
            (
                "models/eph.sql",
                "{{ config(materialized='ephemeral') }} select * from {{ ref('a') }}",
            ),
            (
                "models/sub/b.sql",
                "{{ config(materialized='table') }}\nselect * from {{ ref('eph') }}\n{% if is_incremental() %} nothing {% endif %}",
            ),
            (
                "models/i.sql",
                "{{ config(materialized='incremental') }} select 1 as id {% if is_incremental() %} nothing {% endif %}",
            ),
            ("tests/t.sql", "select * from {{ ref('a') }} where id <> 1"),
        ],
    );
    project.ok(&["compile", "--target", "pg", "--exclude", "i"]);
    assert_eq!(
        project.read("target/compiled/shop/models/sub/b.sql").trim(),
        "with __dbt__cte__eph as (\n\nselect * from \"x\".\"public\".\"a\"\n) select * from __dbt__cte__eph"
            .replace("\n\n", "\n ")
    );
    assert_eq!(
        project.read("target/compiled/shop/tests/t.sql").trim(),
        "select * from \"x\".\"public\".\"a\" where id <> 1"
    );
    project.ok(&["parse", "--target", "pg"]);
    project.ok(&["ls", "--target", "pg"]);
    project.ok(&["compile", "--target", "hybrid", "--exclude", "i"]);
    // On an engine that is there, but before the first run.
    project.ok(&["compile"]);
    let text = project.read("target/compiled/shop/models/i.sql");
    assert!(!text.contains("nothing"), "{text}");
    let ran =
        project.ok(&["compile", "--quiet", "--inline", "select {{ 1 + 1 }} from {{ ref('a') }}"]);
    assert_eq!(ran.stdout.trim(), "select 2 from \"warehouse\".\"main\".\"a\"");
}

/// As in dbt, the limit stands behind the query; what is no query takes none.
#[test]
fn the_limit_of_show_stands_behind_the_query() {
    for project in Project::on_each(&[("models/m.sql", "select 1 as id")]) {
        let said = project.fails(2, &["show", "--inline", "select 1 as n limit 1"]).text();
        assert!(said.contains("syntax error at or near \"limit\""), "{said}");
        let said = project.ok(&["show", "--quiet", "--inline", "select 1 as n -- one\n;"]).stdout;
        assert!(said.contains("| 1 |"), "{said}");
        let words = match project.on {
            On::Postgres => "show server_encoding",
            _ => "show tables",
        };
        project.ok(&["show", "--inline", words]);
    }
}

/// Also what an adapter is asked for needs a connection.
#[test]
fn without_introspection_templates_cannot_ask_the_adapter() {
    for project in Project::on_each(&[
        ("models/a.sql", "select 1 as id"),
        (
            "models/b.sql",
            "{% set columns = adapter.get_columns_in_relation(ref('a')) %}select {{ columns | length }} as n",
        ),
    ]) {
        project.ok(&["compile"]);
        let said = project.fails(2, &["compile", "--no-introspect"]).text();
        assert!(said.contains("connection never acquired for thread"), "{said}");
    }
}

#[test]
fn show_prints_rows_of_models_and_queries() {
    for project in Project::on_each(&[
        (
            "models/m.sql",
            "select 1 as id, 'a,b' as t union all select 2, null union all select 3, 'c'",
        ),
        (
            "models/e.sql",
            "{{ config(materialized='ephemeral') }} select max(id) as top from {{ ref('m') }}",
        ),
    ]) {
        project.ok(&["run"]);
        let show = |args: &[&str]| project.ok(&[&["show", "--quiet"], args].concat()).stdout;
        assert_eq!(show(&["--select", "m", "--output", "csv", "--limit", "2"]).lines().count(), 3);
        let json: serde_json::Value = serde_json::from_str(&show(&[
            "--inline",
            "select * from {{ ref('e') }}",
            "--output",
            "json",
        ]))
        .unwrap();
        assert!(json.to_string().contains(r#"{"top":3}"#), "{json}");
        assert_eq!(
            show(&[
                "--inline",
                "select id, t from {{ ref('m') }} where id < {{ var('n', 3) }} order by id",
                "--output",
                "csv"
            ]),
            "id,t\n1,\"a,b\"\n2,\n"
        );
        assert_eq!(
            show(&[
                "--inline",
                "select * from {{ ref('m') }} -- comment",
                "--limit",
                "-1",
                "--output",
                "csv"
            ])
            .lines()
            .count(),
            4
        );
        let table = show(&["--select", "m"]);
        assert!(table.contains("a,b") && table.contains("id"), "{table}");
        let ran = project.run(&["show", "--inline", "select nope from {{ ref('m') }}"]);
        assert!(ran.code != 0 && ran.text().contains("nope"), "{}", ran.text());
    }
}

#[test]
fn operations_run_macros_with_arguments() {
    let macros = "{% macro fill(n, word='x', items=[]) %}
          {% do run_query('create table if not exists filled (n integer, w varchar(20))') %}
          {% do run_query(\"insert into filled values (\" ~ n ~ \", '\" ~ word ~ (items | length) ~ \"')\") %}
          {% set found = run_query('select n, w from filled order by n') %}
          {{ log('rows: ' ~ found.rows | length ~ ', first: ' ~ found.columns[0].values()[0] ~ ', names: ' ~ found.column_names | join('+'), info=True) }}
        {% endmacro %}
        {% macro own_name() %}
          {{ log(invocation_args_dict.macro ~ ' in ' ~ invocation_args_dict.profiles_dir, info=True) }}
        {% endmacro %}
        {% macro breaks() %}{% do run_query('select * from nowhere') %}{% endmacro %}";
    for project in Project::on_each(&[("macros/fill.sql", macros)]) {
        let ran =
            project.ok(&["run-operation", "fill", "--args", "{n: 2, word: y, items: [1, 2]}"]);
        assert!(ran.text().contains("rows: 1, first: 2, names: n+w"), "{}", ran.text());
        project.ok(&["run-operation", "fill", "--args", "n: 1"]);
        assert_eq!(project.lines("select * from filled order by n"), ["1|x0", "2|y2"]);
        assert_ne!(project.run(&["run-operation", "breaks"]).code, 0);
        let said = project.ok(&["run-operation", "own_name"]).text();
        assert!(said.contains("own_name in ") && said.contains(project.path().to_str().unwrap()));
        assert_eq!(project.fails(2, &["run-operation", "none_such"]).code, 2);
    }
}

#[test]
fn clean_removes_what_it_is_told_to() {
    let project = Project::new(On::DuckDb, &[("models/m.sql", "select 1 as id")]);
    project.file("dbt_project.yml", "name: shop\nprofile: shop\nclean-targets: [target, extra]\n");
    project.file("extra/x", "").file("kept/x", "");
    project.ok(&["compile"]);
    project.ok(&["clean"]);
    assert!(!project.path().join("target").exists() && !project.path().join("extra").exists());
    assert!(project.path().join("kept/x").exists() && project.path().join("models/m.sql").exists());
    // Without `clean-targets` it is what the command line takes for the target.
    project.file("dbt_project.yml", "name: shop\nprofile: shop\n");
    project.file("target/x", "").file("other/x", "");
    project.ok(&["clean", "--target-path", "other"]);
    assert!(project.path().join("target/x").exists() && !project.path().join("other").exists());
}

#[test]
fn debug_says_what_is_wrong() {
    let project = Project::new(On::Hybrid, &[("models/m.sql", "select 1 as id")]);
    project.ok(&["debug"]);
    let broken = Project::new(On::DuckDb, &[("models/m.sql", "select 1 as id")]);
    broken.ok(&["debug"]);
    assert_ne!(broken.run(&["debug", "--target", "pg"]).code, 0);
    let lacking = "name: shop\nprofile: shop\nmodels: {shop: {+alias: \"{{ var('no_such') }}\"}}\n";
    broken.file("dbt_project.yml", lacking);
    assert!(broken.fails(2, &["debug"]).text().contains("Required var 'no_such' not found"));
}

#[test]
fn target_path_and_project_dir_are_followed() {
    let project = Project::new(On::DuckDb, &[("models/m.sql", "select 1 as id")]);
    let outside = tempfile::tempdir().unwrap();
    let mut command = project.command(&["run", "--target-path", "elsewhere", "--project-dir"]);
    let status = command.arg(project.path()).current_dir(outside.path()).output().unwrap().status;
    assert!(status.success());
    assert!(outside.path().join("elsewhere/manifest.json").exists());
    assert!(project.duckdb_path().exists());
}

/// Two runs, their failing rows, and what the store's commands print of them.
#[test]
fn history_and_failures_read_the_store() {
    let project = Project::new(
        On::Hybrid,
        &[
            ("models/m.sql", "select 1 as id, 'secret' as word union all select null, 'lost'"),
            (
                "models/m.yml",
                "version: 2\nmodels: [{name: m, columns: [{name: id, data_tests: [not_null]}]}]\n",
            ),
        ],
    );
    project.fails(1, &["build"]);
    project.ok(&["run"]);
    let history = project.ok(&["history", "--quiet"]).stdout;
    assert!(history.contains("build") && history.contains("run"), "{history}");
    let run = super::support::project::lines(
        project
            .postgres("select run_id from etl_orchestration.pipeline_runs where command = 'build'"),
    );
    let failures = project.ok(&["failures", "--quiet", "--run", &run[0]]).stdout;
    assert!(failures.contains("not_null_m_id"), "{failures}");
    let rows = project
        .ok(&["failures", "not_null_m_id", "--quiet", "--run", &run[0], "--output", "json"])
        .stdout;
    assert!(rows.contains("id"), "{rows}");
}

#[test]
fn retry_runs_what_did_not_succeed() {
    for project in Project::on_each(&[
        ("models/good.sql", "select 1 as id"),
        ("models/bad.sql", "select id from {{ ref('good') }} where {{ var('x', 'nope') }} = id"),
        ("models/reader.sql", "select * from {{ ref('bad') }}"),
    ]) {
        project.fails(1, &["build"]);
        assert_eq!(project.status("reader"), "skipped");
        project.fails(1, &["retry"]);
        assert_eq!(project.status("good"), "", "it succeeded before");
        project.ok(&["retry", "--vars", "x: 1"]);
        assert_eq!(project.statuses().len(), 2);
        assert_eq!(project.json("target/run_results.json")["args"]["which"], "build");
        let ran = project.ok(&["retry"]);
        assert!(ran.text().contains("Nothing to do"), "{}", ran.text());
    }
}

#[test]
fn freshness_holds_sources_against_their_limits() {
    for project in Project::on_each(&[
        (
            "seeds/loads.csv",
            "id,loaded_at\n1,2020-01-01 00:00:00\n2,2020-01-02 12:00:00\n3,2100-01-01 00:00:00\n",
        ),
        ("models/none.sql", "select 1 as id"),
    ]) {
        let here = super::schema(&project);
        let limits = "{warn_after: {count: 1, period: day}, filter: id < 3}";
        let tables = "[{name: loads}, \
              {name: old, identifier: loads, config: {freshness: {error_after: {count: 2, period: hour}}}}, \
              {name: asked, identifier: loads, loaded_at_query: \"select max(loaded_at) from {{ this }}\"}, \
              {name: late, identifier: loads, freshness: {error_after: null}}, \
              {name: off, identifier: loads, freshness: null}]";
        project.file(
            "models/sources.yml",
            &format!(
                "sources: [{{name: raw, schema: {here}, loaded_at_field: loaded_at, freshness: {limits}, tables: {tables}}}]\n"
            ),
        );
        project.ok(&["seed"]);
        let ran = project.fails(1, &["source", "freshness"]);
        assert!(ran.text().contains("ERROR STALE freshness of raw.old"), "{}", ran.text());
        let json = project.json("target/sources.json");
        let results = json["results"].as_array().unwrap();
        let found = |name: &str| {
            let id = format!("source.shop.raw.{name}");
            results
                .iter()
                .find(|r| r["unique_id"] == id.as_str())
                .unwrap_or(&serde_json::Value::Null)
        };
        assert_eq!(found("loads")["status"], "warn");
        assert_eq!(found("loads")["max_loaded_at"], "2020-01-02T12:00:00+00:00");
        assert_eq!(found("old")["status"], "error");
        assert_eq!(found("old")["criteria"]["warn_after"]["period"], "day");
        assert_eq!(found("asked")["status"], "pass");
        assert!(found("off").is_null());
        assert!(found("loads")["criteria"]["error_after"].is_object());
        assert!(found("late")["criteria"].get("error_after").is_some_and(|limit| limit.is_null()));
        project.ok(&["source", "freshness", "--select", "source:raw.loads", "-o", "own.json"]);
        assert_eq!(project.json("own.json")["results"].as_array().unwrap().len(), 1);
        // A macro as it was written before dbt 1.5.
        project.file(
            "macros/collect_freshness.sql",
            "{% macro collect_freshness(source, loaded_at_field, filter) %}{{ return(run_query(
             'select max(' ~ loaded_at_field ~ '), current_timestamp from ' ~ source ~ ' where ' ~ filter)) }}{% endmacro %}",
        );
        let said = project.ok(&["source", "freshness", "--select", "source:raw.loads"]).text();
        assert!(said.contains("The macro `collect_freshness` gives a table"), "{said}");
    }
}

#[test]
fn clone_makes_views_upon_another_state() {
    for project in Project::on_each(&[
        ("models/m.sql", "{{ config(materialized='table') }} select 1 as id"),
        (
            "macros/schema.sql",
            "{% macro generate_schema_name(name, node) %}{{ var('schema', target.schema) }}{% endmacro %}",
        ),
    ]) {
        project.ok(&["run", "--vars", "schema: prod", "--target-path", "state"]);
        let args = ["clone", "--state", "state", "--vars", "schema: dev"];
        project.ok(&args);
        assert_eq!(project.lines("select * from dev.m"), ["1"]);
        assert_eq!(super::relations(&project, "dev"), ["m view"]);
        let again = project.ok(&args);
        assert!(again.text().contains("already exists"), "{}", again.text());
        project.ok(&[&args[..], &["--full-refresh"]].concat());
        project.fails(2, &["clone", "--state", "nowhere"]);
    }
}

/// `clone` is looked up like any materialization.
#[test]
fn clone_runs_the_projects_own_block() {
    let block = "{% materialization clone, default %}
{% if not defer_relation %}{{ return({'relations': []}) }}{% endif %}
{% set target = this.incorporate(type='table') %}
{% call statement('main') %}create table {{ target }} as ({{ sql }} where id > 1){% endcall %}
{% do adapter.commit() %}
{{ log('cloned ' ~ defer_relation.schema ~ ' as ' ~ model.name, info=True) }}
{{ return({'relations': [target]}) }}{% endmaterialization %}";
    for project in Project::on_each(&[
        ("models/m.sql", "{{ config(materialized='table') }} select 1 as id union all select 2"),
        ("models/later.sql", "{{ config(enabled=var('later', false)) }} select 1 as id"),
        (
            "macros/schema.sql",
            "{% macro generate_schema_name(name, node) %}{{ var('schema', target.schema) }}{% endmacro %}",
        ),
        ("macros/clone.sql", block),
    ]) {
        project.ok(&["run", "--vars", "schema: prod", "--target-path", "state"]);
        let ran =
            project.ok(&["clone", "--state", "state", "--vars", "{schema: dev, later: true}"]);
        assert!(ran.text().contains("cloned prod as m"), "{}", ran.text());
        assert_eq!(project.lines("select * from dev.m"), ["2"]);
        assert_eq!(super::relations(&project, "dev"), ["m table"]);
        let results = project.json("target/run_results.json")["results"].clone();
        let of = |id: &str| {
            let all = results.as_array().expect("results").iter();
            all.clone().find(|one| one["unique_id"] == id).expect("a result").clone()
        };
        assert_eq!(of("model.shop.later")["message"], "No-op");
        let said = of("model.shop.m")["message"].clone();
        assert!(said == "SELECT 1" || said == "OK", "{said}");
    }
}

#[test]
fn init_makes_a_project_that_builds() {
    let outside = tempfile::tempdir().unwrap();
    let run = |args: &[&str], folder: &std::path::Path| {
        let mut command = super::support::project::pintail();
        command.args(args).current_dir(folder).env("HOME", outside.path()).output().unwrap()
    };
    std::fs::write(
        outside.path().join("profiles.yml"),
        "own: {target: dev, outputs: {dev: {type: duckdb, path: own.duckdb}}}\n",
    )
    .unwrap();
    let made = run(&["init", "trial", "--profile", "own", "--profiles-dir", "."], outside.path());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let project = outside.path().join("trial");
    let ran = run(&["run", "--profiles-dir", ".."], &project);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    let refused = run(&["init", "3x"], outside.path());
    assert!(!refused.status.success());
}

#[test]
fn logs_are_events_under_dbts_names() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/m.sql", "{{ config(group='g') }}{{ log('told', info=True) }} select 1 as id"),
            ("models/m.yml", "groups: [{name: g, owner: {name: me}}]"),
        ],
    );
    let ran = project.ok(&["run", "--log-format", "json", "--log-level", "debug"]);
    let events: Vec<serde_json::Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| events.iter().find(|event| event["info"]["name"] == name).unwrap();
    let result = of("LogModelResult");
    assert_eq!(result["info"]["code"], "Q012");
    assert_eq!(result["data"]["node_info"]["unique_id"], "model.shop.m");
    assert_eq!(result["data"]["node_info"]["node_status"], "success");
    assert_eq!(result["data"]["group"]["owner"]["name"], "me");
    assert_eq!(of("NodeFinished")["data"]["run_result"]["status"], "success");
    assert_eq!(of("JinjaLogInfo")["info"]["msg"], "told");
    assert_eq!(of("StatsLine")["data"]["stats"]["pass"], 1);
    project.ok(&["run", "--log-path", "elsewhere"]);
    let text = project.read("elsewhere/dbt.log");
    assert!(text.contains("[info ] [MainThread]: Done. PASS=1"), "{text}");
    let quiet = project.ok(&["run", "--quiet"]);
    assert_eq!(quiet.stdout, "");
    assert!(project.read("logs/dbt.log").contains("Completed successfully"));
}

#[test]
fn exposures_take_part_in_a_build_and_do_nothing() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/good.sql", "select 1 as id"),
            ("models/bad.sql", "select nothing"),
            (
                "models/schema.yml",
                "exposures:\n  - {name: shown, type: dashboard, owner: {email: a@b.c}, depends_on: [ref('good')]}\n  \
                 - {name: broken, type: dashboard, owner: {email: a@b.c}, depends_on: [ref('bad')]}\n  \
                 - {name: hidden, type: dashboard, owner: {email: a@b.c}, config: {enabled: false}}\n",
            ),
        ],
    );
    let said = project.fails(1, &["build"]).text();
    assert!(said.contains("NO-OP exposure shown"), "{said}");
    assert!(said.contains("PASS=1 WARN=0 ERROR=1 SKIP=1 NO-OP=1 TOTAL=4"), "{said}");
    assert_eq!(project.status("shown"), "no-op");
    assert_eq!(project.status("broken"), "skipped");
    let manifest = project.json("target/manifest.json");
    assert_eq!(manifest["disabled"]["exposure.shop.hidden"][0]["name"], "hidden");
    // Nobody runs them by themselves.
    let said = project.ok(&["run", "--select", "+exposure:shown"]).text();
    assert!(said.contains("TOTAL=1"), "{said}");
}

/// What artifacts say of things that are inside of others, or that have nothing to run.
#[test]
fn artifacts_tell_of_ephemeral_models_exposures_and_unit_tests() {
    let project = Project::new(
        On::DuckDb,
        &[
            (
                "dbt_project.yml",
                "name: shop\nprofile: shop\nlog-path: told\nmodels: {+tags: [a]}\n",
            ),
            ("models/inner.sql", "{{ config(materialized='ephemeral') }} select 1 as id"),
            ("macros/star.sql", "{% macro star() %}*{% endmacro %}"),
            (
                "models/last.sql",
                "select {% if execute %}{{ star() }}{% endif %} from {{ ref('outer') }}",
            ),
            ("models/outer.sql", "{{ config(tags=['a', 'c']) }}select * from {{ ref('inner') }}"),
            (
                "models/all.yml",
                "models:
  - {name: outer, config: {tags: [b]}, columns: [{name: id, data_tests: [unique]}]}
  - {name: inner, columns: [{name: id, data_tests: [not_null]}]}
exposures: [{name: board, type: dashboard, owner: {name: us}, depends_on: [ref('outer')]}]
unit_tests:
  - {name: one, model: last, given: [{input: ref('outer'), rows: [{id: 2}]}], expect: {rows: [{id: 2}]}}
sources:
  - name: raw
    tables: [{name: t, loaded_at_field: at, freshness: {warn_after: {count: 1, period: day}}}]
",
            ),
        ],
    );
    project.ok(&["build"]);
    let outer = project.node("model.shop.outer");
    let sql = " __dbt__cte__inner as (\n select 1 as id\n)";
    assert_eq!(outer["extra_ctes"], json!([{"id": "model.shop.inner", "sql": sql}]));
    assert_eq!(outer["config"]["tags"], json!(["a", "b", "a", "c"]));
    assert_eq!(outer["tags"], json!(["a", "c", "b"]));

    // What is called below `execute` is known once it is compiled.
    let macros = json!(["macro.shop.star"]);
    assert_eq!(project.node("model.shop.last")["depends_on"]["macros"], macros);

    let results = project.json("target/run_results.json");
    assert!(results["args"]["log_path"].as_str().is_some_and(|path| path.ends_with("/told")));
    let of = |name: &str| {
        let mut all = results["results"].as_array().expect("a list").iter();
        all.find(|one| one["unique_id"].as_str().is_some_and(|id| id.ends_with(name)))
    };
    let timing = |name: &str| of(name).and_then(|one| one["timing"].as_array()).map(Vec::len);
    assert_eq!(timing("exposure.shop.board"), Some(2));
    assert_eq!(of("shop.last.one").expect("it ran")["adapter_response"]["_message"], "OK");
    let folder = "models/all.yml";
    let rows = project.read(&format!("target/compiled/shop/{folder}/outer.sql"));
    assert!(rows.contains("-- Fixture for outer"), "{rows}");
    assert!(!project.read(&format!("target/run/shop/{folder}/models/one.sql")).is_empty());

    let manifest = project.json("target/manifest.json");
    let freshness = &manifest["sources"]["source.shop.raw.t"]["unrendered_config"]["freshness"];
    assert_eq!(freshness["warn_after"]["count"], 1);
    // As dbt makes it, so that a state of dbt's tells what was modified.
    assert_eq!(
        manifest["unit_tests"]["unit_test.shop.last.one"]["checksum"],
        "4cd5ccbad4adc070d140dad10a448a1a8df781dc779719acc0ef255e857d0af4"
    );

    project.ok(&["test", "--store-failures", "--select", "test_type:data"]);
    assert_eq!(project.node("model.shop.inner")["compiled"], true);
    let tests = project.json("target/manifest.json")["nodes"].clone();
    let tests = tests.as_object().expect("nodes").iter().filter(|(id, _)| id.starts_with("test."));
    tests.for_each(|(id, test)| assert!(test["relation_name"].is_string(), "{id}"));

    let listed = project.ok(&["list", "--resource-type", "unit_test", "--output", "json"]).stdout;
    assert!(!listed.contains("alias") && !listed.contains("tags\": [\"a"), "{listed}");
    let keys = ["--output", "json", "--output-keys", "name model"];
    let listed =
        project.ok(&[&["list", "--resource-type", "unit_test"], &keys[..]].concat()).stdout;
    assert!(listed.contains("\"model\""), "{listed}");
}

/// As in dbt: once while the project is read, once where the model is compiled.
#[test]
fn templates_are_heard_while_they_are_parsed() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("macros/m.sql", "{% macro said() %}{{ log('in a macro', info=true) }}1{% endmacro %}"),
            (
                "models/a.sql",
                "{{ log('in a model', info=true) }}{{ print('printed') }}{{ log('for the file') }}\
                 select {{ said() }} as id, {{ modules.itertools.chain([1]) | list | length }} as n",
            ),
            ("models/b.sql", "{{ log('in another', info=true) }} select 1 as id"),
        ],
    );
    let said = |text: &str| {
        let lines = text.lines().filter(|line| line.starts_with("in a") || *line == "printed");
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let ran = project.ok(&["--no-partial-parse", "parse"]);
    let expected = ["in a model", "printed", "in a macro", "in another"];
    assert_eq!(said(&ran.stdout), expected);
    let deprecated = "Usage of itertools modules is deprecated";
    assert_eq!(ran.text().matches(deprecated).count(), 1, "{}", ran.text());
    let log = project.read("logs/dbt.log");
    assert!(log.contains("[debug] [MainThread]: for the file"), "{log}");
    assert!(log.contains("Partial parsing not enabled"), "{log}");

    let ran = project.ok(&["run", "--threads", "1"]);
    assert_eq!(said(&ran.stdout), [expected, expected].concat());
    let reused = "from the pool (formerly model.shop.a, now model.shop.b)";
    let log = project.read("logs/dbt.log");
    assert!(log.contains(reused), "{log}");
}
