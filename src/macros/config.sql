{# Small questions about the configuration of the node being built. #}

{% macro should_full_refresh() -%}
    {%- set configured = config.get('full_refresh') -%}
    {% do return((flags.FULL_REFRESH or false) if configured is none else configured) %}
{%- endmacro %}

{# `{% call set_sql_header(config) %}…{% endcall %}`: SQL to run in front of the model's own. #}
{% macro set_sql_header(config) -%}
    {%- do config.set('sql_header', caller()) -%}
{%- endmacro %}

{# Which of dbt's two programs this is like. #}
{% macro is_core_v2() -%}
    {% do return((dbt_version.split('.') | first) == '2') %}
{%- endmacro %}
