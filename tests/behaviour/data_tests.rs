//! Data tests: the generic ones, singular ones, own ones, and their configuration.

use super::sorted;
use super::support::project::{On, Project};

const ROWS: (&str, &str) = (
    "models/m.sql",
    "{{ config(materialized='table') }}
     select 1 as id, 'a' as kind, 1 as parent union all select 2, 'b', 1
     union all select 2, 'c', 9 union all select null, null, null",
);

/// A project with the tests of one model in `yaml`, under `data_tests:` of its columns.
fn tested(columns: &str) -> [Project; 2] {
    let yaml = format!("version: 2\nmodels:\n  - name: m\n    columns:\n{columns}");
    let projects = Project::on_each(&[ROWS, ("models/m.yml", &yaml)]);
    for project in &projects {
        project.ok(&["run"]);
    }
    projects
}

/// Names, statuses and failures of the last run, sorted.
fn outcomes(project: &Project) -> Vec<String> {
    let json = project.json("target/run_results.json");
    let mut found: Vec<String> = json["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let name = one["unique_id"].as_str().unwrap().split('.').nth(2).unwrap();
            format!("{name} {} {}", one["status"].as_str().unwrap(), one["failures"])
        })
        .collect();
    found.sort();
    found
}

#[test]
fn the_four_generic_tests() {
    let columns = "      - name: id\n        data_tests: [unique, not_null]\n      \
                   - name: kind\n        data_tests:\n          - accepted_values: {values: [a, b]}\n          \
                   - accepted_values: {name: all_kinds, arguments: {values: [a, b, c]}}\n      \
                   - name: parent\n        data_tests:\n          - relationships: {to: ref('m'), field: id}\n          \
                   - not_null: {config: {where: 'id is not null'}}\n";
    for project in tested(columns) {
        project.fails(1, &["test"]);
        assert_eq!(
            outcomes(&project),
            [
                "accepted_values_m_kind__a__b fail 1",
                "all_kinds pass 0",
                "not_null_m_id fail 1",
                "not_null_m_parent pass 0",
                "relationships_m_parent__id__ref_m_ fail 1",
                "unique_m_id fail 1",
            ]
        );
    }
}

#[test]
fn accepted_values_may_be_numbers() {
    let columns = "      - name: id\n        data_tests:\n          - accepted_values: {values: [1, 2], quote: false}\n";
    for project in tested(columns) {
        project.ok(&["test"]);
    }
}

#[test]
fn thresholds_decide_between_pass_warn_and_fail() {
    // Three rows have an id; each test finds them all.
    let case = |name: &str, config: &str| {
        (
            format!("tests/{name}.sql"),
            format!(
                "{{{{ config({config}) }}}} select * from {{{{ ref('m') }}}} where id is not null"
            ),
        )
    };
    let cases = [
        (case("plain", "severity='error'"), "fail 3"),
        (case("warns", "severity='warn'"), "warn 3"),
        (case("warn_above", "severity='warn', warn_if='>3'"), "pass 0"),
        (case("error_above", "error_if='>3'"), "warn 3"),
        (case("both_above", "error_if='>5', warn_if='>4'"), "pass 0"),
        (case("error_reached", "error_if='>=3', warn_if='>=1'"), "fail 3"),
        (case("upper", "severity='WARN'"), "warn 3"),
        (case("limited", "limit=2, error_if='>2'"), "warn 2"),
        (case("narrowed", "where='id = 1'"), "fail 3"),
        (case("calculated", "fail_calc='sum(id)'"), "fail 5"),
        (case("none_found", "fail_calc='sum(id)', limit=0"), "pass 0"),
    ];
    for project in tested("      - name: id\n") {
        for ((path, sql), _) in &cases {
            project.file(path, sql);
        }
        project.fails(1, &["test"]);
        let mut expected: Vec<String> = cases
            .iter()
            .map(|((path, _), outcome)| {
                format!("{} {outcome}", path.trim_start_matches("tests/").trim_end_matches(".sql"))
            })
            .collect();
        expected.sort();
        assert_eq!(outcomes(&project), expected);
        // Warnings alone end well.
        project.ok(&["test", "--select", "warns", "error_above", "upper"]);
    }
}

