-- Who may see what of the store, and what was done with it. The database roles themselves belong
-- to the whole server: `pintail store init --roles` makes them.

create schema if not exists security_audit;

comment on schema security_audit is 'Pintail: who may see what, and which commands were given.';

create table security_audit.roles (
    role        text primary key,
    description text not null
);

insert into security_audit.roles values
    ('pintail_admin', 'Sees and changes everything but the audit log, which can only be added to.'),
    ('pintail_engineer', 'Runs projects: writes runs and results, sees all of them, no audit log.'),
    ('pintail_analyst', 'Sees runs and results of the contexts that were granted, and nothing else.');

create table security_audit.users (
    login      text primary key,
    role       text not null references security_audit.roles,
    contexts   text[] not null default '{}',
    granted_by text not null default session_user,
    granted_at timestamptz not null default now()
);

comment on table security_audit.users is 'Logins of the database that work with the store.';
comment on column security_audit.users.contexts is
    'Of an analyst: the groups whose results are shown; * for all.';

create table security_audit.audit_logs (
    audit_id      uuid primary key,
    invocation_id uuid not null,
    event         text not null check (event in ('started', 'ended')),
    occurred_at   timestamptz not null,
    recorded_at   timestamptz not null default clock_timestamp(),
    login         text not null default session_user,
    client_addr   inet default inet_client_addr(),
    os_user       text,
    host          text,
    pid           int,
    command       text not null,
    arguments     text not null,
    project       text,
    target        text,
    version       text,
    exit_code     int,
    result        text,
    duration_ms   bigint
);

create index audit_logs_by_time on security_audit.audit_logs (occurred_at desc);
create index audit_logs_by_invocation on security_audit.audit_logs (invocation_id);

comment on table security_audit.audit_logs is
    'A row where a command begins and one where it ends. Rows are added, never changed.';
comment on column security_audit.audit_logs.occurred_at is 'By the clock of the command''s machine.';
comment on column security_audit.audit_logs.recorded_at is
    'By the clock of the database. Later where the command did not reach the store.';
comment on column security_audit.audit_logs.login is 'The database login that brought the row.';

-- What the client says of these does not count.
create function security_audit.stamp() returns trigger language plpgsql as $$
begin
    new.login := session_user;
    new.client_addr := inet_client_addr();
    new.recorded_at := clock_timestamp();
    return new;
end
$$;

create function security_audit.refuse() returns trigger language plpgsql as $$
begin
    raise exception 'The audit log can only be added to' using errcode = 'insufficient_privilege';
end
$$;

create trigger stamp before insert on security_audit.audit_logs
    for each row execute function security_audit.stamp();
create trigger refuse before update or delete on security_audit.audit_logs
    for each row execute function security_audit.refuse();
create trigger refuse_truncate before truncate on security_audit.audit_logs
    for each statement execute function security_audit.refuse();

create view security_audit.audit_commands as
select
    started.invocation_id, started.occurred_at as started_at, ended.occurred_at as ended_at,
    started.login, started.client_addr, started.os_user, started.host, started.pid,
    started.command, started.arguments, started.project, started.target, started.version,
    coalesce(ended.result, 'no end was told') as result, ended.exit_code, ended.duration_ms
from security_audit.audit_logs as started
left join security_audit.audit_logs as ended
    on ended.invocation_id = started.invocation_id and ended.event = 'ended'
where started.event = 'started';

comment on view security_audit.audit_commands is 'A row for each command.';

-- The contexts that the login at the other end of the connection may see.
create function security_audit.my_contexts() returns text[]
language sql stable security definer set search_path = '' as $$
    select coalesce((select u.contexts from security_audit.users as u where u.login = session_user), '{}')
$$;
