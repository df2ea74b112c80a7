-- The last executions of each node that is no test, the oldest first. $1 project, $2 target,
-- $3 how many. Nodes are found one after the other in the index, as in times.sql.
with recursive known as (
    (
        select unique_id
        from etl_orchestration.task_executions
        where project = $1
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
)
select known.unique_id, past.*
from known
cross join lateral (
    select
        array_agg((extract(epoch from run_started_at) * 1000)::bigint order by run_started_at)
            as at_ms,
        array_agg(status order by run_started_at) as statuses,
        array_agg(duration_ms order by run_started_at) as durations,
        array_agg(rows_affected order by run_started_at) as counts,
        (array_agg(message order by run_started_at desc))[1] as message
    from (
        select run_started_at, status, duration_ms, rows_affected, message
        from etl_orchestration.task_executions as task
        where
            task.project = $1
            and task.target = $2
            and task.unique_id = known.unique_id
            and task.resource_type not in ('test', 'unit_test')
        order by task.run_started_at desc
        limit $3
    ) as recent
) as past
where known.unique_id is not null and past.at_ms is not null
