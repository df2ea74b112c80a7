SELECT sql, comment
FROM duckdb_tables()
WHERE lower(database_name) = lower($database)
  AND lower(schema_name) = lower($schema)
  AND lower(table_name) = lower($name)
