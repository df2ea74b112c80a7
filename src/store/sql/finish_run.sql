update etl_orchestration.pipeline_runs
set
    status = $2,
    finished_at = $3,
    duration_ms = $4,
    nodes_total = coalesce($5, nodes_total),
    nodes_passed = $6,
    nodes_warned = $7,
    nodes_failed = $8,
    nodes_skipped = $9,
    message = $10
where run_id = $1
