-- The latest executions of a node. $1 its name or unique_id, $2 project or null, $3 which statuses
-- or null, $4 not before or null, $5 how many.
-- Nodes, and then their targets, are found one after the other in the index.
with recursive projects as materialized (
    select distinct project
    from etl_orchestration.pipeline_runs
    where $2::text is null or project = $2
), known as (
    select projects.project, first.unique_id, first.name
    from projects
    cross join lateral (
        select unique_id, name
        from etl_orchestration.task_executions as task
        where task.project = projects.project
        order by task.unique_id
        limit 1
    ) as first
    union all
    select known.project, next.unique_id, next.name
    from known
    cross join lateral (
        select unique_id, name
        from etl_orchestration.task_executions as task
        where task.project = known.project and task.unique_id > known.unique_id
        order by task.unique_id
        limit 1
    ) as next
), places as (
    select known.project, known.unique_id, first.target
    from known
    cross join lateral (
        select target
        from etl_orchestration.task_executions as task
        where task.project = known.project and task.unique_id = known.unique_id
        order by task.target
        limit 1
    ) as first
    where $1 in (known.name, known.unique_id)
    union all
    select places.project, places.unique_id, next.target
    from places
    cross join lateral (
        select target
        from etl_orchestration.task_executions as task
        where
            task.project = places.project
            and task.unique_id = places.unique_id
            and task.target > places.target
        order by task.target
        limit 1
    ) as next
)
select
    task.task_id, task.run_id, task.unique_id, task.resource_type, task.name, task.engine,
    task.context, task.materialization, task.relation, task.status, task.rows_affected, task.bytes,
    task.target,
    (extract(epoch from coalesce(task.started_at, task.run_started_at)) * 1000000)::bigint
        as started_us,
    task.duration_ms, task.message, task.thread
from places
cross join lateral (
    select *
    from etl_orchestration.task_executions as one
    where
        one.project = places.project
        and one.unique_id = places.unique_id
        and one.target = places.target
        and ($3::text[] is null or one.status = any ($3))
        and ($4::timestamptz is null or one.run_started_at >= $4)
    order by one.run_started_at desc
    limit $5
) as task
order by task.run_started_at desc, task.started_at desc nulls last, task.unique_id
limit $5
