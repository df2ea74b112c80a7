-- $1 how many
select
    (extract(epoch from started_at) * 1000000)::bigint as started_us, login,
    host(client_addr) as client_addr, os_user, host, command, arguments, target, result, duration_ms
from security_audit.audit_commands
order by started_at desc
limit $1
