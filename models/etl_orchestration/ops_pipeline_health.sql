-- One row per project and day. A view, for the same reason as ops_quality_scorecard.
{{ config(materialized='view') }}

with runs as (

    select
        *,
        cast(started_at at time zone 'UTC' as date) as run_date
    from {{ source('etl_orchestration', 'pipeline_runs') }}

),

-- summed up before the join, lest a run counts once for each of its tasks
tasks as (

    select
        run_id,
        count(*) as task_count,
        count(*) filter (where status in ('error', 'fail')) as failed_task_count,
        count(*) filter (where status = 'skipped') as skipped_task_count,
        count(*) filter (where retry_of is not null) as retried_task_count
    from {{ source('etl_orchestration', 'task_executions') }}
    group by run_id

),

bridges as (

    select
        run_id,
        sum(rows_loaded) as bridged_rows,
        sum(bytes_loaded) as bridged_bytes
    from {{ source('etl_orchestration', 'data_loads') }}
    where kind = 'bridge'
    group by run_id

),

by_day as (

    select
        runs.run_date,
        runs.project,
        count(*) as run_count,
        count(*) filter (where runs.status = 'success') as successful_runs,
        count(*) filter (where runs.status in ('failed', 'error')) as failed_runs,
        count(*) filter (where runs.status = 'interrupted') as interrupted_runs,
        count(*) filter (where runs.status = 'running') as running_runs,
        cast(avg(runs.duration_ms) as bigint) as average_duration_ms,
        cast(percentile_cont(0.95) within group (order by runs.duration_ms) as bigint) as p95_duration_ms,
        max(runs.started_at) as last_started_at,
        max(runs.finished_at) filter (where runs.status = 'success') as last_success_at,
        cast(coalesce(sum(tasks.task_count), 0) as bigint) as task_count,
        cast(coalesce(sum(tasks.failed_task_count), 0) as bigint) as failed_task_count,
        cast(coalesce(sum(tasks.skipped_task_count), 0) as bigint) as skipped_task_count,
        cast(coalesce(sum(tasks.retried_task_count), 0) as bigint) as retried_task_count,
        cast(coalesce(sum(bridges.bridged_rows), 0) as bigint) as bridged_rows,
        cast(coalesce(sum(bridges.bridged_bytes), 0) as bigint) as bridged_bytes
    from runs
    left join tasks on runs.run_id = tasks.run_id
    left join bridges on runs.run_id = bridges.run_id
    group by runs.run_date, runs.project

)

select
    {{ surrogate_key(['run_date', 'project']) }} as health_key,
    run_date,
    project,
    run_count,
    successful_runs,
    failed_runs,
    interrupted_runs,
    running_runs,
    -- a run that still goes on is neither a success nor a failure
    {{ percent('successful_runs', '(run_count - running_runs)') }} as success_rate_pct,
    average_duration_ms,
    p95_duration_ms,
    last_started_at,
    last_success_at,
    task_count,
    failed_task_count,
    skipped_task_count,
    retried_task_count,
    bridged_rows,
    bridged_bytes
from by_day
