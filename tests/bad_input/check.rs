//! `check`: planted mistakes, each with the finding that it has to have: code, line and column of
//! the model's own file, and the words there. The whole is snapshotted as a person reads it.

use insta::assert_snapshot;
use serde_json::Value;

use crate::project::Project;

/// What the planted models read.
const SHOP: &str = "\
== seeds/raw_orders.csv
id,customer,amount,status,day
1,7,12.50,placed,2025-01-31
== seeds/raw_customers.csv
id,name,email,since
7,Ada,ada@example.org,2024-12-24
== macros/money.sql
{% macro cents(column) %}round({{ column }} * 100){% endmacro %}
{% macro broken_macro(column) %}no_such_cents({{ column }}){% endmacro %}
== models/orders.sql
select id as order_id, customer as customer_id, amount, status, day as ordered_on
from {{ ref('raw_orders') }}
== models/customers.sql
select id as customer_id, name, email, since from {{ ref('raw_customers') }}
== models/days.sql
{{ config(materialized='ephemeral') }}
select ordered_on, count(*) as orders from {{ ref('orders') }} group by ordered_on
";

/// A model, and the finding: `code line:column words`.
type Case = (&'static str, &'static str, &'static str);

/// Names that are not there.
const NAMES: &[Case] = &[
    ("column", "select order_id, amuont from {{ ref('orders') }}", "PT511 1:18 amuont"),
    (
        "column_of_alias",
        "select\n  o.order_id,\n  o.amuont as amount\nfrom {{ ref('orders') }} as o",
        "PT511 3:3 o.amuont",
    ),
    (
        "column_in_where",
        "select order_id from {{ ref('orders') }}\nwhere state = 'placed'",
        "PT511 2:7 state",
    ),
    (
        "column_in_join",
        "select o.order_id\nfrom {{ ref('orders') }} as o\njoin {{ ref('customers') }} as c on o.customer_id = c.id",
        "PT511 3:53 c.id",
    ),
    (
        "column_in_group_by",
        "select count(*) as n from {{ ref('orders') }} group by stat",
        "PT511 1:56 stat",
    ),
    (
        "column_in_order_by",
        "select order_id from {{ ref('orders') }} order by orderd_on",
        "PT511 1:51 orderd_on",
    ),
    (
        "column_in_window",
        "select row_number() over (partition by customer order by ordered_on) as n from {{ ref('orders') }}",
        "PT511 1:40 customer",
    ),
    (
        "column_in_call",
        "select coalesce(amount, discount, 0) as amount from {{ ref('orders') }}",
        "PT511 1:25 discount",
    ),
    (
        "column_of_cte",
        "with paid as (\n  select order_id from {{ ref('orders') }}\n)\nselect order_id, amount from paid",
        "PT511 4:18 amount",
    ),
    (
        "column_in_cte",
        "with paid as (\n  select order_id, paid_on from {{ ref('orders') }}\n)\nselect * from paid",
        "PT511 2:20 paid_on",
    ),
    (
        "column_in_subquery",
        "select name from {{ ref('customers') }}\nwhere customer_id in (select custmer_id from {{ ref('orders') }})",
        "PT511 2:30 custmer_id",
    ),
    (
        "alias_of_nothing",
        "select o.order_id, c.name from {{ ref('orders') }} as o",
        "PT511 1:20 c.name",
    ),
    (
        "column_in_loop",
        "select\n{% for column in ['order_id', 'totl'] %}\n  {{ column }},\n{% endfor %}\n  1 as one\nfrom {{ ref('orders') }}",
        "PT511 3:6 column",
    ),
    (
        "column_in_macro",
        "select\n  order_id,\n  {{ cents('amont') }} as cents\nfrom {{ ref('orders') }}",
        "PT511 3:6 cents('amont')",
    ),
    (
        "column_after_set_block",
        "{% set filter %}\n  status = 'placed'\n{% endset %}\nselect order_id from {{ ref('orders') }}\nwhere {{ filter }} and amnt > 0",
        "PT511 5:24 amnt",
    ),
    (
        "column_after_comment",
        "{# über Bestellungen #}\nselect 'é' as accent, amuont from {{ ref('orders') }}",
        "PT511 2:23 amuont",
    ),
    (
        "column_of_ephemeral",
        "select ordered_on, order_count from {{ ref('days') }}",
        "PT511 1:20 order_count",
    ),
    (
        "column_of_seed",
        "select id, amount_paid from {{ ref('raw_orders') }}",
        "PT511 1:12 amount_paid",
    ),
    (
        "column_when_incremental",
        "{{ config(materialized='incremental', unique_key='order_id') }}\nselect order_id, ordered_on from {{ ref('orders') }}\n{% if is_incremental() %}\nwhere ordered_on > (select max(orderd_on) from {{ this }})\n{% endif %}",
        "PT511 4:32 orderd_on",
    ),
    ("function", "select initcaps(name) as name from {{ ref('customers') }}", "PT513 1:8 initcaps"),
    (
        "function_in_macro",
        "select {{ broken_macro('amount') }} as cents from {{ ref('orders') }}",
        "PT513 1:11 broken_macro('amount')",
    ),
    ("table", "select id from raw.ordrs", "PT512 1:16 raw.ordrs"),
    ("cte", "with paid as (select 1 as id)\nselect id from payd", "PT512 2:16 payd"),
    (
        "data_type",
        "select cast(amount as monney) as amount from {{ ref('orders') }}",
        "PT513 1:23 monney",
    ),
    (
        "ambiguous",
        "select customer_id from {{ ref('orders') }} as o join {{ ref('customers') }} as c on o.customer_id = c.customer_id",
        "PT514 1:8 customer_id",
    ),
];

/// Types and numbers that do not fit, and what is no query.
const TYPES: &[Case] = &[
    ("compared", "select order_id from {{ ref('orders') }} where ordered_on > 5", "PT515 1:59 >"),
    ("subtracted", "select ordered_on - status as d from {{ ref('orders') }}", "PT515 1:19 -"),
    ("wrong_argument", "select lower(order_id) as l from {{ ref('orders') }}", "PT515 1:8 lower"),
    (
        "too_many_arguments",
        "select lower(status, 'x') as l from {{ ref('orders') }}",
        "PT515 1:8 lower",
    ),
    ("summed_text", "select sum(status) as s from {{ ref('orders') }}", "PT515 1:8 sum"),
    (
        "mixed_case",
        "select case when amount > 1 then order_id else ordered_on end as x from {{ ref('orders') }}",
        "PT515 1:8 case",
    ),
    (
        "union_arity",
        "select order_id, amount from {{ ref('orders') }}\nunion all\nselect order_id from {{ ref('orders') }}",
        "PT516 2:1 union",
    ),
    (
        "subquery_columns",
        "select name, (select order_id, amount from {{ ref('orders') }}) as o from {{ ref('customers') }}",
        "PT516 1:14 (",
    ),
    (
        "not_grouped",
        "select status, customer_id, count(*) as n from {{ ref('orders') }} group by status",
        "PT518 1:16 customer_id",
    ),
    (
        "aggregate_in_where",
        "select status from {{ ref('orders') }} where sum(amount) > 1",
        "PT518 1:46 sum",
    ),
    ("nested_aggregate", "select max(sum(amount)) as m from {{ ref('orders') }}", "PT518 1:12 sum"),
    ("syntax", "select order_id,, amount from {{ ref('orders') }}", "PT517 1:17 ,"),
    (
        "syntax_by_jinja",
        "select order_id\n{% if true %}\n  and amount\n{% endif %}\nfrom {{ ref('orders') }} wher amount > 1",
        "PT517 5:31 amount",
    ),
];

/// What is written most often by hand, or brought along from another database.
const HABITS: &[Case] = &[
    ("semicolon", "select order_id from {{ ref('orders') }};", "PT517 1:41 ;"),
    (
        "quoted_text",
        "select order_id from {{ ref('orders') }} where status = \"placed\"",
        "PT511 1:57 \"placed\"",
    ),
    ("comma_before_from", "select order_id, amount,\nfrom {{ ref('orders') }}", ""),
    ("no_bracket", "select coalesce(amount, 0 as amount from {{ ref('orders') }}", "PT517 1:27 as"),
    (
        "case_without_end",
        "select case when amount > 1 then 'big' as size from {{ ref('orders') }}",
        "PT517 1:40 as",
    ),
    (
        "group_by_place",
        "select status, count(*) as n from {{ ref('orders') }} group by 3",
        "PT516 1:1 ",
    ),
    (
        "window_in_where",
        "select order_id from {{ ref('orders') }} where row_number() over (order by order_id) = 1",
        "PT518 1:48 row_number",
    ),
    (
        "window_without_over",
        "select lag(amount) as before from {{ ref('orders') }}",
        "PT513 1:8 lag",
    ),
    (
        "of_another_database",
        "select nvl(amount, 0) as amount from {{ ref('orders') }}",
        "PT513 1:8 nvl",
    ),
    (
        "add_a_day",
        "select dateadd('day', 1, ordered_on) as next_day from {{ ref('orders') }}",
        "PT513 1:8 dateadd",
    ),
    (
        "join_without_condition",
        "select o.order_id from {{ ref('orders') }} as o\nleft join {{ ref('customers') }} as c\nwhere o.amount > 1",
        "PT517 3:1 where",
    ),
    ("keyword", "select order_id form {{ ref('orders') }}", "PT517 1:25 ref('orders')"),
    ("two_statements", "select 1 as id;\nselect 2 as id", "PT517 1:15 ;"),
    ("compared_with_text", "select order_id from {{ ref('orders') }} where amount = 'many'", ""),
    ("star_and_count", "select *, count(*) as n from {{ ref('orders') }}", "PT518 1:1 "),
    ("alias_in_where", "select amount * 2 as twice from {{ ref('orders') }} where twice > 1", ""),
    (
        "only_for_one_engine",
        "select order_id from {{ ref('orders') }} qualify row_number() over (order by order_id) = 1",
        "",
    ),
    (
        "far_away_column",
        "select order_id, warehouse from {{ ref('orders') }}",
        "PT511 1:18 warehouse",
    ),
    ("none_of_it", "{% if false %} select 1 as id {% endif %}", "PT517 1:1 "),
    (
        "after_a_hook",
        "{{ config(post_hook='create index if not exists i on {{ this }} (order_id)') }}\nselect order_id, initcaps(status) as s from {{ ref('orders') }}",
        "PT513 2:18 initcaps",
    ),
    (
        "of_a_hook",
        "{{ config(pre_hook='create table if not exists side as select 1 as x') }}\nselect x, y_of(x) as y from side",
        "PT513 2:11 y_of",
    ),
];

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

/// What PostgreSQL tells in another way, or at another place.
const POSTGRES: &[(&str, &str)] = &[
    ("mixed_case", "PT515 1:34 order_id"),
    ("union_arity", "PT516 3:8 order_id"),
    ("comma_before_from", "PT517 2:1 from"),
    ("group_by_place", "PT516 1:64 3"),
    ("window_without_over", "PT518 1:8 lag"),
    ("compared_with_text", "PT515 1:57 'many'"),
    ("star_and_count", "PT518 1:8 *"),
    ("alias_in_where", "PT511 1:59 twice"),
    ("only_for_one_engine", "PT517 1:50 row_number"),
];

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
