{# Seeds under dbt's names: the table for a CSV file and the statements that fill it. #}

{% macro create_csv_table(model, agate_table) -%}
    {{- adapter.dispatch('create_csv_table', 'dbt')(model, agate_table) -}}
{%- endmacro %}

{% macro default__create_csv_table(model, agate_table) -%}
    {%- set given = model['config'].get('column_types') or {} -%}
    {%- set quote = model['config'].get('quote_columns') -%}
    {%- set parts = [] -%}
    {%- for name in agate_table.column_names -%}
        {%- set type = given.get(name) or adapter.convert_type(agate_table, loop.index0) -%}
        {%- do parts.append(adapter.quote_seed_column(name | string, quote) ~ ' ' ~ type) -%}
    {%- endfor -%}
    {%- set sql = 'create table ' ~ this.render() ~ ' (' ~ (parts | join(', ')) ~ ')' -%}
    {% call statement('_') %}{{ sql }}{% endcall %}
    {% do return(sql) %}
{%- endmacro %}

{% macro reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
    {{- adapter.dispatch('reset_csv_table', 'dbt')(model, full_refresh, old_relation, agate_table) -}}
{%- endmacro %}

{% macro default__reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
    {%- if full_refresh -%}
        {%- do adapter.drop_relation(old_relation) -%}
        {% do return(create_csv_table(model, agate_table)) %}
    {%- endif -%}
    {%- do adapter.truncate_relation(old_relation) -%}
    {% do return('truncate table ' ~ old_relation.render()) %}
{%- endmacro %}

{# What is shown as the seed's SQL. #}
{% macro get_csv_sql(create_or_truncate_sql, insert_sql) -%}
    {{- adapter.dispatch('get_csv_sql', 'dbt')(create_or_truncate_sql, insert_sql) -}}
{%- endmacro %}

{% macro default__get_csv_sql(create_or_truncate_sql, insert_sql) %}
    {{ create_or_truncate_sql }};
    -- dbt seed --
    {{ insert_sql }}
{% endmacro %}

{% macro get_seed_column_quoted_csv(model, column_names) -%}
    {%- set quote = model['config'].get('quote_columns') -%}
    {%- set quoted = [] -%}
    {%- for name in column_names -%}
        {%- do quoted.append(adapter.quote_seed_column(name, quote)) -%}
    {%- endfor -%}
    {% do return(quoted | join(', ')) %}
{%- endmacro %}

{% macro get_batch_size() -%}
    {% do return(adapter.dispatch('get_batch_size', 'dbt')()) %}
{%- endmacro %}

{% macro default__get_batch_size() -%}
    {% do return(10000) %}
{%- endmacro %}
