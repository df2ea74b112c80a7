//! Seeds: types as dbt infers them, and what the configuration says of them.

use super::sorted;
use super::support::project::{On, Project};

fn types(project: &Project, table: &str) -> Vec<String> {
    project.lines(&format!(
        "select column_name || ' ' || lower(data_type) from information_schema.columns where table_name = '{table}' order by ordinal_position"
    ))
}

/// Types and values that `dbt seed` gave for the same file.
#[test]
fn types_are_those_of_dbt() {
    let csv = "i,neg,whole,dec,lead,day,ts,iso,bool,bool01,yn,empty,txt,mixed,daymix\n\
               1,-5,1.0,1.50,007,2024-01-02,2024-01-02 03:04:05,2024-01-02T03:04:05,true,1,yes,,abc,1,2024-01-02\n\
               2,+6,2.0,2.25,042,2024-02-29,2024-02-29 23:59:59,2024-01-02T03:04:06,False,0,no,,\"d, \"\"e\"\"\nf\",x,2024-01-02 10:00:00\n\
               ,,,,,,,,,,,,,,\n";
    for project in Project::on_each(&[("seeds/s.csv", csv)]) {
        project.ok(&["seed"]);
        let (double, text, timestamp) = match project.on {
            On::Postgres => ("double precision", "text", "timestamp without time zone"),
            _ => ("double", "varchar", "timestamp"),
        };
        let expected = [
            ("i", "integer"),
            ("neg", "integer"),
            ("whole", "integer"),
            ("dec", double),
            ("lead", "integer"),
            ("day", "date"),
            ("ts", timestamp),
            ("iso", timestamp),
            ("bool", "boolean"),
            ("bool01", "integer"),
            ("yn", text),
            ("empty", "integer"),
            ("txt", text),
            ("mixed", text),
            ("daymix", text),
        ]
        .map(|(name, kind)| format!("{name} {kind}"));
        assert_eq!(types(&project, "s"), expected);
        assert_eq!(
            project.lines("select * from s order by i"),
            [
                "1|-5|1|1.5|7|2024-01-02|2024-01-02 03:04:05|2024-01-02 03:04:05|true|1|yes|NULL|abc|1|2024-01-02",
                "2|6|2|2.25|42|2024-02-29|2024-02-29 23:59:59|2024-01-02 03:04:06|false|0|no|NULL|d, \"e\"\nf|x|2024-01-02 10:00:00",
                "NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL",
            ]
        );
    }
}

#[test]
fn column_types_delimiter_and_quotes_are_configured() {
    let properties = "version: 2\nseeds:\n  - name: s\n    config:\n      delimiter: ';'\n      quote_columns: false\n      column_types:\n        \
                      zip: varchar(5)\n        money: numeric(10, 2)\n        day: timestamp\n";
    for project in Project::on_each(&[
        ("seeds/properties.yml", properties),
        ("seeds/s.csv", "Id;zip;money;day;note\n1;01234;1.5;2024-01-02;a,b\n2;98765;2;;\n"),
    ]) {
        project.ok(&["seed"]);
        let (varchar, decimal, timestamp, text) = match project.on {
            On::Postgres => ("character varying", "numeric", "timestamp without time zone", "text"),
            _ => ("varchar", "decimal(10,2)", "timestamp", "varchar"),
        };
        // Unquoted, PostgreSQL folds the name.
        let id = if project.on == On::Postgres { "id" } else { "Id" };
        let expected = [
            (id, "integer"),
            ("zip", varchar),
            ("money", decimal),
            ("day", timestamp),
            ("note", text),
        ]
        .map(|(name, kind)| format!("{name} {kind}"));
        assert_eq!(types(&project, "s"), expected);
        assert_eq!(
            sorted(&project, "s"),
            ["1|01234|1.50|2024-01-02 00:00:00|a,b", "2|98765|2.00|NULL|NULL"]
        );
    }
}

#[test]
fn names_are_quoted_unless_told_otherwise() {
    for project in Project::on_each(&[("seeds/s.csv", "Id,full name,select\n1,a,2\n")]) {
        project.ok(&["seed"]);
        assert_eq!(project.lines("select \"Id\", \"full name\", \"select\" from s"), ["1|a|2"]);
    }
}

#[test]
fn a_seed_is_loaded_whole_or_not_at_all() {
    for project in Project::on_each(&[("seeds/s.csv", "a\n1\n")]) {
        project.ok(&["seed"]);
        project.file(
            "seeds/properties.yml",
            "version: 2\nseeds: [{name: s, config: {column_types: {a: integer}}}]\n",
        );
        project.file("seeds/s.csv", "a\n2\nx\n");
        project.fails(1, &["seed"]);
        assert_eq!(sorted(&project, "s"), ["1"]);
        // Other columns need a full refresh.
        project.file("seeds/properties.yml", "version: 2\n");
        project.file("seeds/s.csv", "b,a\n3,x\n");
        project.fails(1, &["seed"]);
        assert_eq!(sorted(&project, "s"), ["1"]);
        project.ok(&["seed", "--full-refresh"]);
        assert_eq!(sorted(&project, "s"), ["3|x"]);
        project.file("seeds/s.csv", "b,a\n");
        project.ok(&["seed", "--full-refresh"]);
        assert_eq!(sorted(&project, "s"), [""; 0]);
    }
}

