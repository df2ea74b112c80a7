{# Names of types, and casts to them. #}

{% macro type_string() -%}
    {% do return(adapter.dispatch('type_string', 'dbt')()) %}
{%- endmacro %}

{% macro default__type_string() -%}
    {% do return('TEXT') %}
{%- endmacro %}

{# Without a time zone. #}
{% macro type_timestamp() -%}
    {% do return(adapter.dispatch('type_timestamp', 'dbt')()) %}
{%- endmacro %}

{% macro default__type_timestamp() -%}
    {% do return('timestamp') %}
{%- endmacro %}

{% macro type_float() -%}
    {% do return(adapter.dispatch('type_float', 'dbt')()) %}
{%- endmacro %}

{% macro default__type_float() -%}
    {% do return('float') %}
{%- endmacro %}

{% macro type_numeric() -%}
    {% do return(adapter.dispatch('type_numeric', 'dbt')()) %}
{%- endmacro %}

{% macro default__type_numeric() -%}
    {% do return('numeric(28,6)') %}
{%- endmacro %}

{% macro type_bigint() -%}
    {% do return(adapter.dispatch('type_bigint', 'dbt')()) %}
{%- endmacro %}

{% macro default__type_bigint() -%}
    {% do return('bigint') %}
{%- endmacro %}

{% macro type_int() -%}
    {% do return(adapter.dispatch('type_int', 'dbt')()) %}
{%- endmacro %}

{% macro default__type_int() -%}
    {% do return('integer') %}
{%- endmacro %}

{% macro type_boolean() -%}
    {% do return(adapter.dispatch('type_boolean', 'dbt')()) %}
{%- endmacro %}

{% macro default__type_boolean() -%}
    {% do return('boolean') %}
{%- endmacro %}

{% macro cast(field, type) -%}
    {% do return(adapter.dispatch('cast', 'dbt')(field, type)) %}
{%- endmacro %}

{% macro default__cast(field, type) -%}
    {% do return('\n    cast(%s as %s)\n' % (field, type)) %}
{%- endmacro %}

{# A cast that gives NULL where it fails, on engines for which dbt does so: neither of these two. #}
{% macro safe_cast(field, type) -%}
    {% do return(adapter.dispatch('safe_cast', 'dbt')(field, type)) %}
{%- endmacro %}

{% macro default__safe_cast(field, type) -%}
    {% do return('\n    \n    cast(%s as %s)\n' % (field, type)) %}
{%- endmacro %}

{% macro cast_bool_to_text(field) -%}
    {% do return(adapter.dispatch('cast_bool_to_text', 'dbt')(field)) %}
{%- endmacro %}

{% macro default__cast_bool_to_text(field) -%}
    {% do return('\n  ' ~ default__cast(field, type_string()) ~ '\n') %}
{%- endmacro %}
