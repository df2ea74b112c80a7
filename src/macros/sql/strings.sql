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
    {% do return(laid_out('length', [expression])) %}
{%- endmacro %}

{% macro position(substring_text, string_text) -%}
    {% do return(adapter.dispatch('position', 'dbt')(substring_text, string_text)) %}
{%- endmacro %}

{% macro default__position(substring_text, string_text) -%}
    {% do return(laid_out('position', [substring_text ~ ' in ' ~ string_text])) %}
{%- endmacro %}

{% macro replace(field, old_chars, new_chars) -%}
    {% do return(adapter.dispatch('replace', 'dbt')(field, old_chars, new_chars)) %}
{%- endmacro %}

{% macro default__replace(field, old_chars, new_chars) -%}
    {% do return(laid_out('replace', [field, old_chars, new_chars]) ~ '\n\n\n') %}
{%- endmacro %}

{% macro right(string_text, length_expression) -%}
    {% do return(adapter.dispatch('right', 'dbt')(string_text, length_expression)) %}
{%- endmacro %}

{% macro default__right(string_text, length_expression) -%}
    {% do return(laid_out('right', [string_text, length_expression])) %}
{%- endmacro %}

{# The n-th part of a text, counted from 1, or from the end where n is negative. A part that is not
   there is '' on PostgreSQL and NULL on DuckDB, as under dbt. #}
{% macro split_part(string_text, delimiter_text, part_number) -%}
    {% do return(adapter.dispatch('split_part', 'dbt')(string_text, delimiter_text, part_number)) %}
{%- endmacro %}

{% macro default__split_part(string_text, delimiter_text, part_number) -%}
    {% do return(laid_out('split_part', [string_text, delimiter_text, part_number], after='\n        )') ~ '\n\n') %}
{%- endmacro %}

{% macro duckdb__split_part(string_text, delimiter_text, part_number) -%}
    {% do return('\n    string_split(%s, %s)[ %s ]\n' % (string_text, delimiter_text, part_number)) %}
{%- endmacro %}

{# The same counted from the front, for databases that do not count from the end. #}
{% macro _split_part_negative(string_text, delimiter_text, part_number) -%}
    {%- set part = [
        '  length(%s)' % string_text,
        '  - length(',
        "      replace(%s,  %s, '')" % (string_text, delimiter_text),
        '  ) + 2 + %s' % part_number,
    ] | join('\n        ') -%}
    {% do return(default__split_part(string_text, delimiter_text, part)) %}
{%- endmacro %}

{% macro postgres__split_part(string_text, delimiter_text, part_number) -%}
    {%- set split = default__split_part if part_number >= 0 else _split_part_negative -%}
    {% do return('\n\n  \n    ' ~ split(string_text, delimiter_text, part_number) ~ '\n  \n\n') %}
{%- endmacro %}

{# A function's call with an argument a line. #}
{% macro laid_out(function, arguments, before='\n\n    ', after='\n    )') -%}
    {% do return(before ~ function ~ '(\n        ' ~ arguments | join(',\n        ') ~ after) %}
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
