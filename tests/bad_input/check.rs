//! `check`: planted mistakes, each with the finding that it has to have: code, line and column of
//! the model's own file, and the words there. The whole is snapshotted as a person reads it.

use insta::assert_snapshot;
use serde_json::Value;

use crate::planted::{Case, HABITS, NAMES, POSTGRES, SHOP, TYPES};
use crate::project::Project;

fn project(cases: &[Case]) -> Project {
    let mut files = SHOP.to_owned();
    for (name, sql, _) in cases {
        files.push_str(&format!("== models/planted/{name}.sql\n{sql}\n"));
    }
    Project::new(&files)
}

/// `code line:column words` of every finding, by the name of its file.
fn found(project: &Project) -> Vec<(String, String)> {
    let output = project.command(&["check", "--output", "json"]).output().unwrap();
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let finding = |it: &Value| {
        let (place, code) = (&it["location"], text(&it["code"]));
        let file = text(&place["file"]);
        let name = file.rsplit('/').next().unwrap().split('.').next().unwrap().to_owned();
        (name, format!("{code} {}:{} {}", place["line"], place["column"], text(&place["text"])))
    };
    all["findings"].as_array().unwrap().iter().map(finding).collect()
}

/// Each model has its one finding, and there are no others.
fn all_are_found(project: &Project, cases: &[Case]) {
    let mut found = found(project);
    found.sort();
    let mut expected: Vec<(String, String)> =
        cases.iter().map(|(name, _, what)| ((*name).to_owned(), (*what).to_owned())).collect();
    expected.sort();
    let missing: Vec<_> = expected.iter().filter(|it| !found.contains(it)).collect();
    let unexpected: Vec<_> = found.iter().filter(|it| !expected.contains(it)).collect();
    assert!(
        missing.is_empty() && unexpected.is_empty(),
        "missing: {missing:#?}\nunexpected: {unexpected:#?}"
    );
}

#[test]
fn duckdb_names() {
    let project = project(NAMES);
    all_are_found(&project, NAMES);
    assert_snapshot!(project.run("check"));
}

#[test]
fn duckdb_types() {
    let project = project(TYPES);
    all_are_found(&project, TYPES);
    assert_snapshot!(project.run("check"));
}

#[test]
fn duckdb_habits() {
    let project = project(HABITS);
    assert_snapshot!(project.run("check"));
    let told: Vec<Case> = HABITS.iter().filter(|case| !case.2.is_empty()).copied().collect();
    all_are_found(&project, &told);
}

#[test]
fn postgres_habits() {
    let project = on_postgres(HABITS);
    assert_snapshot!(project.run("check"));
    all_are_found(&project, &as_postgres_tells(HABITS));
}

#[test]
fn analyses_are_checked() {
    let project = Project::new(&format!(
        "{SHOP}== analyses/monthly.sql\nselect amuont from {{{{ ref('orders') }}}}\n\
         == analyses/grants.sql\ngrant select on orders to reader;\n\
         == analyses/fine.sql\nselect amount from {{{{ ref('orders') }}}}\n"
    ));
    assert_snapshot!(project.run("check"));
}

