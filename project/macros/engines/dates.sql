{#- Dates and times, where the two engines spell the same thing differently. -#}

{% macro days_between(earlier, later) -%}
  {{ return(adapter.dispatch('days_between')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__days_between(earlier, later) -%}
  date_diff('day', cast({{ earlier }} as date), cast({{ later }} as date))
{%- endmacro %}

{% macro postgres__days_between(earlier, later) -%}
  cast(cast({{ later }} as date) - cast({{ earlier }} as date) as bigint)
{%- endmacro %}


{% macro seconds_between(earlier, later) -%}
  {{ return(adapter.dispatch('seconds_between')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__seconds_between(earlier, later) -%}
  date_diff('second', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro postgres__seconds_between(earlier, later) -%}
  cast(extract(epoch from ({{ later }} - {{ earlier }})) as bigint)
{%- endmacro %}


{% macro hours_between(earlier, later) -%}
  cast({{ seconds_between(earlier, later) }} / 3600.0 as decimal(12, 2))
{%- endmacro %}


{% macro date_key(day) -%}
  {{ return(adapter.dispatch('date_key')(day)) }}
{%- endmacro %}

{% macro duckdb__date_key(day) -%}
  cast(strftime(cast({{ day }} as date), '%Y%m%d') as integer)
{%- endmacro %}

{% macro postgres__date_key(day) -%}
  cast(to_char(cast({{ day }} as date), 'YYYYMMDD') as integer)
{%- endmacro %}


{% macro month_start(day) -%}
  cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}
