//! Incremental models: strategies, keys, full refreshes.

use super::sorted;
use super::support::project::Project;

/// A project whose `events` seed is replaced between runs.
fn with_model(config: &str, tail: &str) -> [Project; 2] {
    let model = format!(
        "{{{{ config(materialized='incremental'{config}) }}}}\nselect * from {{{{ ref('events') }}}} {tail}"
    );
    let projects = Project::on_each(&[
        ("seeds/events.csv", "id,day,v,w\n1,1,10,100\n2,1,20,200\n"),
        ("models/m.sql", &model),
    ]);
    for project in &projects {
        project.ok(&["build"]);
        assert_eq!(sorted(project, "m"), ["1|1|10|100", "2|1|20|200"]);
    }
    projects
}

fn next(project: &Project, events: &str, args: &[&str]) -> Vec<String> {
    project.file("seeds/events.csv", &format!("id,day,v,w\n{events}"));
    project.ok(&["seed"]);
    project.ok(&[&["run"], args].concat());
    sorted(project, "m")
}

#[test]
fn append_adds_what_is_new() {
    let newer = "{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}";
    for project in with_model(", incremental_strategy='append'", newer) {
        let rows = next(&project, "2,2,21,210\n3,2,30,300\n", &[]);
        assert_eq!(rows, ["1|1|10|100", "2|1|20|200", "3|2|30|300"]);
        let rows = next(&project, "7,2,21,210\n", &["--full-refresh"]);
        assert_eq!(rows, ["7|2|21|210"]);
    }
}

#[test]
fn without_a_key_everything_is_appended() {
    for project in with_model("", "") {
        let rows = next(&project, "2,2,21,210\n", &[]);
        assert_eq!(rows, ["1|1|10|100", "2|1|20|200", "2|2|21|210"]);
    }
}

#[test]
fn a_key_replaces_rows() {
    for strategy in ["", ", incremental_strategy='delete+insert'", ", incremental_strategy='merge'"]
    {
        for project in with_model(&format!(", unique_key='id'{strategy}"), "") {
            let rows = next(&project, "2,2,21,210\n3,2,30,300\n", &[]);
            assert_eq!(rows, ["1|1|10|100", "2|2|21|210", "3|2|30|300"], "{strategy}");
        }
    }
}

#[test]
fn a_key_of_several_columns_replaces_rows() {
    for strategy in ["delete+insert", "merge"] {
        let config = format!(", unique_key=['id', 'day'], incremental_strategy='{strategy}'");
        for project in with_model(&config, "") {
            let rows = next(&project, "2,1,21,210\n2,2,22,220\n", &[]);
            assert_eq!(rows, ["1|1|10|100", "2|1|21|210", "2|2|22|220"], "{strategy}");
        }
    }
}

#[test]
fn merge_updates_only_what_it_is_told_to() {
    let merge = ", unique_key='id', incremental_strategy='merge'";
    for (columns, updated) in [
        (", merge_update_columns=['v']", "2|1|21|200"),
        (", merge_exclude_columns=['v']", "2|2|20|210"),
        (", merge_exclude_columns=['v', 'W']", "2|2|20|200"),
    ] {
        for project in with_model(&format!("{merge}{columns}"), "") {
            let rows = next(&project, "2,2,21,210\n3,2,30,300\n", &[]);
            assert_eq!(rows, ["1|1|10|100", updated, "3|2|30|300"], "{columns}");
        }
    }
}

#[test]
fn predicates_narrow_what_is_replaced() {
    let config = ", unique_key='id', incremental_strategy='delete+insert', incremental_predicates=['day > 1']";
    for project in with_model(config, "") {
        // The old row of day 1 stays, as the predicate does not see it.
        let rows = next(&project, "2,2,21,210\n", &[]);
        assert_eq!(rows, ["1|1|10|100", "2|1|20|200", "2|2|21|210"]);
        let rows = next(&project, "2,3,22,220\n", &[]);
        assert_eq!(rows, ["1|1|10|100", "2|1|20|200", "2|3|22|220"]);
    }
}

#[test]
fn full_refresh_in_the_configuration_has_the_last_word() {
    for project in with_model(", unique_key='id', full_refresh=false", "") {
        let rows = next(&project, "3,2,30,300\n", &["--full-refresh"]);
        assert_eq!(rows, ["1|1|10|100", "2|1|20|200", "3|2|30|300"]);
    }
    for project in with_model(", unique_key='id', full_refresh=true", "") {
        assert_eq!(next(&project, "3,2,30,300\n", &[]), ["3|2|30|300"]);
    }
}

#[test]
fn is_incremental_is_what_dbt_makes_it() {
    let model = |kind: &str| {
        format!(
            "{{{{ config(materialized='{kind}') }}}} select '{{{{ is_incremental() }}}}' as inc, '{{{{ flags.FULL_REFRESH }}}}' as fresh"
        )
    };
    for project in Project::on_each(&[
        ("models/m.sql", &model("incremental")),
        ("models/t.sql", &model("table")),
    ]) {
        project.ok(&["run"]);
        assert_eq!(sorted(&project, "m"), ["False|False"]);
        project.ok(&["run"]);
        assert_eq!(sorted(&project, "m"), ["False|False", "True|False"]);
        assert_eq!(sorted(&project, "t"), ["False|False"]);
        // `compile` asks the database too.
        project.ok(&["compile"]);
        assert!(project.read("target/compiled/shop/models/m.sql").contains("'True'"));
        project.ok(&["compile", "--full-refresh"]);
        assert!(project.read("target/compiled/shop/models/m.sql").contains("'False'"));
        project.ok(&["run", "--full-refresh"]);
        assert_eq!(sorted(&project, "m"), ["False|True"]);
    }
}

#[test]
fn columns_come_by_name_not_by_place() {
    for strategy in ["append", "delete+insert", "merge"] {
        let model = |columns: &str| {
            format!(
                "{{{{ config(materialized='incremental', unique_key='id', incremental_strategy='{strategy}') }}}} select {columns}"
            )
        };
        for project in Project::on_each(&[("models/m.sql", &model("1 as id, 2 as b, 3 as c"))]) {
            project.ok(&["run"]);
            project.file("models/m.sql", &model("30 as c, 20 as b, 10 as id"));
            project.ok(&["run"]);
            assert_eq!(sorted(&project, "m"), ["10|20|30", "1|2|3"], "{strategy}");
        }
    }
}

#[test]
fn a_failed_increment_changes_nothing() {
    let fails = "{% if is_incremental() %} where cast('x' || v as integer) = 1 {% endif %}";
    for strategy in ["append", "delete+insert", "merge"] {
        let config = format!(", unique_key='id', incremental_strategy='{strategy}'");
        for project in with_model(&config, fails) {
            project.fails(1, &["run"]);
            assert_eq!(sorted(&project, "m"), ["1|1|10|100", "2|1|20|200"]);
        }
    }
}
