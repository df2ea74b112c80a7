//! Configuration: which level wins, what is merged, variables, docs, groups.

use super::sorted;
use super::support::project::{On, Project};

#[test]
fn the_file_stands_above_properties_above_the_project() {
    let project = Project::new(
        On::DuckDb,
        &[
            (
                "dbt_project.yml",
                "name: shop\nprofile: shop\nmodels:\n  +materialized: table\n  +tags: [everywhere]\n  +meta: {owner: root, level: 1}\n  shop:\n    deep:\n      \
             +materialized: view\n      tags: deep\n      +meta: {level: 2}\n",
            ),
            ("models/top.sql", "select 1 as id"),
            ("models/deep/by_folder.sql", "select 1 as id"),
            ("models/deep/by_properties.sql", "select 1 as id"),
            (
                "models/deep/by_file.sql",
                "{{ config(materialized='incremental', tags=['file'], meta={'own': true}) }} select 1 as id",
            ),
            (
                "models/properties.yml",
                "version: 2\nmodels:\n  - name: by_properties\n    config: {materialized: table, tags: [yml], meta: {level: 3}}\n  \
             - name: by_file\n    config: {materialized: table, tags: [yml], meta: {level: 3}}\n",
            ),
        ],
    );
    project.ok(&["parse"]);
    let found = |name: &str| {
        let node = project.node(&format!("model.shop.{name}"));
        let mut tags: Vec<String> = node["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| tag.as_str().unwrap().to_owned())
            .collect();
        tags.sort();
        format!(
            "{} {} {}",
            node["config"]["materialized"].as_str().unwrap(),
            tags.join("+"),
            node["meta"]
        )
    };
    assert_eq!(found("top"), r#"table everywhere {"owner":"root","level":1}"#);
    assert_eq!(found("by_folder"), r#"view deep+everywhere {"owner":"root","level":2}"#);
    assert_eq!(found("by_properties"), r#"table deep+everywhere+yml {"owner":"root","level":3}"#);
    assert_eq!(
        found("by_file"),
        r#"incremental deep+everywhere+file+yml {"owner":"root","level":3,"own":true}"#
    );
}

#[test]
fn variables_come_from_the_nearest() {
    let mut project = Project::new(On::DuckDb, &[
        ("dbt_project.yml", "name: shop\nprofile: shop\nvars:\n  a: general\n  b: general\n  n: 5\n  shop:\n    b: own\n"),
        (
            "models/m.sql",
            "select '{{ var(\"a\") }}' as a, '{{ var(\"b\") }}' as b, {{ var('n') + 1 }} as n, '{{ var(\"none\", \"default\") }}' as d,
             '{{ env_var(\"SHOP_WORD\", \"unset\") }}' as e",
        ),
    ]);
    project.ok(&["run"]);
    assert_eq!(sorted(&project, "m"), ["general|own|6|default|unset"]);
    project.env("SHOP_WORD", "set");
    project.ok(&["run", "--vars", "{b: line, n: 7}"]);
    assert_eq!(sorted(&project, "m"), ["general|line|8|default|set"]);
    let ran = project.run(&["run", "--vars", "{a: [1, 2]}"]);
    assert_eq!(ran.code, 0, "{}", ran.text());
    project.file("models/missing.sql", "select '{{ env_var(\"SHOP_NONE\") }}' as x");
    let ran = project.fails(2, &["parse"]);
    assert!(ran.text().contains("SHOP_NONE"), "{}", ran.text());
}

#[test]
fn docs_blocks_fill_descriptions() {
    let project = Project::new(
        On::DuckDb,
        &[
            (
                "models/docs.md",
                "{% docs the_id %}\nWho it **is**.\n{% enddocs %}\n{% docs other %}Other{% enddocs %}",
            ),
            ("models/m.sql", "select 1 as id"),
            (
                "models/m.yml",
                "version: 2\nmodels:\n  - name: m\n    description: \"Has {{ doc('other') }} and {{ doc('shop', 'the_id') }}\"\n    columns:\n      - {name: id, description: \"{{ doc('the_id') }}\"}\n",
            ),
        ],
    );
    project.ok(&["parse"]);
    let node = project.node("model.shop.m");
    assert_eq!(node["description"], "Has Other and Who it **is**.");
    assert_eq!(node["columns"]["id"]["description"], "Who it **is**.");
}

#[test]
fn a_private_model_is_read_within_its_group_only() {
    let groups = "version: 2\ngroups:\n  - {name: a, owner: {name: x}}\n  - {name: b, owner: {name: y}}\nmodels:\n  \
                  - {name: hidden, config: {group: a, access: private}}\n  - {name: friend, config: {group: a}}\n";
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/groups.yml", groups),
            ("models/hidden.sql", "select 1 as id"),
            ("models/friend.sql", "select * from {{ ref('hidden') }}"),
        ],
    );
    project.ok(&["build"]);
    assert_eq!(project.node("model.shop.hidden")["access"], "private");
    project
        .file("models/stranger.sql", "{{ config(group='b') }} select * from {{ ref('hidden') }}");
    let ran = project.fails(2, &["parse"]);
    assert!(ran.text().contains("hidden"), "{}", ran.text());
}

#[test]
fn disabled_nodes_are_not_there() {
    let project = Project::new(
        On::DuckDb,
        &[
            (
                "dbt_project.yml",
                "name: shop\nprofile: shop\nmodels: {shop: {shut: {+enabled: false}}}\n",
            ),
            ("models/shut/a.sql", "select * from {{ ref('nothing') }}"),
            ("models/shut/b.sql", "{{ config(enabled=true) }} select 1 as id"),
            ("models/c.sql", "{{ config(enabled=var('c', false)) }} select 2 as id"),
            (
                "models/a.yml",
                "version: 2\nmodels: [{name: a, columns: [{name: id, data_tests: [unique]}]}]\n",
            ),
        ],
    );
    project.ok(&["build"]);
    assert_eq!(project.statuses(), [("b".to_owned(), "success".to_owned())]);
    project.ok(&["build", "--vars", "c: true"]);
    assert_eq!(project.statuses().len(), 2);
}

/// dbt lists tests of what is disabled or missing among the nodes, disabled, and runs none of them.
#[test]
fn tests_of_what_is_not_there_are_idle() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/off.sql", "{{ config(enabled=false) }} select 1 as id"),
            ("models/on.sql", "select 1 as id"),
            ("tests/reads_off.sql", "select * from {{ ref('off') }}"),
            ("tests/reads_nothing.sql", "select * from {{ ref('no_such_model') }}"),
            (
                "models/all.yml",
                "models:
  - {name: 'off', columns: [{name: id, data_tests: [unique]}]}
  - {name: no_such_entry, columns: [{name: id, data_tests: [unique]}]}
  - name: 'on'
    columns:
      - name: id
        data_tests: [unique, {relationships: {arguments: {to: ref('off'), field: id}}}]
sources:
  - {name: s, tables: [{name: t, config: {enabled: false}, columns: [{name: id, data_tests: [unique]}]}]}
",
            ),
        ],
    );
    let said = project.ok(&["build"]).text();
    assert!(said.contains("named 'no_such_model' which was not found"), "{said}");
    let mut ran: Vec<String> = project.statuses().into_iter().map(|(name, _)| name).collect();
    ran.sort();
    assert_eq!(ran, ["on", "unique_on_id"]);

    let manifest = project.json("target/manifest.json");
    let nodes = manifest["nodes"].as_object().expect("nodes");
    let mut idle: Vec<&str> = nodes
        .values()
        .filter(|node| node["config"]["enabled"] == false)
        .map(|node| node["name"].as_str().expect("a name"))
        .collect();
    idle.sort_unstable();
    let expected = [
        "reads_nothing",
        "reads_off",
        "relationships_on_id__id__ref_off_",
        "source_unique_s_t_id",
        "unique_no_such_entry_id",
        "unique_off_id",
    ];
    assert_eq!(idle, expected);
    let related = nodes.keys().find(|id| id.contains("relationships")).expect("the test");
    assert_eq!(manifest["parent_map"][related], serde_json::json!(["model.shop.on"]));
    let children = manifest["child_map"]["model.shop.on"].as_array().expect("a list");
    assert!(children.iter().any(|id| id == related.as_str()), "{children:?}");
}