#[test]
fn failing_rows_are_kept_where_asked_for() {
    let columns = "      - name: id\n        data_tests:\n          \
                   - not_null: {config: {store_failures: true, alias: no_id}}\n          \
                   - unique: {config: {store_failures_as: view, schema: odd, alias: twice}}\n          \
                   - unique: {name: not_kept, config: {store_failures_as: ephemeral}}\n";
    for project in tested(columns) {
        for _ in 0..2 {
            project.fails(1, &["test"]);
            let place = |schema: &str| match project.on {
                super::On::Postgres => format!("public_{schema}"),
                _ => format!("main_{schema}"),
            };
            let audit = place("dbt_test__audit");
            assert_eq!(super::relations(&project, &audit), ["no_id table"]);
            assert_eq!(
                project.lines(&format!("select parent is null, kind is null from {audit}.no_id")),
                ["true|true"]
            );
            assert_eq!(super::relations(&project, &place("odd")), ["twice view"]);
            assert_eq!(project.lines(&format!("select * from {}.twice", place("odd"))), ["2|2"]);
        }
    }
    for project in tested("      - name: id\n        data_tests: [not_null]\n") {
        project.fails(1, &["test", "--store-failures"]);
        let audit = if project.on == super::On::Postgres {
            "public_dbt_test__audit"
        } else {
            "main_dbt_test__audit"
        };
        assert_eq!(super::relations(&project, audit), ["not_null_m_id table"]);
    }
}

#[test]
fn own_generic_tests_take_arguments_and_configs() {
    let test = "{% test at_most(model, column_name, most=1, kinds=[]) %}
        {{ config(severity='warn') }}
        select * from {{ model }} where {{ column_name }} > {{ most }}
        {% if kinds %} or kind in ({% for k in kinds %}'{{ k }}'{{ ',' if not loop.last }}{% endfor %}) {% endif %}
      {% endtest %}
      {% test anything(model) %} select * from {{ model }} where 1 = 0 {% endtest %}";
    let columns = "      - name: id\n        data_tests:\n          - at_most: {most: 1}\n          \
                   - at_most: {arguments: {most: 5, kinds: [a, b]}, config: {severity: error}}\n    data_tests: [anything]\n";
    let yaml = format!("version: 2\nmodels:\n  - name: m\n    columns:\n{columns}");
    for project in
        Project::on_each(&[ROWS, ("models/m.yml", &yaml), ("tests/generic/at_most.sql", test)])
    {
        project.ok(&["run"]);
        project.fails(1, &["test"]);
        let outcomes = outcomes(&project);
        assert_eq!(outcomes[0], "anything_m_ pass 0");
        assert!(outcomes.contains(&"at_most_m_id__1 warn 2".to_owned()), "{outcomes:?}");
        assert!(outcomes.iter().any(|o| o.ends_with("fail 2")), "{outcomes:?}");
    }
}

#[test]
fn sources_and_seeds_are_tested_too() {
    let yaml = "version: 2\nsources:\n  - name: raw\n    schema: \"{{ target.schema }}\"\n    tables:\n      - name: s\n        columns:\n          \
                - name: a\n            data_tests: [not_null, unique]\nseeds:\n  - name: s\n    columns:\n      - name: a\n        data_tests: [unique]\n";
    for project in Project::on_each(&[("seeds/s.csv", "a\n1\n1\n"), ("models/s.yml", yaml)]) {
        project.ok(&["seed"]);
        project.fails(1, &["test"]);
        assert_eq!(
            outcomes(&project),
            ["source_not_null_raw_s_a pass 0", "source_unique_raw_s_a fail 1", "unique_s_a fail 1"]
        );
        assert_eq!(sorted(&project, "s"), ["1", "1"]);
    }
}

