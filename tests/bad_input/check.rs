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
