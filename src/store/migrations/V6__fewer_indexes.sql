-- What a run writes costs as many indexes as its tables have. Each question that is asked is answered
-- from the ones that are left: an index that leads with the node finds its targets one after the other.

update etl_orchestration.task_executions set target = '' where target is null;
alter table etl_orchestration.task_executions
    alter column target set default '',
    alter column target set not null;

drop index etl_orchestration.task_executions_by_node;
drop index etl_orchestration.task_executions_by_name;
drop index etl_orchestration.task_executions_by_target;
create index task_executions_by_node
    on etl_orchestration.task_executions (project, unique_id, target, run_started_at desc);
-- What went wrong is rare, costs nothing where all goes well, and is asked for among a lot that did.
create index task_executions_troubled
    on etl_orchestration.task_executions (project, unique_id, target, run_started_at desc)
    where status in ('error', 'fail', 'warn', 'skipped', 'cancelled');

-- What they find is found by (rule_id, target, checked_at), and nothing asks for a time alone.
drop index data_quality.quality_checks_by_rule;
drop index data_quality.quality_checks_by_time;
drop index data_quality.quality_checks_complete;

-- A run asks for the tests that it does not find as they are, and writes only those.
alter table data_quality.quality_rules add column digest uuid;
comment on column data_quality.quality_rules.digest is
    'Of all that is said of the test, so that a run need not say it again; null before version 6.';