/// A test's own `config()` stands above dbt_project.yml and below what the entry says, as in dbt.
#[test]
fn the_body_of_a_test_configures_it() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("dbt_project.yml", "name: shop\nprofile: shop\ndata_tests:\n  +severity: warn\n"),
            (
                "tests/generic/odd.sql",
                "{% test odd(model) %} {{ config(severity='error') }} select * from {{ model }} {% endtest %}",
            ),
            ("models/m.sql", "select 1 as id"),
            (
                "models/m.yml",
                "version: 2\nmodels:\n  - name: m\n    data_tests:\n      - odd\n      - odd: {name: said, config: {severity: warn}}\n",
            ),
        ],
    );
    project.fails(1, &["build"]);
    assert_eq!(project.status("odd_m_"), "fail");
    assert_eq!(project.status("said"), "warn");
}

#[test]
fn configurations_that_contradict_their_node() {
    let project = Project::new(On::DuckDb, &[("models/m.sql", "select 1 as id, 2 as b")]);
    let key = "constraints: [{type: primary_key}]";
    for (entry, words) in [
        ("config: {enabled: maybe}".to_owned(), "is not of type 'boolean'"),
        ("access: public, config: {materialized: ephemeral}".to_owned(), "cannot be public"),
        (format!("columns: [{{name: id, {key}}}, {{name: b, {key}}}]"), "Found 2 columns"),
        (format!("columns: [{{name: id, {key}}}], {key}"), "Keep one"),
        (
            "columns: [{name: id, data_tests: [{unique: {config: {materialized: view}}}]}]"
                .to_owned(),
            "'test'",
        ),
    ] {
        project.file("models/schema.yml", &format!("models: [{{name: m, {entry}}}]\n"));
        let ran = project.fails(2, &["parse"]);
        assert!(ran.text().contains(words), "{entry}: {}", ran.text());
    }
}