/// A PostgreSQL that is away: the project's private server stands in for it, where there is one.
#[test]
fn a_postgres_that_is_away() {
    let project = Project::hybrid(&format!(
        "{SHOP}== models/served.sql\n{{{{ config(engine='operational') }}}}\n\
         select order_id, amuont, my_own_function(status) as s from {{{{ ref('orders') }}}}\n"
    ));
    let project = project.env("PG_HOST", "/nowhere");
    // The server's user has to come in.
    for folder in project.path("dbt_project.yml").ancestors().skip(1) {
        use std::os::unix::fs::PermissionsExt;
        if folder != std::env::temp_dir() && folder.starts_with(std::env::temp_dir()) {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    assert_snapshot!("away_and_private", project.run("check"));
    let project = project.env("PINTAIL_POSTGRES_BIN", "/nowhere");
    let none = project.run("check");
    assert!(none.contains("is away, and its models are not checked"), "{none}");
    assert!(none.contains("A private server cannot take its place: This machine has no"), "{none}");
}

/// The same project with everything on PostgreSQL.
fn on_postgres(cases: &[Case]) -> Project {
    let mut files = SHOP.to_owned();
    for (name, sql, _) in cases {
        files.push_str(&format!("== models/planted/{name}.sql\n{sql}\n"));
    }
    let project = Project::hybrid(&files);
    project.write(
        "dbt_project.yml",
        "name: shop\nprofile: shop\nmodels:\n  +engine: operational\n  +materialized: table\nseeds:\n  +engine: operational\n",
    );
    project
}

fn as_postgres_tells(cases: &[Case]) -> Vec<Case> {
    let told = |(name, sql, expected): &Case| {
        let other = POSTGRES.iter().find(|(of, _)| of == name);
        (*name, *sql, other.map_or(*expected, |(_, other)| *other))
    };
    cases.iter().map(told).filter(|(.., expected)| !expected.is_empty()).collect()
}

#[test]
fn postgres_names() {
    let project = on_postgres(NAMES);
    all_are_found(&project, &as_postgres_tells(NAMES));
    assert_snapshot!(project.run("check"));
}

#[test]
fn postgres_types() {
    let project = on_postgres(TYPES);
    all_are_found(&project, &as_postgres_tells(TYPES));
    assert_snapshot!(project.run("check"));
}

/// What properties, configurations and unit tests say of columns that are not there.
#[test]
fn properties() {
    let project = Project::new(&format!("{SHOP}{PROPERTIES}"));
    let mut found: Vec<String> =
        found(&project).into_iter().map(|(file, what)| format!("{file} {what}")).collect();
    found.sort();
    assert_eq!(
        found,
        [
            "eager PT511 1:50 'ordred_id'",
            "kept PT511 2:67 'changed_at'",
            "promises PT520 1:1 ",
            "schema PT519 10:15 'amuont'",
            "schema PT519 5:15 totl",
            "schema PT519 7:15 regionn",
            "schema PT520 16:15 amount",
            "schema PT520 18:15 missing",
            "unit PT521 6:17 order_idd",
            "unit PT521 8:28 n",
        ]
    );
    assert_snapshot!(project.run("check"));
}

/// Warnings alone do not fail, unless they are asked to.
#[test]
fn warnings_alone() {
    let project = Project::new(
        "== models/orders.sql\nselect 1 as id\n== models/schema.yml\nmodels: [{name: orders, columns: [{name: total}]}]\n",
    );
    let shown = project.run("check");
    assert!(shown.starts_with("exit code: 0\n") && shown.contains("warning[PT519]"), "{shown}");
    let shown = project.run("check --warn-error");
    assert!(shown.starts_with("exit code: 1\n"), "{shown}");
}

const PROPERTIES: &str = "\
== models/schema.yml
models:
  - name: orders
    columns:
      - name: order_id
      - name: totl
        description: Not there.
      - name: regionn
        data_tests: [not_null]
      - name: amount
      - name: 'amuont'
  - name: promises
    config:
      contract: {enforced: true}
    columns:
      - {name: order_id, data_type: integer}
      - name: amount
        data_type: varchar
      - name: missing
        data_type: date
== models/promises.sql
select order_id, amount, status from {{ ref('orders') }}
== models/eager.sql
{{ config(materialized='incremental', unique_key='ordred_id') }}
select order_id from {{ ref('orders') }}
== models/unit.yml
unit_tests:
  - name: fit
    model: eager
    given:
      - input: ref('orders')
        rows: [{order_idd: 1}]
    expect:
      rows: [{order_id: 1, n: 2}]
== snapshots/kept.sql
{% snapshot kept %}
{{ config(unique_key='order_id', strategy='timestamp', updated_at='changed_at', target_schema='main') }}
select order_id, status from {{ ref('orders') }}
{% endsnapshot %}
";

/// Columns that cannot cross between the engines.
#[test]
fn bridges() {
    let project = Project::hybrid(
        "== models/wide.sql\nselect 1 as id, {'a': 1} as parts, timestamp_ns '2025-01-01' as at_ns\n== models/far.sql\n{{ config(engine='operational') }}\nselect id, parts\nfrom {{ ref('wide') }}\n== models/loose.sql\n{{ config(engine='operational') }}\nselect 1::numeric as price, 2 as id\n== models/near.sql\nselect l.price, l.idd from {{ ref('loose') }} as l\n",
    );
    assert_snapshot!(project.run("check"));
}

/// What is not known is no mistake: a source of which nothing or little is known, a template that asks
/// the database, Python, types that depend on any of these, tables that a hook may make.
#[test]
fn what_is_not_known_is_not_told() {
    let project = Project::new(UNKNOWN);
    let shown = project.run("check");
    assert!(shown.starts_with("exit code: 0\n"), "{shown}");
    assert_snapshot!(shown);
    assert!(!project.path("shop.duckdb").exists(), "the database is not made");
    assert!(!project.path("target").exists(), "nothing is written");
}

const UNKNOWN: &str = "\
== models/sources.yml
sources:
  - name: raw
    tables:
      - name: events
        columns: [{name: id}, {name: kind}]
      - name: users
== models/stg_events.sql
with source as (select * from {{ source('raw', 'events') }})
select id, kind, payload, date_trunc('day', happened_at) as day, lower(kind) as lower_kind from source
== models/stg_users.sql
select u.* from {{ source('raw', 'users') }} as u where u.name is not null
== models/joined.sql
select e.id, e.day, e.day + 1 as next_day, u.email, sum(e.payload) over (partition by u.id) as total
from {{ ref('stg_events') }} as e
join {{ ref('stg_users') }} as u on u.id = e.id
where e.day > current_date and abs(e.payload) > 1
union all
select id, day, day, day, payload from {{ ref('stg_events') }}
== models/asks.sql
{% set names = run_query('select distinct kind from ' ~ source('raw', 'events')).columns[0].values() %}
select {% for name in names %} 1 as {{ name }}, {% endfor %} 2 as two
== models/reads_python.sql
select anything, upper(anything) as more from {{ ref('py') }}
== models/py.py
def model(dbt, session):
    return session.sql('select 1 as x')
== models/hooked.sql
{{ config(pre_hook=['create table if not exists side as select 1 as x', 'create or replace macro my_function(x) as x + 1']) }}
select x, my_function(x) as y from side
== models/files.sql
select a, b from read_csv('not_there.csv')
== models/by_variable.sql
select 1 as {{ var('name', 'id') }}
== models/unit.yml
unit_tests:
  - name: another_name
    model: by_variable
    given: []
    expect: {rows: [{number: 1}]}
    overrides: {vars: {name: number}}
";

/// PostgreSQL folds what is not quoted.
#[test]
fn a_seed_without_quotes() {
    let project = Project::hybrid(
        "== seeds/raw.csv\nID,Name\n1,Ada\n== models/names.sql\n{{ config(engine='operational') }}\nselect id, name from {{ ref('raw') }}\n",
    );
    project.write(
        "dbt_project.yml",
        "name: shop\nprofile: shop\nseeds: {+engine: operational, +quote_columns: false}\n",
    );
    let shown = project.run("check");
    assert!(shown.starts_with("exit code: 0\n"), "{shown}");
    let built = project.run("build");
    assert!(built.starts_with("exit code: 0\n"), "{built}");
}

/// Sources that are files tell their own columns.
#[test]
fn a_source_that_is_a_file() {
    let project = Project::new(
        "== data/events.csv\nid,kind,at_time\n1,click,2025-01-31 10:00:00\n== models/sources.yml\nsources:\n  - name: raw\n    meta: {external_location: 'data/{name}.csv'}\n    tables:\n      - name: events\n        columns:\n          - name: kind\n          - name: kindd\n== models/clicks.sql\nselect id, knd, at_time > 5 as late from {{ source('raw', 'events') }}\n",
    );
    assert_snapshot!(project.run("check"));
}

/// Sources in the configured database have the columns that they have there.
#[test]
fn a_source_that_is_a_table() {
    let project = Project::new(
        "== models/events.sql\nselect 1 as id, 'click' as kind\n== other/models/sources.yml\nsources: [{name: raw, schema: main, tables: [{name: events}]}]\n== other/models/clicks.sql\nselect id, knd from {{ source('raw', 'events') }}\n== other/dbt_project.yml\nname: other\nprofile: shop\n",
    );
    let built = project.run("run");
    assert!(built.starts_with("exit code: 0\n"), "{built}");
    project.write(
        "other/profiles.yml",
        "shop: {target: dev, outputs: {dev: {type: duckdb, path: ../shop.duckdb}}}\n",
    );
    assert_snapshot!(project.run("check --project-dir other --profiles-dir other"));
}

/// A broken model neither hides the mistakes of its readers nor makes any.
#[test]
fn all_mistakes_at_once() {
    let project = Project::new(&format!("{SHOP}{MANY}"));
    assert_snapshot!(project.run("check"));
    // Of a selection only its own are told, with what is known of all that it reads.
    assert_snapshot!("of_a_selection", project.run("check --select reader"));
}

const MANY: &str = "\
== models/broken.sql
select
  order_id,
  amuont,
  lower(order_id) as id_text,
  ordered_on - status as days,
  no_such(status) as x,
  {{ cents('amont') }} as cents
from {{ ref('orders') }}
where ordered_on > 5
== models/reader.sql
select order_id, amuont + 1 as more, days, upper(x) as x, centz, lower(order_id) as y
from {{ ref('broken') }}
";

/// With `--check` nothing runs where a mistake is found, and all goes on where there is none.
#[test]
fn before_a_run() {
    let project = Project::new(&format!(
        "{SHOP}== models/late.sql\nselect order_idd from {{{{ ref('orders') }}}}\n"
    ));
    assert_snapshot!(project.run("build --check"));
    assert!(!project.path("shop.duckdb").exists());
    let fine = project.run("build --check --exclude late");
    assert!(fine.starts_with("exit code: 0\n") && fine.contains("nothing is wrong"), "{fine}");
    let compiled = project.run("compile --check");
    assert!(compiled.starts_with("exit code: 1\n") && compiled.contains("order_idd"), "{compiled}");
}

#[test]
fn a_model_that_is_only_a_comment() {
    let project = Project::new("== models/m.sql\n-- nothing\n-- to see\n");
    assert_snapshot!(project.run("check"));
}

#[test]
fn a_copy_of_a_personal_column() {
    let project = Project::new(
        "\
== seeds/people.csv
id,mail
1,a
== models/contacts.sql
select id, mail as contact from {{ ref('people') }}
== models/properties.yml
seeds:
  - name: people
    columns: [{name: mail, meta: {pii: true}}]
models:
  - name: contacts
    columns: [{name: contact}]
",
    );
    assert_snapshot!(project.run("check"));
}
