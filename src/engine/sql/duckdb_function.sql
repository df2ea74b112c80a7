SELECT 1
FROM duckdb_functions()
WHERE database_name = $database AND schema_name = $schema AND function_name = $name
LIMIT 1
