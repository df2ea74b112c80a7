{#- Text, where the two engines spell the same thing differently. -#}

{% macro normalize_city(city) -%}
  {{ return(adapter.dispatch('normalize_city')(city)) }}
{%- endmacro %}

{% macro duckdb__normalize_city(city) -%}
  strip_accents(lower(trim({{ city }})))
{%- endmacro %}

{# PostgreSQL has this only in the extension unaccent, which a plain user may not create. #}
{% macro postgres__normalize_city(city) -%}
  translate(lower(trim({{ city }})), 'áàâãäéèêëíìîïóòôõöúùûüç', 'aaaaaeeeeiiiiooooouuuuc')
{%- endmacro %}


{% macro matches(value, pattern) -%}
  {{ return(adapter.dispatch('matches')(value, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(value, pattern) -%}
  regexp_matches({{ value }}, '{{ pattern }}')
{%- endmacro %}

{% macro postgres__matches(value, pattern) -%}
  ({{ value }} ~ '{{ pattern }}')
{%- endmacro %}


{# A zip code prefix that went through a spreadsheet has lost its leading zeros. #}
{% macro zip_code_prefix(value) -%}
  lpad(trim({{ value }}), 5, '0')
{%- endmacro %}
