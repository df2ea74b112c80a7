-- $1 project or null, $2 which statuses or null, $3 not before or null, $4 how many
select
    run.run_id, run.project, run.command, run.selection, run.target, run.git_commit,
    run.git_branch, run.run_user, run.host, run.status,
    (extract(epoch from run.started_at) * 1000000)::bigint as started_us,
    run.duration_ms, run.nodes_total, run.nodes_passed, run.nodes_warned, run.nodes_failed,
    run.nodes_skipped, run.message
from etl_orchestration.pipeline_runs as run
where
    ($1::text is null or run.project = $1)
    and ($2::text[] is null or run.status = any ($2))
    and ($3::timestamptz is null or run.started_at >= $3)
order by run.started_at desc, run.run_id
limit $4
