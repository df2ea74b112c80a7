-- What the history of a node needs is in one index, however many runs there are.

alter table etl_orchestration.task_executions
    add column project text,
    add column target text,
    add column run_started_at timestamptz;

update etl_orchestration.task_executions as task
set project = run.project, target = run.target, run_started_at = run.started_at
from etl_orchestration.pipeline_runs as run
where run.run_id = task.run_id;

alter table etl_orchestration.task_executions
    alter column project set not null,
    alter column run_started_at set not null;

comment on column etl_orchestration.task_executions.project is 'Of its run, like target.';
comment on column etl_orchestration.task_executions.run_started_at is
    'When its run began; a node that was skipped has no other time.';

-- Each takes the place of one without the time of the run.
drop index etl_orchestration.task_executions_by_node;
drop index etl_orchestration.task_executions_by_name;
drop index etl_orchestration.task_executions_by_time;
create index task_executions_by_node
    on etl_orchestration.task_executions (unique_id, run_started_at desc);
create index task_executions_by_name
    on etl_orchestration.task_executions (name, run_started_at desc);
create index task_executions_by_target
    on etl_orchestration.task_executions (project, target, unique_id, run_started_at desc);
-- Rows come in the order of time: a small index finds what a span of it holds.
create index task_executions_by_time
    on etl_orchestration.task_executions using brin (run_started_at);

create index pipeline_runs_by_project
    on etl_orchestration.pipeline_runs (project, started_at desc);
