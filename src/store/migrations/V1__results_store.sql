-- The results store: every command that ran nodes, every node in it, every test and failing row.
-- The schemas exist already: the migration's own history lies in etl_orchestration.
-- Keys are made by the client, so that a row that is sent twice is stored once.

create schema if not exists data_quality;

comment on schema etl_orchestration is 'Pintail: which commands ran, and what each of them did.';
comment on schema data_quality is 'Pintail: data tests, their results over time, and failing rows.';

create table etl_orchestration.pipeline_runs (
    run_id          uuid primary key,
    project         text not null,
    command         text not null,
    selection       text,
    target          text,
    profile         text,
    git_commit      text,
    git_branch      text,
    run_user        text,
    host            text,
    pid             int,
    pintail_version text,
    status          text not null
        check (status in ('running', 'success', 'failed', 'interrupted', 'error')),
    started_at      timestamptz not null,
    finished_at     timestamptz,
    duration_ms     bigint,
    nodes_total     int,
    nodes_passed    int,
    nodes_warned    int,
    nodes_failed    int,
    nodes_skipped   int,
    message         text
);

create index pipeline_runs_by_time on etl_orchestration.pipeline_runs (started_at desc);
create index pipeline_runs_running on etl_orchestration.pipeline_runs (run_id)
    where status = 'running';

comment on table etl_orchestration.pipeline_runs is
    'A row for each command that ran nodes. It exists before the first node starts.';
comment on column etl_orchestration.pipeline_runs.run_id is
    'The invocation_id of run_results.json.';
comment on column etl_orchestration.pipeline_runs.command is 'build, run, test, seed, …';
comment on column etl_orchestration.pipeline_runs.selection is
    '--select and --exclude as written; empty for everything.';
comment on column etl_orchestration.pipeline_runs.status is
    'running; success: no node failed; failed: a node did; interrupted: Ctrl-C, or the process '
    'died; error: it could not run.';
comment on column etl_orchestration.pipeline_runs.nodes_passed is
    'Built, or tests that passed. Those that failed, warned or were skipped have columns of their '
    'own; what is missing to nodes_total was never reached.';

create table etl_orchestration.task_executions (
    task_id           uuid primary key,
    run_id            uuid not null
        references etl_orchestration.pipeline_runs on delete cascade,
    unique_id         text not null,
    resource_type     text not null,
    name              text not null,
    engine            text,
    context           text,
    materialization   text,
    relation          text,
    status            text not null check (status in
        ('success', 'error', 'skipped', 'pass', 'warn', 'fail', 'cancelled')),
    rows_affected     bigint,
    bytes             bigint,
    started_at        timestamptz,
    finished_at       timestamptz,
    duration_ms       bigint,
    compiled_sql_hash text,
    message           text,
    retry_of          uuid,
    thread            int
);

create index task_executions_by_run on etl_orchestration.task_executions (run_id);
create index task_executions_by_node
    on etl_orchestration.task_executions (unique_id, started_at desc);
create index task_executions_by_name on etl_orchestration.task_executions (name);
create index task_executions_by_time on etl_orchestration.task_executions (started_at desc);

comment on table etl_orchestration.task_executions is 'A row for each node in each run.';
comment on column etl_orchestration.task_executions.unique_id is 'As in manifest.json.';
comment on column etl_orchestration.task_executions.context is
    'The group of the node: its bounded context.';
comment on column etl_orchestration.task_executions.relation is
    'What was written, as it stands in SQL.';
comment on column etl_orchestration.task_executions.started_at is
    'When work on it began; null where it was skipped.';
comment on column etl_orchestration.task_executions.compiled_sql_hash is
    'SHA-256 of the compiled SQL, in hex: the same hash is the same SQL.';
comment on column etl_orchestration.task_executions.retry_of is
    'The task of an earlier run that this one tried again.';
comment on column etl_orchestration.task_executions.thread is 'Counted from 1; 0 is the main thread.';

