-- $1 start of a run_id as text or null, $2 project or null, $3 name or unique_id of a node or
-- null, $4 how many
select
    task.task_id, task.run_id, task.unique_id, task.resource_type, task.name, task.engine,
    task.context, task.materialization, task.relation, task.status, task.rows_affected, task.bytes,
    (extract(epoch from coalesce(task.started_at, run.started_at)) * 1000000)::bigint as started_us,
    task.duration_ms, task.message, task.thread
from etl_orchestration.task_executions as task
join etl_orchestration.pipeline_runs as run using (run_id)
where
    ($1::text is null or starts_with(run.run_id::text, $1))
    and ($2::text is null or run.project = $2)
    and ($3::text is null or task.unique_id = $3 or task.name = $3)
order by run.started_at desc, task.started_at nulls last, task.unique_id
limit $4
