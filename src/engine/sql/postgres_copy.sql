-- Statements that give a copy what LIKE leaves out. Where a name goes into the middle, the
-- second column has that of the original.
WITH original AS (
    SELECT c.oid, c.relname, c.relowner, c.relacl, n.nspname
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = pg_catalog.to_regclass($from)
),
parts AS (
    SELECT
        1 AS turn,
        format('CREATE %sINDEX ', kind.word) AS before,
        x.relname::text AS name,
        format(' ON %s', $to) || substr(
            pg_catalog.pg_get_indexdef(i.indexrelid),
            length(format(
                'CREATE %sINDEX %I ON %I.%I', kind.word, x.relname, o.nspname, o.relname
            )) + 1
        ) AS after
    FROM original AS o
    JOIN pg_catalog.pg_index AS i ON i.indrelid = o.oid
    JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
    CROSS JOIN LATERAL (
        SELECT CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END AS word
    ) AS kind
    WHERE i.indisvalid
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS k
        WHERE k.conindid = i.indexrelid AND k.conrelid = o.oid AND k.contype IN ('p', 'u', 'x')
      )
    UNION ALL
    SELECT
        2,
        format('ALTER TABLE %s ADD CONSTRAINT ', $to),
        k.conname::text,
        ' ' || pg_catalog.pg_get_constraintdef(k.oid)
    FROM original AS o
    JOIN pg_catalog.pg_constraint AS k ON k.conrelid = o.oid
    WHERE k.contype IN ('p', 'u', 'x')
    UNION ALL
    SELECT
        3,
        format('COMMENT ON INDEX %I.', o.nspname),
        x.relname::text,
        format(' IS %L', said.description)
    FROM original AS o
    JOIN pg_catalog.pg_index AS i ON i.indrelid = o.oid
    JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
    JOIN pg_catalog.pg_description AS said
        ON said.objoid = x.oid AND said.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
    UNION ALL
    SELECT
        3,
        'COMMENT ON CONSTRAINT ',
        k.conname::text,
        format(' ON %s IS %L', $to, said.description)
    FROM original AS o
    JOIN pg_catalog.pg_constraint AS k ON k.conrelid = o.oid
    JOIN pg_catalog.pg_description AS said
        ON said.objoid = k.oid AND said.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
    WHERE k.contype IN ('p', 'u', 'x')
    UNION ALL
    SELECT
        4,
        format(
            'ALTER TABLE %s ADD CONSTRAINT %I %s',
            $to, k.conname, pg_catalog.pg_get_constraintdef(k.oid)
        ),
        NULL,
        NULL
    FROM original AS o
    JOIN pg_catalog.pg_constraint AS k ON k.conrelid = o.oid
    WHERE k.contype = 'f'
    UNION ALL
    SELECT
        5,
        format('COMMENT ON CONSTRAINT %I ON %s IS %L', k.conname, $to, said.description),
        NULL,
        NULL
    FROM original AS o
    JOIN pg_catalog.pg_constraint AS k ON k.conrelid = o.oid
    JOIN pg_catalog.pg_description AS said
        ON said.objoid = k.oid AND said.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
    WHERE k.contype = 'f'
    UNION ALL
    -- Before grants: those to the owner that was would become the new one's.
    SELECT
        6,
        format('ALTER TABLE %s OWNER TO %I', $to, pg_catalog.pg_get_userbyid(o.relowner)),
        NULL,
        NULL
    FROM original AS o
    WHERE pg_catalog.pg_get_userbyid(o.relowner) <> current_user
    UNION ALL
    SELECT DISTINCT
        7,
        format('REVOKE ALL ON %s FROM %s', $to, who.name),
        NULL,
        NULL
    FROM pg_catalog.pg_class AS c
    CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS acl
    CROSS JOIN LATERAL (
        SELECT CASE acl.grantee
            WHEN 0 THEN 'PUBLIC'
            ELSE quote_ident(pg_catalog.pg_get_userbyid(acl.grantee))
        END AS name
    ) AS who
    WHERE c.oid = pg_catalog.to_regclass($to) AND acl.grantee <> c.relowner
    UNION ALL
    SELECT
        8,
        format(
            'GRANT %s%s ON %s TO %s%s',
            acl.privilege_type,
            acl.columns,
            $to,
            CASE acl.grantee
                WHEN 0 THEN 'PUBLIC'
                ELSE quote_ident(pg_catalog.pg_get_userbyid(acl.grantee))
            END,
            CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
        ),
        NULL,
        NULL
    FROM original AS o
    CROSS JOIN LATERAL (
        SELECT t.privilege_type, '' AS columns, t.grantee, t.is_grantable
        FROM pg_catalog.aclexplode(o.relacl) AS t
        UNION ALL
        SELECT t.privilege_type, format(' (%I)', a.attname), t.grantee, t.is_grantable
        FROM pg_catalog.pg_attribute AS a
        CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS t
        WHERE a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS acl
    WHERE acl.grantee <> o.relowner
)
SELECT before, name, after FROM parts ORDER BY turn, before, name
