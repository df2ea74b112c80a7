insert into etl_orchestration.pipeline_runs (
    run_id, project, command, selection, target, profile, git_commit, git_branch, run_user, host,
    pid, pintail_version, status, started_at, nodes_total
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'running', $13, $14)
on conflict (run_id) do nothing
