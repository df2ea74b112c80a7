-- One row per context and day. A view: it is as current as the results store under it, so the run that
-- has just ended is in it.
{{ config(materialized='view') }}

with checks as (

    select * from {{ source('data_quality', 'quality_checks') }}
    where status <> 'skipped'

),

rules as (

    select * from {{ source('data_quality', 'quality_rules') }}

),

by_day as (

    select
        cast(checks.checked_at at time zone 'UTC' as date) as check_date,
        coalesce(rules.context, 'unassigned') as context,
        count(*) as check_count,
        count(distinct checks.rule_id) as rule_count,
        count(distinct checks.run_id) as run_count,
        count(*) filter (where checks.status = 'pass') as passed_count,
        count(*) filter (where checks.status = 'warn') as warned_count,
        count(*) filter (where checks.status = 'fail') as failed_count,
        count(*) filter (where checks.status = 'error') as error_count,
        cast(coalesce(sum(checks.failures), 0) as bigint) as failing_rows,
        cast(avg(checks.duration_ms) as bigint) as average_duration_ms,
        max(checks.checked_at) as last_checked_at
    from checks
    inner join rules on checks.rule_id = rules.rule_id
    group by 1, 2

)

select
    {{ surrogate_key(['check_date', 'context']) }} as scorecard_key,
    check_date,
    context,
    check_count,
    rule_count,
    run_count,
    passed_count,
    warned_count,
    failed_count,
    error_count,
    {{ quality_score('passed_count', 'warned_count', 'check_count') }} as quality_score,
    failing_rows,
    average_duration_ms,
    last_checked_at
from by_day
