WITH RECURSIVE reads AS (
    SELECT DISTINCT d.refobjid AS read, r.ev_class AS reader
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND r.ev_class <> d.refobjid
),
dependents(oid, depth) AS (
    SELECT reader, 1 FROM reads WHERE read = pg_catalog.to_regclass($relation)
    UNION
    SELECT reads.reader, dependents.depth + 1
    FROM dependents
    JOIN reads ON reads.read = dependents.oid
    WHERE dependents.depth < 1000
)
SELECT
    c.oid::text,
    n.nspname::text,
    c.relname::text,
    c.relkind::text,
    pg_catalog.pg_get_viewdef(c.oid),
    pg_catalog.pg_get_userbyid(c.relowner)::text,
    coalesce(pg_catalog.array_to_string(c.reloptions, ', '), '')
FROM (SELECT oid, max(depth) AS depth FROM dependents GROUP BY oid) AS found
JOIN pg_catalog.pg_class AS c ON c.oid = found.oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm')
ORDER BY found.depth, c.oid
