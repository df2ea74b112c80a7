SELECT current_database()::text, n.nspname::text, c.relname::text, c.relkind::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY c.relname
