-- The store's tables, the largest first.
select
    format('%s.%s', n.nspname, c.relname) as name,
    coalesce(s.n_live_tup, 0) as about_rows,
    pg_total_relation_size(c.oid) as bytes,
    has_table_privilege(c.oid, 'select') as may_read,
    has_table_privilege(c.oid, 'insert') as may_write
from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
left join pg_stat_user_tables as s on s.relid = c.oid
where
    n.nspname in ('etl_orchestration', 'data_quality', 'security_audit')
    and c.relkind in ('r', 'p')
order by bytes desc, name
