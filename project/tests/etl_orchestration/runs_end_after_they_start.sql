-- A run does not end before it starts, and one that has ended says how it went.
select run_id, status, started_at, finished_at
from {{ source('etl_orchestration', 'pipeline_runs') }}
where
    finished_at < started_at
    or (finished_at is not null and status = 'running')