#[test]
fn meta_of_all_exposures_needs_no_plus() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/m.sql", "select 1 as id"),
            (
                "models/schema.yml",
                "exposures:
                  - name: report
                    type: dashboard
                    owner: {name: Ada}
                    config: {meta: {a: 2}}
                    depends_on: [ref('m')]",
            ),
        ],
    );
    project.file(
        "dbt_project.yml",
        "{name: shop, profile: shop, exposures: {meta: {a: 1, b: [x]}}, models: {meta: {c: 3}}}",
    );
    project.ok(&["parse"]);
    let exposure = &project.json("target/manifest.json")["exposures"]["exposure.shop.report"];
    assert_eq!(exposure["meta"], serde_json::json!({"a": 2, "b": ["x"]}));
    assert_eq!(exposure["config"]["meta"], exposure["meta"]);
    assert_eq!(project.node("model.shop.m")["meta"], serde_json::json!({}));
}

#[test]
fn functions_that_are_macros_in_dbt_are_depended_on() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("macros/own.sql", "{% macro own() %}{{ is_incremental() }}{% endmacro %}"),
            ("models/m.sql", "select 1 as id {% if is_incremental() %} where true {% endif %}"),
            ("models/n.sql", "select 1 as id -- {{ own() }}"),
        ],
    );
    project.ok(&["parse"]);
    let macros = |id: &str| project.node(id)["depends_on"]["macros"].clone();
    assert_eq!(macros("model.shop.m"), serde_json::json!(["macro.dbt.is_incremental"]));
    assert_eq!(macros("model.shop.n"), serde_json::json!(["macro.shop.own"]));
}

/// Each adapter has macros of its own, also in the place of dbt's.
#[test]
fn macros_of_an_adapter_are_in_its_package() {
    let own = "{% macro own() %}{% do run_hooks([]) %}{{ external_location(this, {}) }}\
               {{ duckdb_escape_comment('') }}{{ postgres_escape_comment('') }}{% endmacro %}";
    for project in Project::on_each(&[("macros/own.sql", own), ("models/m.sql", "select 1 as id")])
    {
        project.ok(&["parse"]);
        let macros = project.json("target/manifest.json")["macros"]["macro.shop.own"].clone();
        let hooks = match project.on {
            On::DuckDb => "macro.dbt_duckdb.run_hooks",
            _ => "macro.dbt.run_hooks",
        };
        let expected = [
            hooks,
            "macro.dbt_duckdb.external_location",
            "macro.dbt_duckdb.duckdb_escape_comment",
            "macro.dbt_postgres.postgres_escape_comment",
        ];
        assert_eq!(macros["depends_on"]["macros"], serde_json::json!(expected));
    }
}

#[test]
fn names_with_spaces_by_a_flag() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/my model.sql", "select 1 as id"),
            ("models/my other.sql", "select 2 as id"),
            (
                "models/s.yml",
                "models: [{name: my model, data_tests: [{unique: {name: my test, column_name: id}}]}]",
            ),
        ],
    );
    let said = project.fails(2, &["parse"]).text();
    assert_eq!(said.matches("Resource names cannot contain spaces").count(), 1, "{said}");
    assert!(said.contains("* 'model.shop.my model' (models/my model.sql)"), "{said}");
    assert!(said.contains("* 'model.shop.my other' (models/my other.sql)"), "{said}");
    assert!(said.contains("* 'test.shop.my test."), "{said}");
    std::fs::remove_file(project.path().join("models/s.yml")).unwrap();
    let flags = "flags: {require_resource_names_without_spaces: false}";
    project.file("dbt_project.yml", &format!("name: shop\nprofile: shop\n{flags}"));
    let said = project.ok(&["run"]).text();
    let found = |name: &str| said.contains(&format!("spaces in the name of `model.shop.{name}`"));
    assert!(found("my model") && !found("my other"), "{said}");
    assert!(said.contains("Spaces found in 2 resource name(s)"), "{said}");
    let said = project.ok(&["--debug", "parse"]).text();
    assert!(said.contains("spaces in the name of `model.shop.my other`"), "{said}");
    assert_eq!(project.lines("select id from \"my model\""), ["1"]);
}

