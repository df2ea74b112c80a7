-- One row per account and command, for the review of who may use the pipeline.
{{ config(materialized='table') }}

with activity as (

    select * from {{ ref('ops_audit_activity') }}

),

accounts as (

    select * from {{ ref('known_accounts') }}

),

used as (

    select
        coalesce(run_user, 'unknown') as run_user,
        command,
        count(*) as run_count,
        count(*) filter (where status in ('failed', 'error')) as failed_runs,
        count(distinct host) as host_count,
        min(started_at) as first_used_at,
        max(started_at) as last_used_at
    from activity
    group by 1, 2

)

select
    {{ surrogate_key(['used.run_user', 'used.command']) }} as access_key,
    used.run_user,
    used.command,
    coalesce(accounts.kind, 'unknown') as account_kind,
    accounts.account is not null as is_known_account,
    used.run_count,
    used.failed_runs,
    used.host_count,
    used.first_used_at,
    used.last_used_at
from used
left join accounts on used.run_user = accounts.account