#[test]
fn a_test_that_cannot_run_is_an_error() {
    for project in tested("      - name: nope\n        data_tests: [not_null]\n") {
        let ran = project.fails(1, &["test"]);
        assert!(ran.text().contains("nope"), "{}", ran.text());
        assert_eq!(outcomes(&project), ["not_null_m_nope error null"]);
    }
}

#[test]
fn failures_are_stored_as_tables_or_views_alone() {
    let project = Project::new(
        On::DuckDb,
        &[("tests/t.sql", "{{ config(store_failures_as='error') }} select 1 as id")],
    );
    project.fails(1, &["test"]);
    let message = project.json("target/run_results.json")["results"][0]["message"].clone();
    let message = message.as_str().unwrap();
    assert!(message.starts_with("Compilation Error in test t (tests/t.sql)"), "{message}");
    assert!(
        message.contains("'error' is not a valid value for `store_failures_as`. Accepted"),
        "{message}"
    );
}

#[test]
fn descriptions_of_tests_show_docs_blocks() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/one.sql", "select 1 as id"),
            ("models/d.md", "{% docs why %}\nIt is the key.\n{% enddocs %}"),
            (
                "models/one.yml",
                "models:\n  - name: one\n    columns:\n      - name: id\n        data_tests:\n          - \
                 unique: {description: \"{{ doc('why') }}\"}\n",
            ),
        ],
    );
    project.ok(&["parse"]);
    let nodes = project.json("target/manifest.json")["nodes"].clone();
    let test = nodes.as_object().unwrap().values().find(|node| node["resource_type"] == "test");
    assert_eq!(test.unwrap()["description"], "It is the key.");
    assert_eq!(test.unwrap()["doc_blocks"], serde_json::json!(["doc.shop.why"]));
}

/// Someone put generic tests where properties of singular ones stand: dbt says so and goes on.
#[test]
fn properties_of_tests_need_a_name() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("tests/t.sql", "select 1 as id where false"),
            ("tests/t.yml", "data_tests: [not_null: {where: x}]"),
        ],
    );
    let said = project.ok(&["parse"]).text();
    assert!(said.contains("Unable to parse 'data_tests' section of file 'tests/t.yml'"), "{said}");
    assert!(said.contains("Entry did not contain a name"), "{said}");
}

#[test]
fn two_tests_that_keep_their_rows_in_one_table_are_refused() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/m.sql", "select 1 as id"),
            (
                "models/m.yml",
                "models:
  - name: m
    columns: [{name: id, data_tests: [not_null: {config: {alias: kept}}, unique: {config: {alias: kept}}]}]",
            ),
        ],
    );
    project.ok(&["build"]);
    let said = project.fails(2, &["test", "--store-failures"]).text();
    assert!(
        said.contains("would both be written to \"warehouse\".\"main_dbt_test__audit\".\"kept\""),
        "{said}"
    );
}

#[test]
fn what_arguments_of_tests_call_is_noted_once_they_are_compiled() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("packages.yml", "packages: [{local: dep}]"),
            ("dep/dbt_project.yml", "name: dep\n"),
            (
                "dep/macros/none.sql",
                "{% test none(model) %}select * from {{ model }} where false{% endtest %}",
            ),
            ("macros/none.sql", "{% test none(model) %}select 1{% endtest %}"),
            ("macros/kinds.sql", "{% macro kinds() %}{{ return([1]) }}{% endmacro %}"),
            ("models/m.sql", "select 1 as id"),
            (
                "models/m.yml",
                "models:
  - name: m
    data_tests: [{dep.none: {name: none}}]
    columns: [{name: id, data_tests: [{accepted_values: {name: known, arguments: {values: '{{ kinds() }}'}}}]}]",
            ),
        ],
    );
    project.ok(&["deps"]);
    let calls = |name: &str| {
        let manifest = project.json("target/manifest.json");
        let nodes = manifest["nodes"].as_object().cloned().unwrap_or_default();
        let node = nodes.into_iter().find(|(_, node)| node["name"] == name);
        node.map(|(_, node)| node["depends_on"]["macros"].to_string()).unwrap_or_default()
    };
    project.ok(&["parse"]);
    assert!(!calls("known").contains("macro.shop.kinds"), "{}", calls("known"));
    assert!(!calls("none").contains("macro.dep.test_none"), "{}", calls("none"));
    assert!(calls("none").contains("macro.shop.test_none"), "{}", calls("none"));
    project.ok(&["build"]);
    assert!(calls("known").contains("macro.shop.kinds"), "{}", calls("known"));
    assert!(calls("none").contains("macro.dep.test_none"), "{}", calls("none"));
}

