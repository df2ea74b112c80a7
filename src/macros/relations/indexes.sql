{# Indexes from the config `indexes`: [{columns: [...], unique: bool, type: btree}]. #}

{% macro create_indexes(relation) -%}
    {{- adapter.dispatch('create_indexes', 'dbt')(relation) -}}
{%- endmacro %}

{% macro default__create_indexes(relation) -%}
    {%- for index_dict in config.get('indexes', []) -%}
        {%- set sql = get_create_index_sql(relation, index_dict) -%}
        {%- if sql -%}
            {%- do run_query(sql) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{% macro get_create_index_sql(relation, index_dict) -%}
    {% do return(adapter.dispatch('get_create_index_sql', 'dbt')(relation, index_dict)) %}
{%- endmacro %}

{% macro default__get_create_index_sql(relation, index_dict) -%}
    {% do return(none) %}
{%- endmacro %}

{% macro postgres__get_create_index_sql(relation, index_dict) -%}
    {%- do validate_index_config(index_dict) -%}
    create {{ 'unique ' if index_dict.get('unique') else '' }}index if not exists "{{ get_index_name(relation, index_dict) }}"
    on {{ relation }} {{ 'using ' ~ index_dict['type'] ~ ' ' if index_dict.get('type') else '' }}({{ index_dict['columns'] | join(', ') }})
{%- endmacro %}

{% macro duckdb__get_create_index_sql(relation, index_dict) -%}
    {%- do validate_index_config(index_dict) -%}
    create {{ 'unique ' if index_dict.get('unique') else '' }}index "{{ get_index_name(relation, index_dict) }}"
    on {{ relation }} ({{ index_dict['columns'] | join(', ') }})
{%- endmacro %}

{# New each time: a table is built beside the old one, whose indexes still hold their names in the
   schema when the new ones are made. #}
{% macro get_index_name(relation, index_dict) -%}
    {% do return(local_md5(
        (index_dict['columns'] | join('_')) ~ '_' ~ relation.render() ~ '_' ~ index_dict.get('unique', false)
        ~ '_' ~ index_dict.get('type') ~ '_' ~ invocation_id ~ py_current_timestring()
    )) %}
{%- endmacro %}

{% macro validate_index_config(index_dict) -%}
    {%- if index_dict is not mapping -%}
        {% do exceptions.raise_compiler_error('Could not parse index config: ' ~ index_dict ~ ' is not a dictionary') %}
    {%- elif 'columns' not in index_dict -%}
        {% do exceptions.raise_compiler_error("Could not parse index config: 'columns' is a required property") %}
    {%- elif index_dict['columns'] is string or index_dict['columns'] is mapping or index_dict['columns'] is not sequence -%}
        {% do exceptions.raise_compiler_error("Could not parse index config: columns: '" ~ index_dict['columns'] ~ "' is not of type 'array'") %}
    {%- elif index_dict.get('unique', false) not in [true, false] -%}
        {% do exceptions.raise_compiler_error("Could not parse index config: unique: '" ~ index_dict['unique'] ~ "' is not of type 'boolean'") %}
    {%- endif -%}
{%- endmacro %}

{% macro get_drop_index_sql(relation, index_name) -%}
    {{- adapter.dispatch('get_drop_index_sql', 'dbt')(relation, index_name) -}}
{%- endmacro %}

{% macro default__get_drop_index_sql(relation, index_name) -%}
    drop index if exists {{ relation.without_identifier().include(database=false) }}.{{ adapter.quote(index_name) }}
{%- endmacro %}

{# Name, method, unique and columns (with commas) of each index. #}
{% macro get_show_indexes_sql(relation) -%}
    {{- adapter.dispatch('get_show_indexes_sql', 'dbt')(relation) -}}
{%- endmacro %}

{% macro default__get_show_indexes_sql(relation) -%}
    {% do exceptions.raise_compiler_error('`get_show_indexes_sql` has not been implemented for this adapter.') %}
{%- endmacro %}

{% macro postgres__get_show_indexes_sql(relation) -%}
    select
        index_class.relname as name,
        pg_am.amname as method,
        pg_index.indisunique as "unique",
        string_agg(pg_attribute.attname, ',') as column_names
    from pg_index
    join pg_class as index_class on index_class.oid = pg_index.indexrelid
    join pg_am on pg_am.oid = index_class.relam
    join pg_attribute on pg_attribute.attrelid = pg_index.indrelid and pg_attribute.attnum = any(pg_index.indkey)
    where pg_index.indrelid = to_regclass('{{ relation.include(database=false) }}')
    group by 1, 2, 3
    order by 1, 2, 3
{%- endmacro %}

{# DuckDB renames or drops no table that has an index. #}
{% macro drop_indexes_on_relation(relation) -%}
    {%- set found = run_query("select index_name from duckdb_indexes() where schema_name = '" ~ relation.schema ~ "' and table_name = '" ~ relation.identifier ~ "'") -%}
    {%- for row in found.rows -%}
        {% call statement('drop_index_' ~ loop.index, auto_begin=false) -%}
            drop index {{ adapter.quote(relation.schema) }}.{{ adapter.quote(row[0]) }}
        {%- endcall %}
    {%- endfor -%}
{%- endmacro %}
