-- What a run did with each node, in the order in which work on it began. $1 the run
select
    task_id, run_id, unique_id, resource_type, name, engine, context, materialization, relation,
    status, rows_affected, bytes, target,
    (extract(epoch from coalesce(started_at, run_started_at)) * 1000000)::bigint as started_us,
    duration_ms, message, thread
from etl_orchestration.task_executions
where run_id = $1 and started_at is not null
order by started_at, unique_id