create table etl_orchestration.data_loads (
    load_id       uuid primary key,
    run_id        uuid not null references etl_orchestration.pipeline_runs on delete cascade,
    task_id       uuid references etl_orchestration.task_executions on delete cascade,
    kind          text not null check (kind in ('seed', 'source', 'bridge')),
    unique_id     text,
    source_engine text,
    target_engine text,
    source        text,
    target        text,
    rows_loaded   bigint,
    bytes_loaded  bigint,
    duration_ms   bigint,
    status        text not null,
    loaded_at     timestamptz not null
);

create index data_loads_by_run on etl_orchestration.data_loads (run_id);
create index data_loads_by_task on etl_orchestration.data_loads (task_id);
create index data_loads_by_node on etl_orchestration.data_loads (unique_id, loaded_at desc);

comment on table etl_orchestration.data_loads is
    'Rows that came in from a file (seed, source) or from another engine (bridge).';
comment on column etl_orchestration.data_loads.unique_id is
    'The seed, the source, or the node whose relation was copied.';
comment on column etl_orchestration.data_loads.source_engine is 'Null where the source is a file.';

create table data_quality.quality_rules (
    rule_id        uuid primary key,
    project        text not null,
    unique_id      text not null,
    name           text not null,
    node_unique_id text,
    node_name      text,
    column_name    text,
    kind           text not null,
    severity       text not null,
    owner          text,
    context        text,
    engine         text,
    description    text,
    active         bool not null default true,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now(),
    unique (project, unique_id)
);

create index quality_rules_by_node on data_quality.quality_rules (node_unique_id);
create index quality_rules_by_name on data_quality.quality_rules (name);

comment on table data_quality.quality_rules is 'A row for each data test of each project.';
comment on column data_quality.quality_rules.node_unique_id is
    'The node or source that the test stands under; null for a singular test.';
comment on column data_quality.quality_rules.kind is 'unique, not_null, …; or singular.';
comment on column data_quality.quality_rules.owner is
    'meta.owner of the test or its node, or the owner of the group.';
comment on column data_quality.quality_rules.context is 'The group of the tested node.';
comment on column data_quality.quality_rules.active is 'False once the test is gone.';

create table data_quality.quality_checks (
    check_id    uuid primary key,
    run_id      uuid not null references etl_orchestration.pipeline_runs on delete cascade,
    rule_id     uuid not null references data_quality.quality_rules on delete cascade,
    status      text not null check (status in ('pass', 'warn', 'fail', 'error', 'skipped')),
    failures    bigint,
    severity    text,
    warn_if     text,
    error_if    text,
    duration_ms bigint,
    message     text,
    checked_at  timestamptz not null
);

create index quality_checks_by_run on data_quality.quality_checks (run_id);
create index quality_checks_by_rule on data_quality.quality_checks (rule_id, checked_at desc);
create index quality_checks_by_time on data_quality.quality_checks (checked_at desc);

comment on table data_quality.quality_checks is 'A row for each test in each run.';
comment on column data_quality.quality_checks.failures is
    'How many rows failed, all of them; null where the test did not run.';
comment on column data_quality.quality_checks.warn_if is 'As configured: != 0 or > 10.';

create table data_quality.quality_failures (
    failure_id  bigserial primary key,
    check_id    uuid not null references data_quality.quality_checks on delete cascade,
    run_id      uuid not null references etl_orchestration.pipeline_runs on delete cascade,
    rule_id     uuid not null references data_quality.quality_rules on delete cascade,
    row_number  int not null,
    row_data    jsonb not null,
    recorded_at timestamptz not null,
    unique (check_id, row_number)
);

create index quality_failures_by_run on data_quality.quality_failures (run_id);
create index quality_failures_by_rule on data_quality.quality_failures (rule_id, recorded_at desc);

comment on table data_quality.quality_failures is
    'Rows that a test found, the first ones only (100 unless told otherwise).';
comment on column data_quality.quality_failures.row_number is 'From 1, as the test gave them.';
comment on column data_quality.quality_failures.row_data is 'The row, a key for each column.';
