-- The newest other run of a project on a target that is under way.
select
    command, pid, host, run_user, (extract(epoch from started_at) * 1000000)::bigint as started_us
from etl_orchestration.pipeline_runs
where status = 'running' and project = $1 and target = $2 and run_id <> $3
order by started_at desc
limit 1
