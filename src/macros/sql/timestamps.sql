{# The present moment, in the forms that models, freshness and snapshots ask for. #}

{% macro current_timestamp() -%}
    {{- adapter.dispatch('current_timestamp', 'dbt')() -}}
{%- endmacro %}

{% macro default__current_timestamp() -%}
    now()
{%- endmacro %}

{# Without a time zone: the type of a snapshot's columns. #}
{% macro snapshot_get_time() -%}
    {{- adapter.dispatch('snapshot_get_time', 'dbt')() -}}
{%- endmacro %}

{% macro default__snapshot_get_time() -%}
    {{ current_timestamp() }}::timestamp
{%- endmacro %}

{% macro snapshot_string_as_time(timestamp) -%}
    {{- adapter.dispatch('snapshot_string_as_time', 'dbt')(timestamp) -}}
{%- endmacro %}

{% macro default__snapshot_string_as_time(timestamp) -%}
    {% do return("'" ~ timestamp ~ "'::timestamp") %}
{%- endmacro %}

{# The type of snapshot_get_time() as the database names it, or none. #}
{% macro get_snapshot_get_time_data_type() -%}
    {%- set columns = get_column_schema_from_query('select ' ~ snapshot_get_time() ~ ' as dbt_snapshot_time') -%}
    {% do return((columns[0].dtype or none) if columns else none) %}
{%- endmacro %}

{# Kept for projects that moved here from dbt_utils.current_timestamp(). #}
{% macro current_timestamp_backcompat() -%}
    {% do return(adapter.dispatch('current_timestamp_backcompat', 'dbt')()) %}
{%- endmacro %}

{% macro default__current_timestamp_backcompat() -%}
    {% do return('\n    current_timestamp::%s\n' % type_timestamp()) %}
{%- endmacro %}

{% macro current_timestamp_in_utc_backcompat() -%}
    {% do return(adapter.dispatch('current_timestamp_in_utc_backcompat', 'dbt')()) %}
{%- endmacro %}

{% macro default__current_timestamp_in_utc_backcompat() -%}
    {% do return(current_timestamp_backcompat()) %}
{%- endmacro %}

{% macro postgres__current_timestamp_in_utc_backcompat() -%}
    {% do return("\n    (current_timestamp at time zone 'utc')::%s\n" % type_timestamp()) %}
{%- endmacro %}
