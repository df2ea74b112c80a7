-- $1 project or null, $2 name or unique_id of a node that ran in it or null, $3 how many
select
    run.run_id, run.project, run.command, run.selection, run.target, run.git_commit,
    run.git_branch, run.run_user, run.host, run.status,
    (extract(epoch from run.started_at) * 1000000)::bigint as started_us,
    run.duration_ms, run.nodes_total, run.nodes_passed, run.nodes_warned, run.nodes_failed,
    run.nodes_skipped, run.message
from etl_orchestration.pipeline_runs as run
where
    ($1::text is null or run.project = $1)
    and (
        $2::text is null
        or exists (
            select 1
            from etl_orchestration.task_executions as task
            where task.run_id = run.run_id and (task.unique_id = $2 or task.name = $2)
        )
    )
order by run.started_at desc, run.run_id
limit $3
