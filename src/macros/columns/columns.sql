{# Columns of relations and of queries: asking for them, and changing them in a table. #}

{% macro get_columns_in_relation(relation) -%}
    {% do return(adapter.dispatch('get_columns_in_relation', 'dbt')(relation)) %}
{%- endmacro %}

{% macro default__get_columns_in_relation(relation) -%}
    {% do return(adapter.get_columns_in_relation(relation)) %}
{%- endmacro %}

{# Rows of name, type, size, precision, scale as Column objects. #}
{% macro sql_convert_columns_in_relation(table) -%}
    {%- set columns = [] -%}
    {%- for row in table -%}
        {%- do columns.append(api.Column(*row)) -%}
    {%- endfor -%}
    {% do return(columns) %}
{%- endmacro %}

{% macro get_list_of_column_names(columns) -%}
    {% do return(columns | map(attribute='name') | list) %}
{%- endmacro %}

{# A query of the same columns without rows, which no engine scans data for. #}
{% macro get_empty_subquery_sql(select_sql, select_sql_header=none) -%}
    {% do return(adapter.dispatch('get_empty_subquery_sql', 'dbt')(select_sql, select_sql_header)) %}
{%- endmacro %}

{% macro default__get_empty_subquery_sql(select_sql, select_sql_header=none) %}
    {{ select_sql_header or '' }}
    select * from (
{{ select_sql }}
    ) as __dbt_sbq
    where false
    limit 0
{% endmacro %}

{# Likewise from the columns named in the properties of a model. #}
{% macro get_empty_schema_sql(columns) -%}
    {% do return(adapter.dispatch('get_empty_schema_sql', 'dbt')(columns)) %}
{%- endmacro %}

{% macro default__get_empty_schema_sql(columns) -%}
    {%- set untyped = [] -%}
    {%- set unscaled = [] -%}
    {%- set parts = [] -%}
    {%- for column in columns.values() -%}
        {%- set type = column.get('data_type') -%}
        {%- if not type -%}
            {%- do untyped.append(column['name']) -%}
        {%- else -%}
            {%- if type | trim | lower in ['numeric', 'decimal', 'number'] -%}
                {%- do unscaled.append(column['name']) -%}
            {%- endif -%}
            {%- set name = adapter.quote(column['name']) if column.get('quote') else column['name'] -%}
            {%- do parts.append(cast('null', type) ~ ' as ' ~ name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if untyped -%}
        {% do exceptions.column_type_missing(column_names=untyped) %}
    {%- elif unscaled -%}
        {% do exceptions.warn('Detected columns with numeric type and unspecified precision/scale, this can lead to unintended rounding: ' ~ unscaled ~ '`') %}
    {%- endif -%}
    select {{ parts | join(', ') }}
{%- endmacro %}

{% macro get_column_schema_from_query(select_sql, select_sql_header=none) -%}
    {% do return(adapter.get_column_schema_from_query(get_empty_subquery_sql(select_sql, select_sql_header))) %}
{%- endmacro %}

{# The names of the columns of a query. #}
{% macro get_columns_in_query(select_sql) -%}
    {% do return(adapter.dispatch('get_columns_in_query', 'dbt')(select_sql)) %}
{%- endmacro %}

{% macro default__get_columns_in_query(select_sql) -%}
    {%- if not execute -%}
        {% do return([]) %}
    {%- endif -%}
    {% call statement('get_columns_in_query', fetch_result=True, auto_begin=False) -%}
        {{ get_empty_subquery_sql(select_sql) }}
    {%- endcall %}
    {% do return(load_result('get_columns_in_query').table.columns | map(attribute='name') | list) %}
{%- endmacro %}

{% macro alter_column_type(relation, column_name, new_column_type) -%}
    {% do return(adapter.dispatch('alter_column_type', 'dbt')(relation, column_name, new_column_type)) %}
{%- endmacro %}

{# By way of a second column, which works where a plain ALTER … TYPE refuses (dependent views, types
   without an implicit cast); the column moves to the end. #}
{% macro default__alter_column_type(relation, column_name, new_column_type) -%}
    {%- set old = adapter.quote(column_name) -%}
    {%- set new = adapter.quote(column_name ~ '__dbt_alter') -%}
    {% call statement('alter_column_type') -%}
        alter table {{ relation }} add column {{ new }} {{ new_column_type }};
        update {{ relation }} set {{ new }} = {{ old }};
        alter table {{ relation }} drop column {{ old }} cascade;
        alter table {{ relation }} rename column {{ new }} to {{ old }}
    {%- endcall %}
{%- endmacro %}

{# DuckDB refuses to commit an UPDATE of a table altered in the same transaction. #}
{% macro duckdb__alter_column_type(relation, column_name, new_column_type) -%}
    {% call statement('alter_column_type') -%}
        alter table {{ relation }} alter column {{ adapter.quote(column_name) }} set data type {{ new_column_type }}
    {%- endcall %}
{%- endmacro %}

{% macro alter_relation_add_remove_columns(relation, add_columns=none, remove_columns=none) -%}
    {% do return(adapter.dispatch('alter_relation_add_remove_columns', 'dbt')(relation, add_columns, remove_columns)) %}
{%- endmacro %}

{% macro default__alter_relation_add_remove_columns(relation, add_columns, remove_columns) -%}
    {%- set changes = alter_column_clauses(add_columns, remove_columns) -%}
    {%- if changes -%}
        {%- do run_query('alter ' ~ relation.type ~ ' ' ~ relation ~ ' ' ~ (changes | join(', '))) -%}
    {%- endif -%}
{%- endmacro %}

{# DuckDB changes one column in a statement. Names are quoted as the project's `quoting` says. #}
{% macro duckdb__alter_relation_add_remove_columns(relation, add_columns, remove_columns) -%}
    {%- set changes = [] -%}
    {%- for column in add_columns or [] -%}
        {%- do changes.append('add column ' ~ api.Relation.create(identifier=column.name) ~ ' ' ~ column.data_type) -%}
    {%- endfor -%}
    {%- for column in remove_columns or [] -%}
        {%- do changes.append('drop column ' ~ api.Relation.create(identifier=column.name)) -%}
    {%- endfor -%}
    {%- for change in changes -%}
        {%- do run_query('alter ' ~ relation.type ~ ' ' ~ relation ~ ' ' ~ change) -%}
    {%- endfor -%}
{%- endmacro %}

{% macro alter_column_clauses(add_columns, remove_columns) -%}
    {%- set clauses = [] -%}
    {%- for column in add_columns or [] -%}
        {%- do clauses.append('add column ' ~ column.quoted ~ ' ' ~ column.data_type) -%}
    {%- endfor -%}
    {%- for column in remove_columns or [] -%}
        {%- do clauses.append('drop column ' ~ column.quoted) -%}
    {%- endfor -%}
    {% do return(clauses) %}
{%- endmacro %}

{# Text columns of a table that are too short for those of another relation are made longer. #}
{% macro expand_target_column_types(from_relation, to_relation) -%}
    {%- do adapter.expand_target_column_types(from_relation=from_relation, to_relation=to_relation) -%}
{%- endmacro %}
