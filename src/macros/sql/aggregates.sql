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
    {%- if limit_num -%}
        {% do return('array_to_string(' ~ first_of_array(measure, order_by_clause, limit_num) ~ ',\n        ' ~ delimiter_text ~ '\n        )') %}
    {%- endif -%}
    {% do return('\n    string_agg(\n        %s,\n        %s\n        %s\n        )' % (measure, delimiter_text, order_by_clause or '')) %}
{%- endmacro %}

{% macro first_of_array(measure, order_by_clause, limit_num) -%}
    {% do return('\n        (array_agg(\n            %s\n            %s\n        ))[1:%s]' % (measure, order_by_clause or '', limit_num)) %}
{%- endmacro %}

{% macro duckdb__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    {%- if limit_num -%}
        {% do return('list_aggr(' ~ first_of_array(measure, order_by_clause, limit_num) ~ ",\n        'string_agg',\n        " ~ delimiter_text ~ '\n        )') %}
    {%- endif -%}
    {% do return(default__listagg(measure, delimiter_text, order_by_clause, limit_num)) %}
{%- endmacro %}
