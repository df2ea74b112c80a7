{# Comparison of two expressions, in one place so that a project can make NULL equal to NULL. #}

{% macro equals(expr1, expr2) -%}
    {% do return(adapter.dispatch('equals', 'dbt')(expr1, expr2)) %}
{%- endmacro %}

{% macro default__equals(expr1, expr2) -%}
    {%- if adapter.behavior.enable_truthy_nulls_equals_macro.no_warn -%}
        {%- set same -%}
    case when (({{ expr1 }} = {{ expr2 }}) or ({{ expr1 }} is null and {{ expr2 }} is null))
        then 0
        else 1
    end = 0
        {%- endset -%}
        {% do return(same) %}
    {%- endif -%}
    {% do return('(%s = %s)%s' % (expr1, expr2, '' if target.type == 'postgres' else '\n')) %}
{%- endmacro %}
