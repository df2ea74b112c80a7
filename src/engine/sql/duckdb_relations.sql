SELECT database_name, schema_name, table_name, 'table' AS kind
FROM duckdb_tables()
WHERE lower(database_name) = lower($database) AND lower(schema_name) = lower($schema)
UNION ALL
SELECT database_name, schema_name, view_name, 'view' AS kind
FROM duckdb_views()
WHERE lower(database_name) = lower($database) AND lower(schema_name) = lower($schema) AND NOT internal
ORDER BY 3