/// The manifest's entry of a model `m` that these properties describe.
fn parsed_model(properties: &str) -> serde_json::Value {
    let files = [("models/m.sql", "select 1 as id"), ("models/schema.yml", properties)];
    let project = Project::new(On::DuckDb, &files);
    project.ok(&["parse"]);
    project.node("model.shop.m")
}

#[test]
fn of_docs_and_contracts_the_manifest_has_what_dbt_knows() {
    let node = parsed_model(
        "models:
          - name: m
            docs: {show: false, other: 1}
            constraints: [{type: primary_key, columns: [id]}]
            config: {contract: {enforce: true}}
            columns: [{name: id, data_type: integer}]",
    );
    let config = &node["config"];
    assert_eq!(config["docs"], serde_json::json!({"show": false, "node_color": null}));
    assert_eq!(config["contract"], serde_json::json!({"enforced": false, "alias_types": true}));
    assert!(config.get("constraints").is_none(), "{config}");
}

#[test]
fn a_disabled_test_may_still_tell_the_primary_key() {
    let node = parsed_model(
        "models:
          - name: m
            columns: [{name: id, data_tests: [{unique: {config: {enabled: false}}}]}]",
    );
    assert_eq!(node["primary_key"], serde_json::json!(["id"]));
}

#[test]
fn a_password_that_is_no_template_stands_for_itself() {
    let project = Project::new(On::Postgres, &[("models/m.sql", "select 1 as id")]);
    let profiles = project.read("profiles.yml").replace("password: ''", "password: 'a{{b{%c'");
    project.file("profiles.yml", &profiles);
    project.ok(&["run"]);
}

#[test]
fn one_place_has_one_name() {
    let project = Project::new(On::DuckDb, &[("models/m.sql", "select 1 as id")]);
    let entry =
        "models: [{name: m, columns: [{name: id, tests: [unique], data_tests: [not_null]}]}]";
    project.file("models/schema.yml", entry);
    let said = project.fails(2, &["parse"]).text();
    assert!(said.contains("cannot have both 'tests' and 'data_tests'"), "{said}");
    project.file("models/schema.yml", "models: [{name: m}]");
    let profiles = project.read("profiles.yml");
    project.file("profiles.yml", &format!("{profiles}\nconfig: {{use_colors: false}}\n"));
    let said = project.ok(&["parse"]).text();
    assert!(said.contains("ProjectFlagsMovedDeprecation: 1 occurrence"), "{said}");
    project.file(
        "dbt_project.yml",
        "{name: shop, profile: shop, tests: {+enabled: true}, data_tests: {+tags: a}}",
    );
    let said = project.fails(2, &["parse"]).text();
    assert!(said.contains("cannot have both 'tests' and 'data_tests'"), "{said}");
}

/// As in dbt: tags add up with those that are said twice in `config`, not in `tags`; and the
/// configuration of most generic tests is read twice.
#[test]
fn tags_of_all_levels_are_kept() {
    let project = Project::new(
        On::DuckDb,
        &[
            (
                "dbt_project.yml",
                "{name: shop, profile: shop, models: {+tags: [a]}, data_tests: {+tags: [d]}}",
            ),
            ("models/m.sql", "{{ config(tags=['a', 'b']) }} select 1 as id"),
            (
                "models/m.yml",
                "models: [{name: m, config: {tags: [b, c]}, data_tests: [mine: {name: own, config: {tags: [t, d]}}],
                  columns: [{name: id, data_tests: [
                    not_null: {name: simple, config: {tags: [t, d]}},
                    accepted_values: {name: other, arguments: {values: [1]}, config: {tags: t}}]}]}]",
            ),
            (
                "tests/generic/mine.sql",
                "{% test mine(model) %}{{ config(tags=['q']) }} select 1 as id where false{% endtest %}",
            ),
        ],
    );
    project.ok(&["parse"]);
    let manifest = project.json("target/manifest.json");
    let found = |name: &str| {
        let nodes = manifest["nodes"].as_object().unwrap().values();
        let node = nodes.clone().find(|node| node["name"] == name).unwrap();
        let said = |tags: &serde_json::Value| {
            let tags = tags.as_array().unwrap().iter();
            tags.map(|tag| tag.as_str().unwrap().to_owned()).collect::<Vec<_>>().join("")
        };
        format!("{} {}", said(&node["tags"]), said(&node["config"]["tags"]))
    };
    assert_eq!(found("m"), "abc abcab");
    assert_eq!(found("own"), "dtq dtdqtd");
    assert_eq!(found("simple"), "dt dtd");
    assert_eq!(found("other"), "dt dtt");
}

