insert into etl_orchestration.task_executions (
    task_id, run_id, unique_id, resource_type, name, engine, context, materialization, relation,
    status, rows_affected, bytes, started_at, finished_at, duration_ms, compiled_sql_hash, message,
    retry_of, thread
)
select
    task_id, run_id, unique_id, resource_type, name, engine, context, materialization, relation,
    status, rows_affected, bytes, started_at, finished_at, duration_ms, compiled_sql_hash, message,
    retry_of, thread
from jsonb_to_recordset($1::text::jsonb) as task (
    task_id uuid, run_id uuid, unique_id text, resource_type text, name text, engine text,
    context text, materialization text, relation text, status text, rows_affected bigint,
    bytes bigint, started_at timestamptz, finished_at timestamptz, duration_ms bigint,
    compiled_sql_hash text, message text, retry_of uuid, thread int
)
on conflict do nothing
