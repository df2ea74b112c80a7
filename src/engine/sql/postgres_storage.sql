SELECT
    CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END,
    coalesce(' WITH (' || pg_catalog.array_to_string(c.reloptions, ', ') || ')', '')
FROM pg_catalog.pg_class AS c
WHERE c.oid = pg_catalog.to_regclass($from)
