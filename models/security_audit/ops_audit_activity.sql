-- One row per run: who did what, when, and how it ended. Incremental, so that it outlives a clean-up of
-- the store; a run is written again as long as it may still change.
{{
    config(
        materialized='incremental',
        unique_key='run_id',
        incremental_strategy='delete+insert',
        indexes=[
            {'columns': ['run_id'], 'unique': true},
            {'columns': ['run_user', 'started_at']}
        ]
    )
}}

with runs as (

    select * from {{ source('etl_orchestration', 'pipeline_runs') }}

)

select
    runs.run_id,
    runs.run_user,
    runs.host,
    runs.command,
    runs.selection,
    runs.project,
    runs.target,
    runs.git_commit,
    runs.git_branch,
    runs.pintail_version,
    runs.status,
    runs.started_at,
    runs.finished_at,
    runs.duration_ms
from runs
{% if is_incremental() %}
where
    runs.started_at > (
        select coalesce(max(seen.started_at), timestamptz '-infinity') - interval '1 day' from {{ this }} as seen
    )
{% endif %}
