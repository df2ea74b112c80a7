insert into etl_orchestration.data_loads (
    load_id, run_id, task_id, kind, unique_id, source_engine, target_engine, source, target,
    rows_loaded, bytes_loaded, duration_ms, status, loaded_at
)
select
    load_id, run_id, task_id, kind, unique_id, source_engine, target_engine, source, target,
    rows_loaded, bytes_loaded, duration_ms, status, loaded_at
from json_to_recordset($1::text::json) as load (
    load_id uuid, run_id uuid, task_id uuid, kind text, unique_id text, source_engine text,
    target_engine text, source text, target text, rows_loaded bigint, bytes_loaded bigint,
    duration_ms bigint, status text, loaded_at timestamptz
)
on conflict do nothing
