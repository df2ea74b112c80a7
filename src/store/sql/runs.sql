-- $1 project
select
    count(*) as runs,
    count(*) filter (where status = 'running') as running,
    count(*) filter (where project <> $1) as of_others,
    (extract(epoch from min(started_at)) * 1000000)::bigint as oldest_us,
    (extract(epoch from max(started_at)) * 1000000)::bigint as newest_us
from etl_orchestration.pipeline_runs
