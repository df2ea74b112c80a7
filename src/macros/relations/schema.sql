{# Schemas: creating them when they are missing, dropping them with what they hold, looking. #}

{% macro create_schema(relation) -%}
    {{- adapter.dispatch('create_schema', 'dbt')(relation) -}}
{%- endmacro %}

{% macro default__create_schema(relation) -%}
    {% call statement('create_schema') -%}
        create schema if not exists {{ relation.without_identifier() }}
    {%- endcall %}
{%- endmacro %}

{# PostgreSQL names schemas without their database. #}
{% macro postgres__create_schema(relation) -%}
    {% call statement('create_schema') -%}
        create schema if not exists {{ relation.without_identifier().include(database=false) }}
    {%- endcall %}
{%- endmacro %}

{% macro drop_schema(relation) -%}
    {{- adapter.dispatch('drop_schema', 'dbt')(relation) -}}
{%- endmacro %}

{% macro default__drop_schema(relation) -%}
    {% call statement('drop_schema') -%}
        drop schema if exists {{ relation.without_identifier() }} cascade
    {%- endcall %}
{%- endmacro %}

{% macro postgres__drop_schema(relation) -%}
    {% call statement('drop_schema') -%}
        drop schema if exists {{ relation.without_identifier().include(database=false) }} cascade
    {%- endcall %}
{%- endmacro %}

{% macro drop_schema_named(schema_name) -%}
    {% do return(adapter.dispatch('drop_schema_named', 'dbt')(schema_name)) %}
{%- endmacro %}

{% macro default__drop_schema_named(schema_name) -%}
    {% do adapter.drop_schema(api.Relation.create(schema=schema_name)) %}
{%- endmacro %}
