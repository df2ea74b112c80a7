WITH it AS (
    SELECT c.oid, c.relkind, c.relispartition, c.relrowsecurity
    FROM pg_catalog.pg_class AS c
    WHERE c.oid = pg_catalog.to_regclass($from)
)
SELECT format('the trigger %I', t.tgname)
FROM pg_catalog.pg_trigger AS t JOIN it ON it.oid = t.tgrelid
WHERE NOT t.tgisinternal
UNION ALL
SELECT format('the rule %I', r.rulename)
FROM pg_catalog.pg_rewrite AS r JOIN it ON it.oid = r.ev_class
UNION ALL
SELECT format('the policy %I', p.polname)
FROM pg_catalog.pg_policy AS p JOIN it ON it.oid = p.polrelid
UNION ALL
SELECT 'row-level security' FROM it WHERE it.relrowsecurity
UNION ALL
SELECT 'its partitions' FROM it WHERE it.relkind = 'p' OR it.relispartition
UNION ALL
SELECT 'its inheritance' FROM it
WHERE EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE it.oid IN (i.inhrelid, i.inhparent))
  AND NOT it.relispartition AND it.relkind <> 'p'
UNION ALL
SELECT format('the identity or generated column %I', a.attname)
FROM pg_catalog.pg_attribute AS a JOIN it ON it.oid = a.attrelid
WHERE a.attnum > 0 AND NOT a.attisdropped AND (a.attidentity <> '' OR a.attgenerated <> '')
UNION ALL
SELECT format('the sequence %s', d.objid::pg_catalog.regclass)
FROM pg_catalog.pg_depend AS d
JOIN it ON it.oid = d.refobjid
JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND d.refclassid = d.classid AND d.deptype = 'a'
UNION ALL
SELECT format('the foreign key %I of %s', k.conname, k.conrelid::pg_catalog.regclass)
FROM pg_catalog.pg_constraint AS k JOIN it ON it.oid = k.confrelid
WHERE k.contype = 'f'
UNION ALL
SELECT format('its place in the publication %I', p.pubname)
FROM pg_catalog.pg_publication_rel AS r
JOIN it ON it.oid = r.prrelid
JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid
