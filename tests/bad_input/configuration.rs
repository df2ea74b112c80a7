//! dbt_project.yml, profiles.yml and the environment.

use insta::assert_snapshot;

use crate::project::Project;

#[test]
fn no_project() {
    let project = Project::new("");
    std::fs::remove_file(project.path("dbt_project.yml")).unwrap();
    assert_snapshot!(project.run("parse"));
    assert_snapshot!("no_project_in_the_folder_named", project.run("parse --project-dir models"));
}

#[test]
fn yaml_with_a_tab() {
    let project =
        Project::new("== dbt_project.yml\nname: shop\nprofile: shop\nmodels:\n\tshop: {}\n");
    assert_snapshot!(project.run("parse"));
}

#[test]
fn yaml_with_bad_indentation() {
    let project = Project::new(
        "== profiles.yml\nshop:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n     path: shop.duckdb\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn yaml_with_an_unclosed_quote() {
    let project = Project::new(
        "== models/schema.yml\nmodels:\n  - name: orders\n    description: \"All orders\n    columns:\n      - name: id\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn yaml_with_bare_jinja() {
    let project = Project::new(
        "== profiles.yml\nshop:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n      path: {{ env_var('DB') }}\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn yaml_with_two_colons() {
    let project = Project::new(
        "== models/schema.yml\nmodels:\n  - name: orders\n    description: Money: in cents\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn yaml_of_the_wrong_kind() {
    let project = Project::new(
        "== models/schema.yml\nmodels:\n  orders:\n    description: the orders\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn unknown_key_in_dbt_project() {
    let project =
        Project::new("== dbt_project.yml\nname: shop\nprofile: shop\nmodel-path: [\"models\"]\n");
    assert_snapshot!(project.run("parse"));
}

#[test]
fn unknown_config_in_dbt_project() {
    let project = Project::new(
        "== dbt_project.yml\nname: shop\nprofile: shop\nmodels:\n  shop:\n    +materialised: table\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

/// `target` is known there, as in dbt.
#[test]
fn target_in_dbt_project_works() {
    let project = Project::new(
        "== dbt_project.yml\nname: shop\nprofile: shop\nmodels:\n  shop:\n    +alias: \"{{ target.name }}_{{ target.type }}\"\n    +enabled: \"{{ target.name == 'dev' }}\"\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("run"));
}

#[test]
fn unknown_key_in_profiles() {
    let project = Project::new(
        "== profiles.yml\nshop:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n      pathh: shop.duckdb\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn unknown_key_in_properties() {
    let project = Project::new(
        "== models/schema.yml\nmodels:\n  - name: orders\n    desciption: the orders\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn properties_of_nothing() {
    let project = Project::new(
        "== models/schema.yml\nmodels:\n  - name: ordrs\n    description: the orders\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn no_profiles() {
    let project = Project::new("");
    std::fs::remove_file(project.path("profiles.yml")).unwrap();
    assert_snapshot!(project.run("parse"));
}

#[test]
fn wrong_profile() {
    let project = Project::new("== dbt_project.yml\nname: shop\nprofile: shopp\n");
    assert_snapshot!(project.run("parse"));
    assert_snapshot!("wrong_profile_on_the_command_line", project.run("parse --profile warehouse"));
}

#[test]
fn wrong_target() {
    let project = Project::new("");
    assert_snapshot!(project.run("parse --target prod"));
}

#[test]
fn wrong_target_in_profiles() {
    let project = Project::new(
        "== profiles.yml\nshop:\n  target: deb\n  outputs:\n    dev: {type: duckdb}\n    prod: {type: duckdb}\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn missing_variable_of_the_environment() {
    let project = Project::new(
        "== profiles.yml\nshop:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n      path: \"{{ env_var('SHOP_PATH') }}\"\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn missing_variable_of_the_environment_in_a_model() {
    let project =
        Project::new("== models/orders.sql\nselect\n  '{{ env_var('REGION') }}' as region\n");
    assert_snapshot!(project.run("compile"));
}

#[test]
fn missing_var() {
    let project = Project::new("== models/orders.sql\nselect\n  '{{ var('region') }}' as region\n");
    assert_snapshot!(project.run("compile"));
}

#[test]
fn unknown_type_of_database() {
    let project = Project::new(
        "== profiles.yml\nshop:\n  target: dev\n  outputs:\n    dev:\n      type: postgresql\n      host: localhost\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn unknown_default_engine() {
    let project = Project::new(
        "== profiles.yml\nshop:\n  target: dev\n  outputs:\n    dev:\n      type: hybrid\n      default_engine: analytic\n      engines:\n        analytics: {type: duckdb}\n        operational: {type: postgres, embedded: true}\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn unknown_engine_of_a_model() {
    let project = Project::new(
        "== models/orders.sql\n{{ config(materialized='view', engine='analytics') }}\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn unknown_engine_in_dbt_project() {
    let project = Project::new(
        "== dbt_project.yml\nname: shop\nprofile: shop\nmodels:\n  shop:\n    +engine: operational\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn unknown_materialization() {
    let project =
        Project::new("== models/orders.sql\n{{ config(materialized='tabel') }}\nselect 1 as id\n");
    assert_snapshot!(project.run("run"));
}

#[test]
fn unknown_config_in_a_model() {
    let project = Project::new(
        "== models/orders.sql\n-- materialised once\n{{ config(\n    materialised='table',\n    my_own=1,\n) }}\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn unknown_access() {
    let project = Project::new(
        "== models/orders.sql\n{{ config(access='privat') }}\nselect 1 as id\n== models/customers.sql\n{{ config(access='private') }}\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

/// The first run makes the table and needs no strategy: as in dbt-duckdb, only the second one does.
#[test]
fn unknown_incremental_strategy() {
    let project = Project::new(
        "== models/orders.sql\n{{ config(\n    materialized='incremental',\n    incremental_strategy='appendd',\n) }}\nselect 1 as id\n",
    );
    assert!(project.run("run").starts_with("exit code: 0"));
    assert_snapshot!(project.run("run"));
}

#[test]
fn unknown_config_in_properties() {
    let project = Project::new(
        "== models/schema.yml\nmodels:\n  - name: orders\n    config:\n      materialised: table\n      my_own: 1\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn vars_that_are_no_map() {
    let project = Project::new("");
    let output = project.command(&["parse", "--vars", "{day: "]).output().unwrap();
    assert_snapshot!(project.shown(&output));
    let output = project.command(&["parse", "--vars", "today"]).output().unwrap();
    assert_snapshot!("vars_that_are_text", project.shown(&output));
}

#[test]
fn no_results_store() {
    let project = Project::new("== models/orders.sql\nselect 1 as id\n");
    assert_snapshot!(project.run("history"));
}

#[test]
fn bad_selector() {
    let project = Project::new("== models/orders.sql\nselect 1 as id\n");
    assert_snapshot!(project.run("ls --select tags:nightly"));
}

#[test]
fn unknown_command() {
    let project = Project::new("");
    assert_snapshot!(project.run("bulid"));
}

#[test]
fn a_package_that_is_not_installed() {
    let project = Project::new(
        "== packages.yml\npackages:\n  - local: ../dates\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!("package_not_installed", project.run("parse"));
}

#[test]
fn a_dbt_version_that_is_not_ours() {
    let project = Project::new(
        "== dbt_project.yml\nname: shop\nprofile: shop\nrequire-dbt-version: \">=2.0.0\"\n",
    );
    assert_snapshot!(project.run("parse"));
}

#[test]
fn a_hub_that_is_away() {
    let project =
        Project::new("== packages.yml\npackages:\n  - package: shops/dates\n    version: 1.0.0\n")
            .env("DBT_PACKAGE_HUB_URL", "http://127.0.0.1:1/");
    assert_snapshot!(project.run("deps"));
}

#[test]
fn values_of_the_wrong_kind_in_dbt_project() {
    let project = Project::new("== dbt_project.yml\nname: shop\nprofile: shop\nversion: newest\n");
    assert_snapshot!("version_in_dbt_project", project.run("parse"));
    let project = Project::new("== dbt_project.yml\nname: shop\nprofile: shop\ndbt-cloud: mine\n");
    assert_snapshot!("dbt_cloud_in_dbt_project", project.run("parse"));
}

#[test]
fn catalogs() {
    let integration = |name: &str| format!("{{name: {name}, catalog_type: iceberg_rest}}");
    let (one, other) = (integration("one"), integration("other"));
    let say = |integrations: &str, active: &str| {
        let text = format!(
            "== catalogs.yml\ncatalogs:\n  - name: lake\n    write_integrations: [{integrations}]\n{active}"
        );
        Project::new(&text).run("parse")
    };
    let active = "    active_write_integration: \"{{ var('wanted', 'third') }}\"\n";
    assert_snapshot!("catalogs_of_one_name", say(&format!("{one}, {one}"), active));
    assert_snapshot!("catalogs_without_an_active_one", say(&format!("{one}, {other}"), ""));
    assert_snapshot!("catalogs_without_the_active_one", say(&format!("{one}, {other}"), active));
    assert_snapshot!("catalogs_are_not_supported", say(&one, ""));
    // What writes nothing does not read the file.
    let text =
        format!("== catalogs.yml\ncatalogs:\n  - {{name: lake, write_integrations: [{one}]}}\n");
    let listed = Project::new(&text).run("list");
    assert!(listed.contains("exit code: 0"), "{listed}");
}

#[test]
fn a_failures_limit_that_is_no_number_of_rows() {
    let project = Project::new(
        "== models/orders.sql\nselect 1 as id\n== models/orders.yml\nmodels:\n  - name: orders\n    \
         columns:\n      - name: id\n        data_tests:\n          - unique:\n              \
         config: {failures_limit: -1}\n          - not_null\n",
    );
    assert_snapshot!(project.run("parse"));
    let project = Project::new(
        "== dbt_project.yml\nname: shop\nprofile: shop\ndata_tests:\n  +failures_limit: many\n\
         == tests/one.sql\nselect 1 as id\n== tests/two.sql\nselect 2 as id\n",
    );
    assert_snapshot!("failures_limit_in_dbt_project", project.run("parse"));
}

#[test]
fn alerts() {
    let with = |alerts: &str| {
        let settings = "== dbt_project.yml\nname: shop\nprofile: shop\nalerts:\n";
        Project::new(&format!("{settings}{alerts}== models/orders.sql\nselect 1 as id\n"))
    };
    let told = |alerts: &str| with(alerts).run("run");
    assert_snapshot!("alert_to_nobody", told("  - name: team\n    score_below: 90\n"));
    assert_snapshot!(
        "alert_to_two",
        told("  - name: team\n    webhook: https://chat.invalid/x\n    command: cat\n")
    );
    assert_snapshot!("alert_without_address", told("  - webhook: chat.invalid/x\n"));
    assert_snapshot!(
        "alert_of_nothing",
        told("  - name: team\n    command: cat\n    on_failure: false\n")
    );
    assert_snapshot!("alert_at_a_score", told("  - command: cat\n    score_below: 900\n"));
    assert_snapshot!("alert_after_a_time", told("  - command: cat\n    longer_than: soon\n"));
    assert_snapshot!("alert_misspelt", told("  - command: cat\n    score_bellow: 90\n"));
    assert_snapshot!(
        "alert_twice",
        told("  - {name: a, command: cat}\n  - {name: a, command: cat}\n")
    );
    let project = with("  - name: team\n    command: [./tell.sh]\n");
    project.write("models/orders.sql", "select nothing\n");
    assert_snapshot!("alert_that_fails", project.run("run"));
}
