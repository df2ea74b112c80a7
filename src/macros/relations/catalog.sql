{# The catalog: a row for each column of each relation, as catalog.json wants them. #}

{% macro get_catalog(information_schema, schemas) -%}
    {% do return(adapter.dispatch('get_catalog', 'dbt')(information_schema, schemas)) %}
{%- endmacro %}

{% macro default__get_catalog(information_schema, schemas) -%}
    {%- set relations = [] -%}
    {%- for schema in schemas -%}
        {%- do relations.append({'schema': schema}) -%}
    {%- endfor -%}
    {% do return(get_catalog_relations(information_schema, relations)) %}
{%- endmacro %}

{# For relations, or for whole schemas where an entry has no identifier. #}
{% macro get_catalog_relations(information_schema, relations) -%}
    {% do return(adapter.dispatch('get_catalog_relations', 'dbt')(information_schema, relations)) %}
{%- endmacro %}

{% macro default__get_catalog_relations(information_schema, relations) -%}
    {% do exceptions.raise_compiler_error('get_catalog_relations not implemented for ' ~ adapter.type()) %}
{%- endmacro %}

{% macro catalog_filter(relations, schema_column, name_column) -%}
    {%- set conditions = [] -%}
    {%- for relation in relations -%}
        {%- set in_schema = 'lower(' ~ schema_column ~ ") = '" ~ (relation.schema | lower) ~ "'" -%}
        {%- if relation.identifier -%}
            {%- do conditions.append('(' ~ in_schema ~ ' and lower(' ~ name_column ~ ") = '" ~ (relation.identifier | lower) ~ "')") -%}
        {%- else -%}
            {%- do conditions.append(in_schema) -%}
        {%- endif -%}
    {%- endfor -%}
    ({{ (conditions | join(' or ')) or 'false' }})
{%- endmacro %}

{% macro duckdb__get_catalog_relations(information_schema, relations) -%}
    {%- set database = information_schema.database or target.database -%}
    {% call statement('catalog', fetch_result=True) -%}
        with relations as (
            select schema_name, table_name, 'BASE TABLE' as table_type, comment
            from duckdb_tables()
            where database_name = '{{ database }}'
            union all
            select schema_name, view_name, 'VIEW', comment
            from duckdb_views()
            where database_name = '{{ database }}'
        )
        select
            '{{ database }}' as table_database,
            relations.schema_name as table_schema,
            relations.table_name,
            relations.table_type,
            relations.comment as table_comment,
            columns.column_name,
            columns.column_index,
            columns.data_type as column_type,
            columns.comment as column_comment,
            null as table_owner
        from relations
        join duckdb_columns() as columns
            on columns.database_name = '{{ database }}'
            and columns.schema_name = relations.schema_name
            and columns.table_name = relations.table_name
        where {{ catalog_filter(relations, 'relations.schema_name', 'relations.table_name') }}
        order by table_schema, relations.table_name, columns.column_index
    {%- endcall %}
    {% do return(load_result('catalog').table) %}
{%- endmacro %}

{# Tables (plain, foreign, partitioned), views and materialized views; no temporary ones. #}
{% macro postgres__get_catalog_relations(information_schema, relations) -%}
    {% call statement('catalog', fetch_result=True) -%}
        select
            '{{ information_schema.database or target.database }}' as table_database,
            pg_namespace.nspname as table_schema,
            pg_class.relname as table_name,
            case pg_class.relkind when 'v' then 'VIEW' when 'm' then 'MATERIALIZED VIEW' else 'BASE TABLE' end as table_type,
            obj_description(pg_class.oid, 'pg_class') as table_comment,
            pg_attribute.attname as column_name,
            pg_attribute.attnum as column_index,
            format_type(pg_attribute.atttypid, pg_attribute.atttypmod) as column_type,
            col_description(pg_class.oid, pg_attribute.attnum) as column_comment,
            pg_get_userbyid(pg_class.relowner) as table_owner
        from pg_class
        join pg_namespace on pg_namespace.oid = pg_class.relnamespace
        join pg_attribute on pg_attribute.attrelid = pg_class.oid
        where pg_class.relkind in ('r', 'p', 'f', 'v', 'm')
          and pg_class.relpersistence in ('p', 'u')
          and pg_attribute.attnum > 0
          and not pg_attribute.attisdropped
          and {{ catalog_filter(relations, 'pg_namespace.nspname', 'pg_class.relname') }}
        order by table_schema, table_name, column_index
    {%- endcall %}
    {% do return(load_result('catalog').table) %}
{%- endmacro %}
