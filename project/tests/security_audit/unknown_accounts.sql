-- Accounts that ran the pipeline and are not in the seed known_accounts. On a laptop that is normal.
{{ config(severity='warn') }}

select run_user, command, run_count, last_used_at
from {{ ref('ops_access_review') }}
where not is_known_account
