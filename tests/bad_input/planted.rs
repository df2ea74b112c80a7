//! The mistakes that `check` is to find: a shop, and models that read it wrongly.

/// What the planted models read.
pub const SHOP: &str = "\
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
pub type Case = (&'static str, &'static str, &'static str);

/// Names that are not there.
pub const NAMES: &[Case] = &[
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
pub const TYPES: &[Case] = &[
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
pub const HABITS: &[Case] = &[
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

/// What PostgreSQL tells in another way, or at another place.
pub const POSTGRES: &[(&str, &str)] = &[
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
