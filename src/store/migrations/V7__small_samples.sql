-- A table that grows by thousands of rows a day is analysed again and again, of each of its columns a
-- sample of thirty thousand rows, beside the run that filled it. What plans need is known from a tenth.

do $$
declare
    one record;
begin
    for one in
        select attrelid::regclass as of_table, attname as name
        from pg_attribute
        where
            attrelid in (
                'etl_orchestration.task_executions'::regclass,
                'etl_orchestration.data_loads'::regclass,
                'data_quality.quality_checks'::regclass,
                'data_quality.quality_failures'::regclass,
                'data_quality.quality_incidents'::regclass
            )
            and attnum > 0
            and not attisdropped
    loop
        execute format('alter table %s alter column %I set statistics 10', one.of_table, one.name);
    end loop;
end
$$;
