-- Runs that are said to be running, though nobody holds their lock any more: their process died.
-- $1 the run that asks, $2 a run of which that is known already, and the only one then, or null
with running as materialized (
    select run_id
    from etl_orchestration.pipeline_runs
    where status = 'running' and run_id <> $1 and ($2::uuid is null or run_id = $2)
), dead as materialized (
    select run_id
    from running
    where $2 is not null or pg_try_advisory_xact_lock(20564, hashtext(run_id::text))
)
update etl_orchestration.pipeline_runs as run
set
    status = 'interrupted',
    finished_at = last.at,
    duration_ms = (extract(epoch from last.at - run.started_at) * 1000)::bigint,
    message = 'The process ended without saying so'
from dead, lateral (
    select greatest(dead_run.started_at, max(task.finished_at)) as at
    from etl_orchestration.pipeline_runs as dead_run
    left join etl_orchestration.task_executions as task using (run_id)
    where dead_run.run_id = dead.run_id
    group by dead_run.started_at
) as last
where run.run_id = dead.run_id and run.status = 'running'
