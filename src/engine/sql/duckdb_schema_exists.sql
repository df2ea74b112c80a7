SELECT 1 FROM duckdb_schemas()
WHERE lower(database_name) = lower($database) AND lower(schema_name) = lower($schema)
