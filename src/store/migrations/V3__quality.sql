-- Failing rows that can be recognised again, their life from run to run, and reports about tests.

alter table data_quality.quality_checks
    add column target text not null default '',
    add column compiled_sql_hash text,
    add column row_columns text[],
    add column key_columns int,
    add column rows_complete bool not null default false;

-- A check that passed had no rows to be kept.
update data_quality.quality_checks as checked
set
    target = coalesce(run.target, ''),
    rows_complete = checked.status = 'pass' and checked.failures = 0
from etl_orchestration.pipeline_runs as run
where run.run_id = checked.run_id;

create index quality_checks_by_target
    on data_quality.quality_checks (rule_id, target, checked_at desc);
create index quality_checks_complete
    on data_quality.quality_checks (rule_id, target, checked_at)
    where rows_complete;
create index quality_checks_by_day on data_quality.quality_checks (
    (cast(checked_at at time zone 'UTC' as date)), rule_id, target, checked_at desc
) where status <> 'skipped';

comment on column data_quality.quality_checks.target is
    'The target of the run. What two targets find has nothing to do with each other.';
comment on column data_quality.quality_checks.compiled_sql_hash is
    'SHA-256 of the compiled SQL, in hex; null for checks before version 3.';
comment on column data_quality.quality_checks.row_columns is
    'The columns of the failing rows in their order, which jsonb does not keep: the key first.';
comment on column data_quality.quality_checks.key_columns is
    'How many of row_columns, the first ones, tell the rows apart; 0 where only all of them do.';
comment on column data_quality.quality_checks.rows_complete is
    'Whether every failing row is in quality_failures: none failed, or no limit cut them off.';

alter table data_quality.quality_failures
    add column incident_id uuid,
    add column row_key jsonb;

create index quality_failures_by_incident on data_quality.quality_failures (incident_id);

comment on table data_quality.quality_failures is
    'Rows that a test found, as far as its failures_limit lets them in. Columns tagged '
    'meta: {pii: true} hold tokens, made in the engine: the same value of the same test has the '
    'same token.';
comment on column data_quality.quality_failures.row_number is
    'From 1, as the test gave them; by their key where not all of them are kept.';
comment on column data_quality.quality_failures.incident_id is
    'The same row of the same rule in every run; null where it cannot be recognised.';
comment on column data_quality.quality_failures.row_key is
    'The columns that tell the row apart; null where that is the whole row.';

create table data_quality.quality_incidents (
    incident_id  uuid primary key,
    rule_id      uuid not null references data_quality.quality_rules on delete cascade,
    target       text not null,
    row_key      jsonb not null,
    status       text not null check (status in ('new', 'recurring', 'resolved')),
    times_seen   bigint not null,
    first_seen   timestamptz not null,
    last_seen    timestamptz not null,
    resolved_at  timestamptz,
    first_run_id uuid not null,
    last_run_id  uuid not null,
    check ((status = 'resolved') = (resolved_at is not null))
);

create index quality_incidents_open on data_quality.quality_incidents (rule_id, target)
    where status <> 'resolved';
create index quality_incidents_resolved
    on data_quality.quality_incidents (rule_id, target, resolved_at)
    where status = 'resolved';
create index quality_incidents_by_start on data_quality.quality_incidents (first_seen);
create index quality_incidents_by_end on data_quality.quality_incidents (resolved_at)
    where resolved_at is not null;

comment on table data_quality.quality_incidents is
    'The life of each failing row of a rule on a target: a row here for all the checks that found '
    'it. It stays when old runs are deleted.';
comment on column data_quality.quality_incidents.row_key is
    'The columns that tell the row apart, or the whole row.';
comment on column data_quality.quality_incidents.status is
    'new: found once; recurring: found in several checks; resolved: a later check of all rows did '
    'not find it. A list that was cut off by its limit resolves nothing.';
comment on column data_quality.quality_incidents.times_seen is 'In how many checks it was found.';
comment on column data_quality.quality_incidents.resolved_at is
    'The first check that did not find it any more; null again where it comes back.';

