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
from json_to_recordset($1::text::json) as task (
    task_id uuid, run_id uuid, unique_id text, resource_type text, name text, engine text,
    context text, materialization text, relation text, status text, rows_affected bigint,
    bytes bigint, started_at timestamptz, finished_at timestamptz, duration_ms bigint,
    compiled_sql_hash text, message text, retry_of uuid, thread int
)
-- Without its run a task is refused, not left out.
left join etl_orchestration.pipeline_runs as run on run.run_id = task.run_id
on conflict do nothing
