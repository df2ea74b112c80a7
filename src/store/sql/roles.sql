-- The database roles of the store, what they may do, and which rows they see. Run again after an
-- upgrade of the tables: everything is set anew.
do $$
declare
    name text;
begin
    foreach name in array array['pintail_admin', 'pintail_engineer', 'pintail_analyst'] loop
        if not exists (select 1 from pg_roles where rolname = name) then
            execute format('create role %I nologin', name);
        end if;
    end loop;
end
$$;

revoke all on schema etl_orchestration, data_quality, security_audit from public;
revoke all on all tables in schema etl_orchestration, data_quality, security_audit
    from public, pintail_admin, pintail_engineer, pintail_analyst;
revoke all on all functions in schema security_audit from public;

grant usage on schema etl_orchestration, data_quality, security_audit
    to pintail_admin, pintail_engineer, pintail_analyst;
grant usage on all sequences in schema data_quality to pintail_admin, pintail_engineer;

grant select, insert, update, delete on all tables in schema etl_orchestration, data_quality
    to pintail_admin;
grant select, insert, update on all tables in schema etl_orchestration, data_quality
    to pintail_engineer;
grant select on all tables in schema etl_orchestration, data_quality to pintail_analyst;

grant select, insert, update, delete on security_audit.users to pintail_admin;
grant select, insert on security_audit.audit_logs to pintail_admin;
grant select on security_audit.audit_commands, security_audit.roles to pintail_admin;
grant insert on security_audit.audit_logs to pintail_engineer, pintail_analyst;
grant select on security_audit.roles to pintail_engineer, pintail_analyst;
grant execute on function security_audit.my_contexts() to pintail_admin, pintail_engineer, pintail_analyst;

-- Rows: admins and engineers see all that they have a right to; analysts what is of their contexts.
do $$
declare
    t record;
    visible text;
begin
    for t in
        select
            c.oid::regclass as name,
            array_agg(a.attname::text) as columns
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where
            n.nspname in ('etl_orchestration', 'data_quality', 'security_audit')
            and c.relkind = 'r'
            and c.relname not in ('schema_versions', 'roles')
        group by c.oid
    loop
        execute format('alter table %s enable row level security', t.name);
        execute format('drop policy if exists pintail_all on %s', t.name);
        execute format(
            'create policy pintail_all on %s to pintail_admin, pintail_engineer using (true) with check (true)',
            t.name
        );
        visible := case
            when 'context' = any (t.columns) then
                '''*'' = any ((select security_audit.my_contexts())::text[])'
                ' or context = any ((select security_audit.my_contexts())::text[])'
            when 'rule_id' = any (t.columns) then
                format('exists (select 1 from data_quality.quality_rules as r where r.rule_id = %s.rule_id)', t.name)
            when 'task_id' = any (t.columns) then
                format('exists (select 1 from etl_orchestration.task_executions as e where e.task_id = %s.task_id)', t.name)
            when 'run_id' = any (t.columns) then
                format('exists (select 1 from etl_orchestration.task_executions as e where e.run_id = %s.run_id)', t.name)
            else 'false'
        end;
        execute format('drop policy if exists pintail_contexts on %s', t.name);
        execute format('create policy pintail_contexts on %s for select to pintail_analyst using (%s)', t.name, visible);
    end loop;
    -- A view shows what its reader may see. Before PostgreSQL 15 it cannot, and is not for analysts.
    for t in
        select format('%I.%I', schemaname, viewname) as name
        from pg_views
        where schemaname in ('etl_orchestration', 'data_quality', 'security_audit')
    loop
        if current_setting('server_version_num')::int >= 150000 then
            execute format('alter view %s set (security_invoker = true)', t.name);
        else
            execute format('revoke select on %s from pintail_analyst', t.name);
        end if;
    end loop;
end
$$;

-- Everybody's commands are in the audit log.
drop policy if exists pintail_add on security_audit.audit_logs;
create policy pintail_add on security_audit.audit_logs for insert to pintail_analyst with check (true);
