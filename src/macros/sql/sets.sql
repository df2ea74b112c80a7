{# Set operators. #}

{% macro except() -%}
    {% do return(adapter.dispatch('except', 'dbt')()) %}
{%- endmacro %}

{% macro default__except() -%}
    {% do return('\n\n    except\n\n') %}
{%- endmacro %}

{% macro intersect() -%}
    {% do return(adapter.dispatch('intersect', 'dbt')()) %}
{%- endmacro %}

{% macro default__intersect() -%}
    {% do return('\n\n    intersect\n\n') %}
{%- endmacro %}
