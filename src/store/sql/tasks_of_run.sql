-- What a run did with each node, and the bridges on the way, in the order in which work on it began.
-- $1 the run
select
    task_id, run_id, unique_id, resource_type, name, engine, context, materialization, relation,
    status, rows_affected, bytes, target,
    (extract(epoch from coalesce(started_at, run_started_at)) * 1000000)::bigint as started_us,
    duration_ms, message, thread
from etl_orchestration.task_executions
where run_id = $1 and started_at is not null
union all
select
    load_id, run_id, coalesce(unique_id, ''), kind, coalesce(source, ''), target_engine, null, null,
    target, status, rows_loaded, bytes_loaded, null,
    (extract(epoch from loaded_at) * 1000000)::bigint - coalesce(duration_ms, 0) * 1000,
    duration_ms, null, null
from etl_orchestration.data_loads
where run_id = $1 and kind = 'bridge'
order by started_us, unique_id
