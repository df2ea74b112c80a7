-- asof_on
select * from orders asof join customers c on orders.amount >= c.id and orders.id = c.id
-- asof_using
select * from orders asof left join customers using (id)
-- positional
select * from orders positional join customers
-- pivot_statement
pivot orders on status in ('a', 'b') using sum(amount) as total, count(*) as n group by customer_id
-- pivot_statement_without_values
pivot orders on status using sum(amount) group by customer_id
-- pivot_statement_of_two_columns
pivot orders on status in ('a', 'b'), customer_id in (1, 2) using max(amount)
-- pivot_statement_that_counts
select * from (pivot orders on status in ('a', 'b')) as p where a > 0
-- pivot_statement_behind_an_expression
with o as (select id, status, amount * 2 as twice from orders)
pivot o on status in ('a') using sum(twice)
-- pivot_of_a_relation
from orders pivot (sum(amount) as s, count(*) as n for status in ('a', 'b' as c) group by id)
-- pivot_of_a_relation_by_two_columns
select * from orders pivot (sum(amount) for status in ('a') customer_id in (1, 2)) as p
-- pivot_of_a_subquery
select p.id, a from (select id, amount, status from orders) pivot (sum(amount) for status in ('a', 'b')) as p
-- unpivot_statement
unpivot orders on amount, customer_id into name k value v
-- unpivot_statement_of_a_pattern
unpivot orders on columns(* exclude (id, status)) into name k value v
-- unpivot_statement_without_names
unpivot (select id, amount, customer_id from orders) on amount, customer_id
-- unpivot_of_several_values
unpivot orders on (amount, id), (customer_id, id) into name k value v, w
-- unpivot_of_a_relation
from orders unpivot include nulls (v for k in (amount as a, customer_id))
-- unpivot_of_a_relation_with_several_values
from orders unpivot ((v, w) for k in ((amount, id), (customer_id, id)))
-- from_first
from orders select id, amount
-- from_alone
from orders
-- columns_of_a_pattern
select columns('^a') + 1, min(columns(['id'])) over () as least from orders
-- columns_of_a_lambda
select columns(c -> c like 'a%') from orders
-- star_without_replacing_renaming
select * exclude (customer_id) replace (amount + 1 as amount) rename (id as key) from orders
-- star_of_one_relation
select o.* exclude id, c.name from orders o, customers c
-- fields_of_a_struct
select s.* from (select {'a': id, 'b': name} as s from customers)
-- field_of_a_struct
select s.a, s['b'] as b, (s).a as c from (select {'a': id, 'b': name} as s from customers)
-- unnest_a_struct
select id, unnest(s) from (select id, {'a': id, 'b': name} as s from customers)
-- unnest_a_list
select unnest([id, amount]) as u, status from orders
-- unnest_beside
select o.id, t.v from orders o, unnest([o.amount, o.customer_id]) as t(v)
-- aliases_beside
select id as a, a + 1 as b, b * 2 as c from orders where b > 1
-- list_of_values
select x, y from (values (1, 'a'), (2, 'b')) t(x, y)
-- values_alone
values (1, 'a')
-- recursive
with recursive t(n, of_whom) as (
    select 0, id from orders union all select n + 1, of_whom from t where n < 5)
select * from t
-- recursive_with_a_key
with recursive t(a, b) using key (a) as (
    select id, amount from orders union select a, b + 1 from t where b < 3)
select * from t
-- first_of_each
select distinct on (customer_id) customer_id, amount from orders order by customer_id, id desc
-- sets_of_groups
select customer_id, status, sum(amount) as s, grouping(status) as g
from orders group by grouping sets ((customer_id), (status), ())
-- cube
select customer_id, status, count(*) as n from orders group by cube (customer_id, status)
-- group_by_all
select customer_id, status, sum(amount) as s from orders group by all having sum(amount) > 1
-- within_group
select percentile_cont(0.5) within group (order by amount) as m from orders
-- frame_without_ties
select id, sum(amount) over (partition by status order by id
    rows between unbounded preceding and current row exclude ties) as s from orders
-- semi
select * from orders semi join customers using (id)
-- anti
select * from orders anti join customers on orders.customer_id = customers.id
-- full_join_using
select id, amount, name from orders full join customers using (id)
-- union_by_name
select id, amount from orders union all by name select name, id from customers
-- lateral_subquery
select o.id, t.d from orders o, (select o.amount * 2 as d) t
-- correlated
select id, (select max(amount) from orders o where o.customer_id = c.id) as most from customers c
-- names_without_alias
select ID, o.Status, amount + 1, sum(amount) over (), count(*) over (), id::varchar, coalesce(amount, 0),
    case when id = 1 then 'x' end, lower(status), amount is null, id in (1, 2), 1, 'a', -amount,
    round(amount / 100.0, 2), amount::decimal(10, 2)
from orders o
-- powers
select amount ** 2 as q from orders
-- maps_and_lists
select map {'a': id} as m, list_transform([amount], lambda x: x + id) as l, [id, amount][1] as f from orders
-- subquery_and_qualify
select id, (select count(*) from orders) as n from customers qualify row_number() over (order by name) = 1
-- list_comprehension
select [x + 1 for x in [id, amount] if x > 1] as l from orders
-- sample
select * from orders using sample 10%
-- like_star
select * like 'a%' from orders
