insert into etl_orchestration.task_executions (
    task_id, run_id, unique_id, resource_type, name, engine, context, materialization, relation,
    status, rows_affected, bytes, started_at, finished_at, duration_ms, compiled_sql_hash, message,
    retry_of, thread, project, target, run_started_at
)
select
    task.task_id, task.run_id, task.unique_id, task.resource_type, task.name, task.engine,
    task.context, task.materialization, task.relation, task.status, task.rows_affected, task.bytes,
    task.started_at, task.finished_at, task.duration_ms, task.compiled_sql_hash, task.message,
    task.retry_of, task.thread, run.project, coalesce(run.target, ''), run.started_at
-- An array for each column.
from unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::timestamptz[], $14::timestamptz[],
    $15::bigint[], $16::text[], $17::text[], $18::uuid[], $19::int[]
) as task (
    task_id, run_id, unique_id, resource_type, name, engine, context, materialization, relation,
    status, rows_affected, bytes, started_at, finished_at, duration_ms, compiled_sql_hash, message,
    retry_of, thread
)
-- Without its run a task is refused, not left out.
left join etl_orchestration.pipeline_runs as run on run.run_id = task.run_id
on conflict do nothing
