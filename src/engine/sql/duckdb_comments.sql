SELECT column_name, comment
FROM duckdb_columns()
WHERE lower(database_name) = lower($database)
  AND lower(schema_name) = lower($schema)
  AND lower(table_name) = lower($name)
  AND comment IS NOT NULL
