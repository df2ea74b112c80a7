{# Comparison of two expressions, in one place so that a project can make NULL equal to NULL. #}

{% macro equals(expr1, expr2) -%}
    {% do return(adapter.dispatch('equals', 'dbt')(expr1, expr2)) %}
{%- endmacro %}

{% macro default__equals(expr1, expr2) -%}
    {% do return('(%s = %s)%s' % (expr1, expr2, '' if target.type == 'postgres' else '\n')) %}
{%- endmacro %}
