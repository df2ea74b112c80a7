select
    (select count(*) from etl_orchestration.task_executions where run_id = any ($1)) as tasks,
    (select count(*) from etl_orchestration.data_loads where run_id = any ($1)) as loads,
    (select count(*) from data_quality.quality_checks where run_id = any ($1)) as checks,
    (select count(*) from data_quality.quality_failures where run_id = any ($1)) as failures