#[test]
fn the_manifest_shows_the_quoting_of_the_project_and_each_call_of_a_source() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("dbt_project.yml", "name: shop\nprofile: shop\nquoting: {schema: false}\n"),
            ("models/s.yml", "sources: [{name: raw, tables: [{name: t}]}]"),
            ("macros/both.sql", "{% macro both(a, b) %}{{ a }}, {{ b }}{% endmacro %}"),
            ("models/m.sql", "select * from {{ both(source('raw', 't'), source('raw', 't')) }}"),
            ("models/n.sql", "select * from {{ source('raw', 't') }}, {{ source('raw', 't') }}"),
        ],
    );
    project.ok(&["parse"]);
    let manifest = project.json("target/manifest.json");
    let quoting = &manifest["metadata"]["quoting"];
    assert_eq!((&quoting["schema"], &quoting["identifier"]), (&false.into(), &true.into()));
    let sources = |name: &str| {
        manifest["nodes"][format!("model.shop.{name}")]["sources"].as_array().map(Vec::len)
    };
    // dbt does not render what is as simple as the second.
    assert_eq!((sources("m"), sources("n")), (Some(2), Some(1)));
}

/// As a package does: what a block writes out alone keeps its type.
#[test]
fn a_value_within_a_block_keeps_its_type() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("seeds/a.csv", "id\n1\n"),
            (
                "seeds/all.yml",
                "seeds:
  - name: a
    config:
      enabled: |
        {% if var('used', true) == true -%} {{ true|as_bool }} {%- else -%} {{ false|as_bool }} {%- endif -%}
      column_types:
        id: |
          {%- if target.type == 'bigquery' -%} string {%- else -%} varchar(9) {%- endif -%}
      meta: {both: \"{% if true %}{{ 1 }}{{ 2 }}{% endif %}\", lone: \"{% if true %}{{ 1 }}{% endif %}\", text: \"{% if true %}a{{ 1 }}{% endif %}\"}",
            ),
        ],
    );
    project.ok(&["seed"]);
    let config = project.node("seed.shop.a")["config"].clone();
    assert_eq!(
        (&config["enabled"], &config["column_types"]["id"]),
        (&true.into(), &"varchar(9)".into())
    );
    assert_eq!(config["meta"], serde_json::json!({"both": "12", "lone": 1, "text": "a1"}));
    project.ok(&["parse", "--vars", "used: false"]);
    assert!(project.json("target/manifest.json")["nodes"]["seed.shop.a"].is_null());
}

/// As in dbt, nothing that is said of something disabled is rendered: a docs block that is gone is no
/// mistake there.
#[test]
fn what_is_said_of_disabled_nodes_stays_as_written() {
    let gone = "\"{{ doc('gone') }}\"";
    let properties = format!(
        "models:
  - name: m
    description: {gone}
    config: {{enabled: false}}
    columns: [{{name: id, description: {gone}}}]
  - name: n
    columns:
      - name: id
        data_tests:
          - unique: {{description: {gone}, config: {{enabled: false}}}}
sources:
  - name: raw
    description: {gone}
    config: {{enabled: false}}
    tables:
      - {{name: t, description: {gone}, columns: [{{name: c, description: {gone}}}]}}
exposures:
  - name: e
    type: dashboard
    owner: {{name: me}}
    config: {{enabled: false}}
    description: {gone}
"
    );
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/m.sql", "select 1 as id"),
            ("models/n.sql", "select 1 as id"),
            ("models/s.yml", &properties),
        ],
    );
    project.ok(&["parse"]);
    let manifest = project.json("target/manifest.json");
    let disabled = manifest["disabled"].as_object().expect("there are some");
    let kept = |value: &serde_json::Value| value == "{{ doc('gone') }}";
    assert_eq!(disabled.len(), 4);
    for (id, one) in disabled {
        assert!(kept(&one[0]["description"]), "{id}: {one}");
    }
    assert!(kept(&disabled["model.shop.m"][0]["columns"]["id"]["description"]));
    assert!(kept(&disabled["source.shop.raw.t"][0]["source_description"]));
}
