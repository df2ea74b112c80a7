insert into security_audit.users (login, role, contexts)
values ($1, $2, $3)
on conflict (login) do update
set role = excluded.role, contexts = excluded.contexts, granted_by = session_user, granted_at = now()
