{# Arrays, all of whose elements have one type: both engines have them, under the same functions. #}

{% macro array_construct(inputs=[], data_type='integer') -%}
    {% do return(adapter.dispatch('array_construct', 'dbt')(inputs, data_type)) %}
{%- endmacro %}

{% macro default__array_construct(inputs, data_type) -%}
    {% do return('\n    ' ~ ('array[ ' ~ inputs | join(' , ') ~ ' ]' if inputs | length > 0 else 'array[]::' ~ data_type ~ '[]') ~ '\n    ') %}
{%- endmacro %}

{% macro array_append(array, new_element) -%}
    {% do return(adapter.dispatch('array_append', 'dbt')(array, new_element)) %}
{%- endmacro %}

{% macro default__array_append(array, new_element) -%}
    array_append({{ array }}, {{ new_element }})
{%- endmacro %}

{% macro array_concat(array_1, array_2) -%}
    {% do return(adapter.dispatch('array_concat', 'dbt')(array_1, array_2)) %}
{%- endmacro %}

{% macro default__array_concat(array_1, array_2) -%}
    array_cat({{ array_1 }}, {{ array_2 }})
{%- endmacro %}
