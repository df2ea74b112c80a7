{# Contracts: the columns and constraints that a model promises, as DDL and as a check before the
   table is made. #}

{% macro get_table_columns_and_constraints() -%}
    {{- adapter.dispatch('get_table_columns_and_constraints', 'dbt')() -}}
{%- endmacro %}

{% macro default__get_table_columns_and_constraints() -%}
    {% do return(table_columns_and_constraints()) %}
{%- endmacro %}

{% macro table_columns_and_constraints() -%}
    {%- set lines = [] -%}
    {%- for line in adapter.render_raw_columns_constraints(raw_columns=model['columns']) -%}
        {%- do lines.append(line) -%}
    {%- endfor -%}
    {%- for line in adapter.render_raw_model_constraints(raw_constraints=model['constraints']) -%}
        {%- do lines.append(line) -%}
    {%- endfor -%}
    (
        {{ lines | join(',\n        ') }}
    )
{%- endmacro %}

{% macro get_assert_columns_equivalent(sql) -%}
    {{- adapter.dispatch('get_assert_columns_equivalent', 'dbt')(sql) -}}
{%- endmacro %}

{% macro default__get_assert_columns_equivalent(sql) -%}
    {% do return(assert_columns_equivalent(sql)) %}
{%- endmacro %}

{# Renders nothing; raises where the query's columns are not those of the contract, in any order. #}
{% macro assert_columns_equivalent(sql) -%}
    {%- set promised = model['columns'] -%}
    {%- if not promised -%}
        {% do exceptions.raise_contract_error([], []) %}
    {%- endif -%}
    {%- set actual = format_columns(get_column_schema_from_query(sql, config.get('sql_header'))) -%}
    {%- set expected = format_columns(get_column_schema_from_query(get_empty_schema_sql(promised))) -%}
    {%- set by_name = {} -%}
    {%- for column in expected -%}
        {%- do by_name.update({column['name']: column['formatted']}) -%}
    {%- endfor -%}
    {%- if actual | length != expected | length -%}
        {% do exceptions.raise_contract_error(expected, actual) %}
    {%- endif -%}
    {%- for column in actual -%}
        {%- if by_name.get(column['name']) != column['formatted'] -%}
            {% do exceptions.raise_contract_error(expected, actual) %}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{% macro format_columns(columns) -%}
    {%- set formatted = [] -%}
    {%- for column in columns -%}
        {%- do formatted.append(adapter.dispatch('format_column', 'dbt')(column)) -%}
    {%- endfor -%}
    {% do return(formatted) %}
{%- endmacro %}

{% macro default__format_column(column) -%}
    {% do return({
        'name': column.name,
        'data_type': column.dtype,
        'formatted': (column.name | lower) ~ ' ' ~ column.dtype
    }) %}
{%- endmacro %}
