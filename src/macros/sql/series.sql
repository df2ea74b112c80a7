{# Rows out of nothing: numbers from 1 upwards, and dates at even steps. #}

{% macro get_powers_of_two(upper_bound) -%}
    {% do return(adapter.dispatch('get_powers_of_two', 'dbt')(upper_bound)) %}
{%- endmacro %}

{# The smallest power of two, at least the first, that reaches the bound. #}
{% macro default__get_powers_of_two(upper_bound) -%}
    {%- if upper_bound <= 0 -%}
        {% do exceptions.raise_compiler_error('upper bound must be positive') %}
    {%- endif -%}
    {%- for power in range(1, 100) -%}
        {%- if upper_bound <= 2 ** power -%}
            {% do return(power) %}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{% macro generate_series(upper_bound) -%}
    {% do return(adapter.dispatch('generate_series', 'dbt')(upper_bound)) %}
{%- endmacro %}

{% macro default__generate_series(upper_bound) -%}
    {%- set bits = range(get_powers_of_two(upper_bound)) -%}
    {%- set digits, tables = [], [] -%}
    {%- for bit in bits -%}
        {%- do digits.append('p%s.generated_number * power(2, %s)\n    ' % (bit, bit)) -%}
        {%- do tables.append('p as p%s\n    ' % bit) -%}
    {%- endfor -%}
    {% do return([
        '', '', '    ', '', '    with p as (',
        '        select 0 as generated_number union all select 1',
        '    ), unioned as (', '', '    select', '', '    ',
        '    ' ~ digits | join(' + \n    \n    '),
        '    ', '    + 1', '    as generated_number', '', '    from', '', '    ',
        '    ' ~ tables | join(' cross join \n    \n    '),
        '    ', '', '    )', '', '    select *', '    from unioned',
        '    where generated_number <= %s' % upper_bound,
        '    order by generated_number', '', '',
    ] | join('\n')) %}
{%- endmacro %}

{% macro duckdb__generate_series(upper_bound) %}
    select
        generate_series as generated_number
    from generate_series(1, {{ upper_bound }})
{% endmacro %}

{# How many whole steps lie between two dates; asks the database. #}
{% macro get_intervals_between(start_date, end_date, datepart) -%}
    {% do return(adapter.dispatch('get_intervals_between', 'dbt')(start_date, end_date, datepart)) %}
{%- endmacro %}

{% macro default__get_intervals_between(start_date, end_date, datepart) -%}
    {%- if not execute -%}
        {% do return(1) %}
    {%- endif -%}
    {%- set result = run_query('select ' ~ datediff(start_date, end_date, datepart)) -%}
    {% do return(result.columns[0].values()[0]) %}
{%- endmacro %}

{# One row for each step from start_date up to, and without, end_date: column date_<datepart>. #}
{% macro date_spine(datepart, start_date, end_date) -%}
    {% do return(adapter.dispatch('date_spine', 'dbt')(datepart, start_date, end_date)) %}
{%- endmacro %}

{% macro default__date_spine(datepart, start_date, end_date) -%}
    {%- set name = 'date_' ~ datepart -%}
    {%- set rows = generate_series(get_intervals_between(start_date, end_date, datepart)) -%}
    {%- set period = dateadd(datepart, 'row_number() over (order by 1) - 1', start_date) -%}
    {% do return([
        '', '', '', '    ', '', '', '    with rawdata as (', '',
        '        ' ~ rows, '', '    ),', '', '    all_periods as (', '', '        select (',
        '            ' ~ period, '        ) as ' ~ name, '        from rawdata', '', '    ),', '',
        '    filtered as (', '', '        select *', '        from all_periods',
        '        where %s <= %s' % (name, end_date), '', '    )', '', '    select * from filtered', '', '',
    ] | join('\n')) %}
{%- endmacro %}
