{# Aggregate functions that the engines name differently. #}

{% macro any_value(expression) -%}
    {% do return(adapter.dispatch('any_value', 'dbt')(expression)) %}
{%- endmacro %}

{% macro default__any_value(expression) -%}
    any_value({{ expression }})
{%- endmacro %}

{% macro duckdb__any_value(expression) -%}
    arbitrary({{ expression }})
{%- endmacro %}

{# PostgreSQL has any_value from version 16 on. #}
{% macro postgres__any_value(expression) -%}
    min({{ expression }})
{%- endmacro %}

{% macro bool_or(expression) -%}
    {% do return(adapter.dispatch('bool_or', 'dbt')(expression)) %}
{%- endmacro %}

{% macro default__bool_or(expression) -%}
    bool_or({{ expression }})
{%- endmacro %}

{# Values joined with a delimiter (an SQL expression), in order, at most limit_num of them. #}
{% macro listagg(measure, delimiter_text="','", order_by_clause=none, limit_num=none) -%}
    {% do return(adapter.dispatch('listagg', 'dbt')(measure, delimiter_text, order_by_clause, limit_num)) %}
{%- endmacro %}

{% macro default__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    {%- set order = ' ' ~ order_by_clause if order_by_clause else '' -%}
    {%- if limit_num -%}
    array_to_string((array_agg({{ measure }}{{ order }}))[1:{{ limit_num }}], {{ delimiter_text }})
    {%- else -%}
    string_agg({{ measure }}, {{ delimiter_text }}{{ order }})
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    {%- if limit_num -%}
    list_aggregate((array_agg({{ measure }}{{ ' ' ~ order_by_clause if order_by_clause else '' }}))[1:{{ limit_num }}], 'string_agg', {{ delimiter_text }})
    {%- else -%}
    {{ default__listagg(measure, delimiter_text, order_by_clause, limit_num) }}
    {%- endif -%}
{%- endmacro %}
