-- How long nodes took in their last runs. $1 project, $2 target, $3 only these nodes or null,
-- $4 only nodes that took part in a run since, $5 how many runs.
-- The nodes are found one after the other in the index: there are few of them in many rows.
with recursive known as (
    (
        select unique_id
        from etl_orchestration.task_executions
        where project = $1 and $3::text[] is null
        order by unique_id
        limit 1
    )
    union all
    select (
        select next.unique_id
        from etl_orchestration.task_executions as next
        where next.project = $1 and next.unique_id > known.unique_id
        order by next.unique_id
        limit 1
    )
    from known
    where known.unique_id is not null
), nodes as (
    select unique_id from known where unique_id is not null
    union all
    select unnest($3::text[])
)
select
    nodes.unique_id, times.name, times.resource_type, times.durations, times.sql_changed,
    (extract(epoch from times.last_at) * 1000000)::bigint as last_us
from nodes
cross join lateral (
    -- The newest first, as they are read.
    select
        max(name) as name,
        max(resource_type) as resource_type,
        max(run_started_at) as last_at,
        array_agg(duration_ms) as durations,
        (array_agg(compiled_sql_hash))[1] is distinct from (array_agg(compiled_sql_hash))[2]
            as sql_changed
    from (
        select name, resource_type, run_started_at, duration_ms, compiled_sql_hash
        from etl_orchestration.task_executions as task
        where
            task.project = $1
            and task.target = $2
            and task.unique_id = nodes.unique_id
            and task.status in ('success', 'pass', 'warn', 'fail')
            and task.duration_ms is not null
        order by task.run_started_at desc
        limit $5
    ) as recent
) as times
where times.last_at >= $4
order by nodes.unique_id