/// dbt loads it and says nothing.
#[test]
fn a_type_for_a_column_that_is_not_there_is_told() {
    for project in Project::on_each(&[
        ("seeds/s.csv", "amount\n1\n"),
        ("seeds/properties.yml", "seeds: [{name: s, config: {column_types: {amuont: integer}}}]\n"),
    ]) {
        let said = project.ok(&["seed"]).text();
        assert!(said.contains("`column_types` of the seed `s` names `amuont`"), "{said}");
        assert!(said.contains("Did you mean `amount`?"), "{said}");
        assert_eq!(sorted(&project, "s"), ["1"]);
        // As in dbt: it was loaded, not compiled.
        let results = project.json("target/run_results.json");
        assert!(results["results"][0]["relation_name"].is_null());
    }
}

#[test]
fn many_rows_keep_their_number() {
    let csv: String = std::iter::once("i,t\n".to_owned())
        .chain((0..2503).map(|i| format!("{i},it's {i}\n")))
        .collect();
    for project in Project::on_each(&[("seeds/s.csv", &csv)]) {
        project.ok(&["seed"]);
        assert_eq!(
            project.lines("select count(*), sum(i), max(t) from s where t = 'it''s ' || i"),
            ["2503|3131253|it's 999"]
        );
    }
}

/// An empty line is a row without values; DuckDB's reader takes it for nothing where a row has
/// several columns.
#[test]
fn empty_lines_are_rows_without_values() {
    let files = [("seeds/one.csv", "a\nx\n\ny"), ("seeds/two.csv", "a,b\n1,x\n\n2,y\n")];
    for project in Project::on_each(&files) {
        project.ok(&["seed"]);
        let rows = if matches!(project.on, On::Postgres) { "3 3" } else { "3 2" };
        let counted = project.lines(
            "select (select count(*) from one)::text || ' ' || (select count(*) from two)::text",
        );
        assert_eq!(counted, [rows]);
    }
}

/// As in dbt: the table of an earlier run stays, with the grants that it has, and has to take the
/// rows; a full refresh drops it, and with it what depends on it.
#[test]
fn a_seed_keeps_its_table_until_a_full_refresh_on_postgres() {
    let role = format!("seed_reader_{}", std::process::id());
    let grants = format!("seeds:\n  - name: s\n    config: {{grants: {{select: ['{role}']}}}}\n");
    let project = Project::new(
        On::Postgres,
        &[
            ("seeds/s.csv", "a\n1\n2\n"),
            ("seeds/properties.yml", &grants),
            ("models/v.sql", "{{ config(materialized='view') }} select * from {{ ref('s') }}"),
        ],
    );
    project.postgres(&format!("create role {role}"));
    project.ok(&["build"]);
    let oid = project.lines("select 's'::regclass::oid");
    project.file("seeds/s.csv", "a\n3\n");
    let said = project.ok(&["--debug", "seed"]).text();
    assert!(!said.contains("grant select") && !said.contains("revoke"), "{said}");
    assert_eq!(project.lines("select 's'::regclass::oid"), oid);
    assert_eq!(project.lines("select a from v"), ["3"]);
    // Other columns need another table.
    project.file("seeds/s.csv", "a,b\n4,x\n");
    assert!(project.fails(1, &["seed"]).text().contains("\"b\" of relation \"s\" does not exist"));
    assert_eq!(project.lines("select a from v"), ["3"]);
    project.ok(&["seed", "--full-refresh"]);
    assert_eq!(project.lines("select to_regclass('v') is null, (select b from s)"), ["true|x"]);
    assert_eq!(
        project.lines(&format!("select has_table_privilege('{role}', 's', 'select')")),
        ["true"]
    );
    project.postgres("drop table s");
    project.postgres(&format!("drop role {role}"));
}

#[test]
fn rows_have_to_fit_the_table_of_an_earlier_run() {
    for project in Project::on_each(&[("seeds/s.csv", "id,name\n1,a\n")]) {
        project.ok(&["seed"]);
        project.file("seeds/s.csv", "id,name\n2,b\nx,c\n");
        let said = project.fails(1, &["seed"]).text();
        assert!(said.contains("seeds/s.csv:3"), "{said}");
        assert_eq!(project.lines("select id || name from s"), ["1a"]);
        project.ok(&["seed", "--full-refresh"]);
        assert_eq!(project.lines("select id || name from s order by 1"), ["2b", "xc"]);
        // A view in its place is nobody's seed.
        project.rows("drop table s");
        project.rows("create view s as select 1 as id");
        let said = project.fails(1, &["seed"]).text();
        assert!(said.contains("Cannot seed to") && said.contains("it is a view"), "{said}");
    }
}
