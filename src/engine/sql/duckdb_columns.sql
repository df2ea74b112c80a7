SELECT column_name, data_type
FROM duckdb_columns()
WHERE lower(database_name) = lower($database)
  AND lower(schema_name) = lower($schema)
  AND lower(table_name) = lower($name)
ORDER BY column_index
