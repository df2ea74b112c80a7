{# Arithmetic on dates and times, the same call on every engine. `datepart` is a bare word (day,
   week, month …); dates are SQL expressions, and so is the number of intervals. #}

{% macro date(year, month, day) -%}
    {% do return(adapter.dispatch('date', 'dbt')(year, month, day)) %}
{%- endmacro %}

{% macro default__date(year, month, day) -%}
    cast('{{ modules.datetime.date(year, month, day).strftime('%Y-%m-%d') }}' as date)
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

{# Neither engine takes a quarter as a unit of an interval. #}
{% macro default__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {%- set unit = '3 month' if (datepart | lower) == 'quarter' else '1 ' ~ datepart -%}
    ({{ from_date_or_timestamp }} + (({{ interval }}) * interval '{{ unit }}'))
{%- endmacro %}

{# DuckDB multiplies an interval by integers only. #}
{% macro duckdb__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {%- do return(default__dateadd(datepart, 'cast(' ~ interval ~ ' as bigint)', from_date_or_timestamp)) -%}
{%- endmacro %}

{% macro datediff(first_date, second_date, datepart) -%}
    {% do return(adapter.dispatch('datediff', 'dbt')(first_date, second_date, datepart)) %}
{%- endmacro %}

{% macro default__datediff(first_date, second_date, datepart) -%}
    datediff('{{ datepart }}', {{ first_date }}, {{ second_date }})
{%- endmacro %}

{% macro duckdb__datediff(first_date, second_date, datepart) -%}
    {%- set part = datepart | lower -%}
    {%- if part == 'week' -%}
    ({{ datediff(first_date, second_date, 'day') }} // 7 + {{ datediff_week_rest(first_date, second_date) }})
    {%- else -%}
    date_diff('{{ part }}', ({{ first_date }})::timestamp, ({{ second_date }})::timestamp)
    {%- endif -%}
{%- endmacro %}

{# PostgreSQL has no such function: count the boundaries of the next larger unit, then add the
   difference within it. #}
{% macro postgres__datediff(first_date, second_date, datepart) -%}
    {%- set part = datepart | lower -%}
    {%- if part == 'year' -%}
    ({{ date_part_difference(first_date, second_date, 'year', 'date') }})
    {%- elif part == 'quarter' -%}
    ({{ datediff(first_date, second_date, 'year') }} * 4 + {{ date_part_difference(first_date, second_date, 'quarter', 'date') }})
    {%- elif part == 'month' -%}
    ({{ datediff(first_date, second_date, 'year') }} * 12 + {{ date_part_difference(first_date, second_date, 'month', 'date') }})
    {%- elif part == 'week' -%}
    ({{ datediff(first_date, second_date, 'day') }} / 7 + {{ datediff_week_rest(first_date, second_date) }})
    {%- elif part == 'day' -%}
    (({{ second_date }})::date - ({{ first_date }})::date)
    {%- elif part == 'hour' -%}
    ({{ datediff(first_date, second_date, 'day') }} * 24 + {{ date_part_difference(first_date, second_date, 'hour', 'timestamp') }})
    {%- elif part == 'minute' -%}
    ({{ datediff(first_date, second_date, 'hour') }} * 60 + {{ date_part_difference(first_date, second_date, 'minute', 'timestamp') }})
    {%- elif part == 'second' -%}
    ({{ datediff(first_date, second_date, 'minute') }} * 60 + {{ date_part_difference(first_date, second_date, 'second', 'timestamp', floor=true) }})
    {%- elif part == 'millisecond' -%}
    ({{ datediff(first_date, second_date, 'minute') }} * 60000 + {{ date_part_difference(first_date, second_date, 'millisecond', 'timestamp', floor=true) }})
    {%- elif part == 'microsecond' -%}
    ({{ datediff(first_date, second_date, 'minute') }} * 60000000 + {{ date_part_difference(first_date, second_date, 'microsecond', 'timestamp', floor=true) }})
    {%- else -%}
        {% do exceptions.raise_compiler_error("Unsupported datepart for macro datediff in postgres: '" ~ datepart ~ "'") %}
    {%- endif -%}
{%- endmacro %}

{% macro date_part_difference(first_date, second_date, part, type, floor=false) -%}
    {%- set round = 'floor' if floor else '' -%}
    {{ round }}(date_part('{{ part }}', ({{ second_date }})::{{ type }})) - {{ round }}(date_part('{{ part }}', ({{ first_date }})::{{ type }}))
{%- endmacro %}

{# What is left of a difference in weeks after whole weeks of seven days: 1 where a Sunday lies in
   between, with dbt's own idea of a difference that goes backwards. #}
{% macro datediff_week_rest(first_date, second_date) -%}
    {%- set first = '(' ~ first_date ~ ')::timestamp' -%}
    {%- set second = '(' ~ second_date ~ ')::timestamp' -%}
    case
        when date_part('dow', {{ first }}) <= date_part('dow', {{ second }})
            then case when {{ first }} > {{ second }} then -1 else 0 end
        else case when {{ first }} <= {{ second }} then 1 else 0 end
    end
{%- endmacro %}

{# The last day of the month, quarter, year … that the date lies in, as a date. #}
{% macro last_day(date, datepart) -%}
    {% do return(adapter.dispatch('last_day', 'dbt')(date, datepart)) %}
{%- endmacro %}

{% macro default__last_day(date, datepart) -%}
    {% do return(default_last_day(date, datepart)) %}
{%- endmacro %}

{% macro default_last_day(date, datepart) -%}
    cast({{ dateadd('day', '-1', dateadd(datepart, '1', date_trunc(datepart, date))) }} as date)
{%- endmacro %}