-- The score of a day is what the last check of each rule on that day came to, skipped ones left
-- out: a pass counts whole, a warning half, a failure or an error nothing; a rule of severity
-- error weighs twice as much as one that only warns. 100 * points / weight, in per cent. The score
-- of several days or groups is that of the sums of their points and weights.
create view data_quality.quality_reports as
with last_of_day as (
    select distinct on (cast(checked_at at time zone 'UTC' as date), rule_id, target)
        cast(checked_at at time zone 'UTC' as date) as day,
        rule_id,
        target,
        status,
        failures,
        case when severity = 'warn' then 1.0 else 2.0 end as weight,
        case status when 'pass' then 1.0 when 'warn' then 0.5 else 0.0 end as worth
    from data_quality.quality_checks
    where status <> 'skipped'
    order by cast(checked_at at time zone 'UTC' as date), rule_id, target, checked_at desc
)
select
    checked.day,
    rule.project,
    checked.target,
    rule.context,
    rule.owner,
    count(*) as rules,
    count(*) filter (where checked.status = 'pass') as passed,
    count(*) filter (where checked.status = 'warn') as warned,
    count(*) filter (where checked.status = 'fail') as failed,
    count(*) filter (where checked.status = 'error') as errors,
    coalesce(sum(checked.failures), 0)::bigint as failing_rows,
    sum(checked.weight * checked.worth) as points,
    sum(checked.weight) as weight,
    round(100 * sum(checked.weight * checked.worth) / sum(checked.weight), 2) as score
from last_of_day as checked
inner join data_quality.quality_rules as rule using (rule_id)
group by checked.day, rule.project, checked.target, rule.context, rule.owner;

comment on view data_quality.quality_reports is
    'The score of each day (UTC), target, context and owner, from 0 to 100: of the last check of '
    'each rule on that day, a pass counts whole, a warning half; rules of severity error weigh '
    'twice.';

-- A test flips where it passes and did not before, or the other way round, and its SQL is the same:
-- the data changed under it, or it depends on something else. Three flips in its last 20 checks are
-- more than one fault that came and was put right.
create view data_quality.quality_flaky_tests as
select
    rule.rule_id, rule.project, run.target, rule.unique_id, rule.name, rule.owner, rule.context,
    recent.checks, recent.flips, recent.last_flip
from data_quality.quality_rules as rule
inner join (
    select distinct project, coalesce(target, '') as target from etl_orchestration.pipeline_runs
) as run using (project)
cross join lateral (
    select
        count(*) as checks,
        count(*) filter (where flipped) as flips,
        max(checked_at) filter (where flipped) as last_flip
    from (
        select
            checked_at,
            compiled_sql_hash = lag(compiled_sql_hash) over by_time
            and (status = 'pass') <> (lag(status) over by_time = 'pass') as flipped
        from (
            select status, compiled_sql_hash, checked_at
            from data_quality.quality_checks
            where
                quality_checks.rule_id = rule.rule_id
                and quality_checks.target = run.target
                and quality_checks.status <> 'skipped'
            order by quality_checks.checked_at desc
            limit 20
        ) as latest
        window by_time as (order by checked_at)
    ) as compared
) as recent
where rule.active and recent.flips >= 3;

comment on view data_quality.quality_flaky_tests is
    'Tests that went from passing to not passing or back at least three times in their last 20 '
    'checks on a target, without a change of their SQL.';

-- A test is slow where its last check took twice as long as the median of the 20 before it, and at
-- least 100 ms longer; five earlier checks are needed for a median.
create view data_quality.quality_slow_tests as
select
    rule.rule_id, rule.project, run.target, rule.unique_id, rule.name, rule.owner, rule.context,
    latest.duration_ms, earlier.median_ms::bigint as median_ms, latest.checked_at
from data_quality.quality_rules as rule
inner join (
    select distinct project, coalesce(target, '') as target from etl_orchestration.pipeline_runs
) as run using (project)
cross join lateral (
    select duration_ms, checked_at
    from data_quality.quality_checks
    where
        quality_checks.rule_id = rule.rule_id
        and quality_checks.target = run.target
        and quality_checks.status not in ('skipped', 'error')
    order by quality_checks.checked_at desc
    limit 1
) as latest
cross join lateral (
    select
        count(*) as checks,
        percentile_cont(0.5) within group (order by duration_ms) as median_ms
    from (
        select duration_ms
        from data_quality.quality_checks
        where
            quality_checks.rule_id = rule.rule_id
            and quality_checks.target = run.target
            and quality_checks.status not in ('skipped', 'error')
            and quality_checks.checked_at < latest.checked_at
        order by quality_checks.checked_at desc
        limit 20
    ) as before
) as earlier
where
    rule.active
    and earlier.checks >= 5
    and latest.duration_ms >= 2 * earlier.median_ms
    and latest.duration_ms >= earlier.median_ms + 100;

comment on view data_quality.quality_slow_tests is
    'Tests whose last check on a target took at least twice their own median, and 100 ms longer.';

-- Who reads a view needs the rights to what is under it, and sees only those rows. Servers before
-- version 15 know no such views.
do $$
begin
    if current_setting('server_version_num')::int >= 150000 then
        alter view data_quality.quality_reports set (security_invoker = true);
        alter view data_quality.quality_flaky_tests set (security_invoker = true);
        alter view data_quality.quality_slow_tests set (security_invoker = true);
    end if;
end
$$;