/// A test says in which section it stands, whether there is such a node or not.
#[test]
fn a_test_names_the_entry_that_it_stands_under() {
    let project = Project::new(
        On::DuckDb,
        &[(
            "models/m.yml",
            "seeds:\n  - name: gone\n    columns: [{name: a, data_tests: [unique]}]\n",
        )],
    );
    project.ok(&["parse"]);
    let manifest = project.json("target/manifest.json");
    let tests = manifest["disabled"].as_object().into_iter().chain(manifest["nodes"].as_object());
    let all = tests.flatten().map(|(_, one)| if one.is_array() { &one[0] } else { one });
    let keys: Vec<_> = all.map(|one| one["file_key_name"].clone()).collect();
    assert_eq!(keys, ["seeds.gone"]);
}

/// What the body of a test configures is the test's, beside what its entry says.
#[test]
fn tags_and_meta_of_the_body_of_a_test_are_its_own() {
    let body = "{% test looks(model) %}{{ config(tags=['in_test'], meta={'a': 1}) }}\
                select 1 as id where 1 = 0{% endtest %}";
    let entries = "models:\n  - name: one\n    data_tests:\n      - looks: {config: {tags: [in_yaml], \
                   meta: {b: 2}}}\n      - looks: {name: second, config: {tags: in_text}}\n";
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/one.sql", "select 1 as id"),
            ("macros/looks.sql", body),
            ("models/one.yml", entries),
        ],
    );
    project.ok(&["parse"]);
    let nodes = project.json("target/manifest.json")["nodes"].clone();
    let of = |name: &str| {
        let named = |node: &&serde_json::Value| node["name"] == name;
        nodes.as_object().unwrap().values().find(named).unwrap().clone()
    };
    let (first, second) = (of("looks_one_"), of("second"));
    assert_eq!(first["tags"], serde_json::json!(["in_yaml", "in_test"]));
    assert_eq!(first["meta"], serde_json::json!({"b": 2, "a": 1}));
    let written = &first["unrendered_config"];
    assert_eq!(written["tags"], serde_json::json!(["in_yaml", "in_test", "in_yaml"]));
    assert_eq!(written["meta"], serde_json::json!({"b": 2, "a": 1}));
    let written = &second["unrendered_config"]["tags"];
    assert_eq!(*written, serde_json::json!(["in_text", "in_test", "in_text"]));
    let listed = project.ok(&["list", "--select", "tag:in_test", "--quiet"]).stdout;
    assert_eq!(listed, "shop.looks_one_\nshop.second\n");
}

/// dbt builds the names of tests from Python's numbers, and notes what a test called that failed.
#[test]
fn a_test_with_a_tiny_number_has_dbts_name() {
    let macros = "{% test near(model, column_name, within) %}select * from {{ model }} where no_such > {{ within }}{% endtest %}";
    let properties = "models: [{name: m, columns: [{name: id, data_tests: [{near: {arguments: {within: 0.0000001}}}]}]}]\n";
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/m.sql", "select 1 as id"),
            ("models/s.yml", properties),
            ("macros/near.sql", macros),
        ],
    );
    project.fails(1, &["build", "--store-failures"]);
    let manifest = project.json("target/manifest.json");
    let nodes = manifest["nodes"].as_object().expect("there are nodes");
    let (_, test) = nodes.iter().find(|(id, _)| id.starts_with("test.")).expect("there is a test");
    assert_eq!(test["name"], "near_m_id__1e_07");
    let called = &test["depends_on"]["macros"];
    assert!(called.to_string().contains("macro.dbt.should_store_failures"), "{called}");
}
