-- The latest executions of a node. $1 its name or unique_id, $2 project or null, $3 which statuses
-- or null, $4 not before or null, $5 how many
with by_name as (
    select *
    from etl_orchestration.task_executions
    where
        name = $1
        and ($2::text is null or project = $2)
        and ($3::text[] is null or status = any ($3))
        and ($4::timestamptz is null or run_started_at >= $4)
    order by run_started_at desc
    limit $5
), by_id as (
    select *
    from etl_orchestration.task_executions
    where
        unique_id = $1
        and ($2::text is null or project = $2)
        and ($3::text[] is null or status = any ($3))
        and ($4::timestamptz is null or run_started_at >= $4)
    order by run_started_at desc
    limit $5
)
select
    task_id, run_id, unique_id, resource_type, name, engine, context, materialization, relation,
    status, rows_affected, bytes, target,
    (extract(epoch from coalesce(started_at, run_started_at)) * 1000000)::bigint as started_us,
    duration_ms, message, thread
from (select * from by_name union select * from by_id) as task
order by run_started_at desc, started_at desc nulls last, unique_id
limit $5
