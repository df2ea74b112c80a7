{# Functions on text. Arguments are SQL expressions unless they are called a value. #}

{% macro concat(fields) -%}
    {% do return(adapter.dispatch('concat', 'dbt')(fields)) %}
{%- endmacro %}

{% macro default__concat(fields) -%}
    {{ fields | join(' || ') }}
{%- endmacro %}

{% macro hash(field) -%}
    {% do return(adapter.dispatch('hash', 'dbt')(field)) %}
{%- endmacro %}

{% macro default__hash(field) -%}
    md5(cast({{ field }} as {{ type_string() }}))
{%- endmacro %}

{% macro length(expression) -%}
    {% do return(adapter.dispatch('length', 'dbt')(expression)) %}
{%- endmacro %}

{% macro default__length(expression) -%}
    length({{ expression }})
{%- endmacro %}

{% macro position(substring_text, string_text) -%}
    {% do return(adapter.dispatch('position', 'dbt')(substring_text, string_text)) %}
{%- endmacro %}

{% macro default__position(substring_text, string_text) -%}
    position({{ substring_text }} in {{ string_text }})
{%- endmacro %}

{% macro replace(field, old_chars, new_chars) -%}
    {% do return(adapter.dispatch('replace', 'dbt')(field, old_chars, new_chars)) %}
{%- endmacro %}

{% macro default__replace(field, old_chars, new_chars) -%}
    replace({{ field }}, {{ old_chars }}, {{ new_chars }})
{%- endmacro %}

{% macro right(string_text, length_expression) -%}
    {% do return(adapter.dispatch('right', 'dbt')(string_text, length_expression)) %}
{%- endmacro %}

{% macro default__right(string_text, length_expression) -%}
    right({{ string_text }}, {{ length_expression }})
{%- endmacro %}

{# The n-th part of a text, counted from 1, or from the end where n is negative. A part that is not
   there is '' on PostgreSQL and NULL on DuckDB, as under dbt. #}
{% macro split_part(string_text, delimiter_text, part_number) -%}
    {% do return(adapter.dispatch('split_part', 'dbt')(string_text, delimiter_text, part_number)) %}
{%- endmacro %}

{% macro default__split_part(string_text, delimiter_text, part_number) -%}
    split_part({{ string_text }}, {{ delimiter_text }}, {{ part_number }})
{%- endmacro %}

{% macro duckdb__split_part(string_text, delimiter_text, part_number) -%}
    string_split({{ string_text }}, {{ delimiter_text }})[{{ part_number }}]
{%- endmacro %}

{# Some packages call it by this name; PostgreSQL counts from the end by itself. #}
{% macro _split_part_negative(string_text, delimiter_text, part_number) -%}
    {% do return(default__split_part(string_text, delimiter_text, part_number)) %}
{%- endmacro %}

{# A value in quotes; the quotes within are not doubled here: see escape_single_quotes. #}
{% macro string_literal(value) -%}
    {% do return(adapter.dispatch('string_literal', 'dbt')(value)) %}
{%- endmacro %}

{% macro default__string_literal(value) -%}
    '{{ value }}'
{%- endmacro %}

{% macro escape_single_quotes(expression) -%}
    {% do return(adapter.dispatch('escape_single_quotes', 'dbt')(expression)) %}
{%- endmacro %}

{% macro default__escape_single_quotes(expression) -%}
    {{ expression | replace("'", "''") }}
{%- endmacro %}
