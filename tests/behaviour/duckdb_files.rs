//! dbt-duckdb's own: external models, table functions, sources in files, attached databases, and
//! what of its profile is refused.

use super::sorted;
use super::support::project::{On, Project};

const PROFILE: &str = "shop:
  target: duck
  outputs:
    duck:
      type: duckdb
      path: warehouse.duckdb
      external_root: out
";

fn project(profile: &str, files: &[(&str, &str)]) -> Project {
    let project = Project::new(On::DuckDb, files);
    project.file("profiles.yml", profile);
    std::fs::create_dir_all(project.path().join("out")).unwrap();
    project
}

const READS: &str = "{{ config(materialized='table') }}
{% for name in ['plain', 'text', 'placed', 'parts'] %}
select '{{ name }}' as name, count(distinct id || name) as rows from {{ ref(name) }} union all
{% endfor %}
select 'none', 0 from {{ ref('none') }}
-- depends_on: {{ ref('plain') }} {{ ref('text') }} {{ ref('placed') }} {{ ref('parts') }}";

#[test]
fn external_models_are_files_and_views() {
    let rows = "select 1 as id, 'a' as name union all select 2, 'b'";
    let project = project(
        PROFILE,
        &[
            ("models/plain.sql", &format!("{{{{ config(materialized='external') }}}} {rows}")),
            (
                "models/text.sql",
                &format!(
                    "{{{{ config(materialized='external', format='csv', delimiter='|') }}}} {rows}"
                ),
            ),
            (
                "models/placed.sql",
                &format!(
                    "{{{{ config(materialized='external', location='{{{{ adapter.external_root() }}}}/here.json') }}}} {rows}"
                ),
            ),
            (
                "models/parts.sql",
                &format!(
                    "{{{{ config(materialized='external', options={{'partition_by': 'id', 'overwrite_or_ignore': True}}) }}}} {rows}"
                ),
            ),
            (
                "models/none.sql",
                &format!(
                    "{{{{ config(materialized='external') }}}} select * from ({rows}) where id > 9"
                ),
            ),
            ("models/reads.sql", READS),
        ],
    );
    project.ok(&["run"]);
    // Views of the time before are replaced.
    project.ok(&["run"]);
    assert_eq!(project.read("out/text.csv"), "id|name\n1|a\n2|b\n");
    for file in ["out/plain.parquet", "out/here.json", "out/none.parquet"] {
        assert!(project.path().join(file).exists(), "{file}");
    }
    assert_eq!(sorted(&project, "reads"), ["parts|2", "placed|2", "plain|2", "text|2"]);
}

#[test]
fn table_functions_take_parameters() {
    let project = project(
        PROFILE,
        &[
            (
                "models/above.sql",
                "{{ config(materialized='table_function', parameters=['least']) }}
                select * from range(5) t(n) where n >= least",
            ),
            ("models/m.sql", "select * from {{ ref('above') }}(3)"),
        ],
    );
    project.ok(&["run"]);
    assert_eq!(sorted(&project, "m"), ["3", "4"]);
}

#[test]
fn sources_lie_in_files_of_their_names() {
    let sources = "sources:
  - name: raw
    meta: {external_location: 'data/{name}.csv'}
    tables:
      - name: a
      - name: b
        config: {external_location: \"read_csv('data/%(identifier)s.txt', names = ['%(column)s'])\", formatter: oldstyle, column: id}
        identifier: c
";
    let project = project(
        PROFILE,
        &[
            ("models/sources.yml", sources),
            (
                "models/m.sql",
                "{{ config(materialized='table') }} select id from {{ source('raw', 'a') }} union all select id from {{ source('raw', 'b') }}",
            ),
            ("data/a.csv", "id\n1\n"),
            ("data/c.txt", "2\n"),
        ],
    );
    project.ok(&["run"]);
    assert_eq!(sorted(&project, "m"), ["1", "2"]);
    project.file("models/sources.yml", &sources.replace("{name}", "{none}"));
    let run = project.fails(2, &["run"]);
    assert!(run.text().contains("`none` in the external_location"), "{}", run.text());
}

#[test]
fn models_live_in_attached_databases() {
    let profile =
        format!("{PROFILE}      attach:\n        - {{path: other.duckdb, alias: other}}\n");
    let project = project(
        &profile,
        &[
            (
                "models/there.sql",
                "{{ config(materialized='table', database='other') }} select 1 as id",
            ),
            ("models/here.sql", "select * from {{ ref('there') }}"),
        ],
    );
    project.ok(&["run"]);
    project.ok(&["run"]);
    let at = project.path().join("other.duckdb").display().to_string();
    assert_eq!(
        project.lines(&format!("attach '{at}' as other; select id from other.main.there")),
        ["1"]
    );
}

#[test]
fn what_needs_python_is_refused() {
    for (line, wanted) in [
        ("plugins: [{module: excel}]", "Python code"),
        ("filesystems: [{fs: s3}]", "fsspec"),
        ("remote: {host: x, port: 1, user: y}", "over the network"),
        ("database: elsewhere", "is called `warehouse`"),
    ] {
        let project =
            project(&format!("{PROFILE}      {line}\n"), &[("models/m.sql", "select 1 as id")]);
        let run = project.fails(2, &["parse"]);
        assert!(run.text().contains(wanted), "{line}: {}", run.text());
    }
}

/// A build does not close what it need not: nothing is left beside the file all the same.
#[test]
fn nothing_is_left_beside_a_file() {
    let many = "{{ config(materialized='table') }}
        select md5(range::varchar) as id, repeat(md5((range + 1)::varchar), 3) as text
        from range(400000) order by 1";
    let more = "{{ config(materialized='table', database='more') }} select 1 as n";
    let small = "settings: {memory_limit: 60MB, preserve_insertion_order: false, threads: 1}";
    for (setting, model, files) in [
        ("", "select 1 as n", &["warehouse.duckdb"][..]),
        // A log of its own.
        ("attach: [{path: more.duckdb}]", more, &["more.duckdb", "warehouse.duckdb"]),
        // What does not fit into memory lies in a folder meanwhile.
        (small, many, &["warehouse.duckdb"]),
    ] {
        let profile = format!("{PROFILE}      {setting}\n");
        let project =
            project(&profile, &[("models/one.sql", model), ("models/two.sql", "select 2")]);
        project.ok(&["run"]);
        let entries = std::fs::read_dir(project.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut beside: Vec<String> = names.filter(|name| name.contains(".duckdb")).collect();
        beside.sort();
        assert_eq!(beside, files, "{setting}");
    }
}
