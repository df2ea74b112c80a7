-- lateral_that_counts
select o.id, x.n from orders o cross join lateral (select count(*) as n from customers c where c.id = o.customer_id) x
-- lateral_first
select o.id, x.n from orders o left join lateral (select name as n from customers c where c.id = o.customer_id limit 1) x on true
-- recordset
select o.id, x.a, x.b from orders o, json_to_recordset(o.status::json) as x(a int, b text)
-- recordset_lateral
select x.* from orders o cross join lateral jsonb_to_recordset(o.status::jsonb) as x(a int, b text)
-- recordset_of_a_constant
select x.a from json_to_recordset('[{"a": 1}]') as x(a int)
-- record
select r.a from orders o, jsonb_to_record(o.status::jsonb) as r(a int, b text)
-- each
select o.id, e.k, e.v from orders o, jsonb_each_text(o.status::jsonb) as e(k, v)
-- first_of_each
select distinct on (customer_id) customer_id, amount from orders order by customer_id, id desc
-- sets_of_groups
select customer_id, status, sum(amount) as s, grouping(status) as g
from orders group by grouping sets ((customer_id), (status), ())
-- rollup
select customer_id, sum(amount) from orders group by rollup (customer_id)
-- within_group
select percentile_cont(0.5) within group (order by amount) as m,
    mode() within group (order by status) as o from orders
-- aggregate_with_order_and_filter
select string_agg(status, ',' order by id) filter (where amount > 1) as s from orders
-- unnest_with_ordinality
select o.id, u.v, u.n from orders o cross join unnest(array[o.status, o.amount::text]) with ordinality as u(v, n)
-- series
select g, g + 1 as next from generate_series(1, 3) g
-- split
select o.id, x from orders o, regexp_split_to_table(o.status, ',') as x
-- row_as_a_value
select row_to_json(c) as j, (c).email as e from customers c
-- window_with_a_name
select id, sum(amount) over w as s from orders window w as (partition by status order by id)
-- recursive
with recursive t(n, of_whom) as (
    select 0, id from orders union all select n + 1, of_whom from t where n < 5)
select * from t
-- materialized
with t as materialized (select id, upper(status) as status from orders) select * from t
-- values_alone
values (1, 'a')
-- list_of_values
select x, y from (values (1, 'a'), (2, 'b')) t(x, y)
-- full_join_using
select id, amount, name from orders full join customers using (id)
-- natural
select * from (select id, amount from orders) o natural join customers
-- array_of_a_query
select id, array(select name from customers c where c.id = o.customer_id) as names from orders o
-- json_operators
select status::json ->> 'a' as a, status::jsonb #>> '{a,b}' as b, status::jsonb @> '{}' as c from orders
-- names_without_alias
select o.id, upper(o.status), amount::text, case when id = 1 then 'x' end, 1, coalesce(amount, 0), exists (select 1),
    array[1], extract(year from current_date), "o"."Loud", sum(amount) over ()
from (select *, status as "Loud" from orders) o
-- set_operations
select id from orders except select customer_id from orders where amount > 1
-- several_functions
select * from rows from (generate_series(1, 2), generate_series(1, 3)) as t(a, b)
