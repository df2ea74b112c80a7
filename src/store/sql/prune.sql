-- What belongs to the runs goes with them.
delete from etl_orchestration.pipeline_runs
where run_id = any ($1) and status <> 'running'
