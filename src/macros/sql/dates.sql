{# Arithmetic on dates and times, the same call on every engine. `datepart` is a bare word (day,
   week, month …); dates are SQL expressions, and so is the number of intervals. #}

{% macro date(year, month, day) -%}
    {% do return(adapter.dispatch('date', 'dbt')(year, month, day)) %}
{%- endmacro %}

{% macro default__date(year, month, day) -%}
    {% do return("to_date('%s', 'YYYY-MM-DD')" % modules.datetime.date(year, month, day).strftime('%Y-%m-%d')) %}
{%- endmacro %}

{# DuckDB has no to_date(). #}
{% macro duckdb__date(year, month, day) -%}
    {% do return("cast('%s' as date)" % modules.datetime.date(year, month, day).strftime('%Y-%m-%d')) %}
{%- endmacro %}

{% macro date_trunc(datepart, date) -%}
    {% do return(adapter.dispatch('date_trunc', 'dbt')(datepart, date)) %}
{%- endmacro %}

{% macro default__date_trunc(datepart, date) -%}
    date_trunc('{{ datepart }}', {{ date }})
{%- endmacro %}

{% macro dateadd(datepart, interval, from_date_or_timestamp) -%}
    {% do return(adapter.dispatch('dateadd', 'dbt')(datepart, interval, from_date_or_timestamp)) %}
{%- endmacro %}

{% macro default__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {% do return("\n\n    %s + ((interval '1 %s') * (%s))\n\n" % (from_date_or_timestamp, datepart, interval)) %}
{%- endmacro %}

{# DuckDB multiplies an interval by integers only, and has no unit of a quarter. #}
{% macro duckdb__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {%- set unit = datepart | lower -%}
    {%- set times, unit = {'quarter': (3, 'month'), 'week': (7, 'day')}.get(unit, (none, unit)) -%}
    {%- set count = 'cast(%s as bigint)' % interval -%}
    {%- set count = count if times is none else '(%s * %s)' % (count, times) -%}
    {% do return('\n\n    (%s + %s * interval 1 %s)' % (from_date_or_timestamp, count, unit)) %}
{%- endmacro %}

{% macro datediff(first_date, second_date, datepart) -%}
    {% do return(adapter.dispatch('datediff', 'dbt')(first_date, second_date, datepart)) %}
{%- endmacro %}

{% macro default__datediff(first_date, second_date, datepart) -%}
    datediff('{{ datepart }}', {{ first_date }}, {{ second_date }})
{%- endmacro %}

{% macro duckdb__datediff(first_date, second_date, datepart) -%}
    {%- if datepart == 'week' -%}
        {%- set weeks = datediff(first_date, second_date, 'day') ~ ' // 7 + ' ~ datediff_week_rest(first_date, second_date) -%}
        {% do return('\n            (' ~ weeks ~ ')\n    ') %}
    {%- endif -%}
    {% do return("\n        (date_diff('%s', %s::timestamp, %s::timestamp ))\n    " % (datepart, first_date, second_date)) %}
{%- endmacro %}

{# PostgreSQL has no such function: count the boundaries of the next larger unit, then add the
   difference within it. #}
{% macro postgres__datediff(first_date, second_date, datepart) -%}
    {%- set steps = {
        'year': (none, 0, 'date'), 'quarter': ('year', 4, 'date'), 'month': ('year', 12, 'date'),
        'hour': ('day', 24, 'timestamp'), 'minute': ('hour', 60, 'timestamp'), 'second': ('minute', 60, 'timestamp'),
        'millisecond': ('minute', 60000, 'timestamp'), 'microsecond': ('minute', 60000000, 'timestamp'),
    } -%}
    {%- if datepart == 'day' -%}
        {%- set found = '((%s)::date - (%s)::date)' % (second_date, first_date) -%}
    {%- elif datepart == 'week' -%}
        {%- set found = '(' ~ datediff(first_date, second_date, 'day') ~ ' / 7 + ' ~ datediff_week_rest(first_date, second_date) ~ ')' -%}
    {%- elif datepart in steps -%}
        {%- set larger, times, type = steps[datepart] -%}
        {%- set floor = 'floor' if datepart.endswith('second') else '' -%}
        {%- set part = floor ~ ('(' if floor else '') ~ "date_part('" ~ datepart ~ "', (%s)::" ~ type ~ ')' ~ (')' if floor else '') -%}
        {%- set rest = (part % second_date) ~ ' - ' ~ (part % first_date) -%}
        {%- set found = '(' ~ (datediff(first_date, second_date, larger) ~ ' * ' ~ times ~ ' + ' if larger else '') ~ rest ~ ')' -%}
    {%- else -%}
        {% do exceptions.raise_compiler_error("Unsupported datepart for macro datediff in postgres: '" ~ datepart ~ "'") %}
    {%- endif -%}
    {% do return('\n        ' ~ found ~ '\n    ') %}
{%- endmacro %}

{# What is left of a difference in weeks after whole weeks of seven days: 1 where a Sunday lies in
   between, with dbt's own idea of a difference that goes backwards. #}
{% macro datediff_week_rest(first_date, second_date) -%}
    {%- set weekday = "date_part('dow', (%s)::timestamp)" -%}
    {%- set in_order = 'case when %s <= %s then ' % (first_date, second_date) -%}
    {% do return([
        'case',
        '            when ' ~ (weekday % first_date) ~ ' <= ' ~ (weekday % second_date) ~ ' then',
        '                ' ~ in_order ~ '0 else -1 end',
        '            else',
        '                ' ~ in_order ~ '1 else 0 end',
        '        end',
    ] | join('\n')) %}
{%- endmacro %}

{# The last day of the month, quarter, year … that the date lies in, as a date. #}
{% macro last_day(date, datepart) -%}
    {% do return(adapter.dispatch('last_day', 'dbt')(date, datepart)) %}
{%- endmacro %}

{% macro default__last_day(date, datepart) -%}
    {%- if datepart == 'quarter' -%}
        {% do return('-- ' ~ target.type ~ ' dateadd does not support quarter interval.\n    ' ~ last_day_before(date, datepart, 'month', '3')) %}
    {%- endif -%}
    {% do return(default_last_day(date, datepart)) %}
{%- endmacro %}

{% macro default_last_day(date, datepart) -%}
    {% do return(last_day_before(date, datepart, datepart, '1')) %}
{%- endmacro %}

{# The day before the next of what the date lies in, which is `count` times `step` later. #}
{% macro last_day_before(date, datepart, step, count) -%}
    {% do return('cast(\n        %s\n        as date)' % dateadd('day', '-1', dateadd(step, count, date_trunc(datepart, date)))) %}
{%- endmacro %}
