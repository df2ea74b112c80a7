{# Dates on the side of the template, not of the database. #}

{# Digits that differ from one call to the next: the date, the time and microseconds. #}
{% macro py_current_timestring() -%}
    {% do return(modules.datetime.datetime.now().strftime('%Y%m%d%H%M%S%f')) %}
{%- endmacro %}

{% macro convert_datetime(date_str, date_fmt) -%}
    {% do return(modules.datetime.datetime.strptime(date_str.strip(), date_fmt)) %}
{%- endmacro %}

{# All days from the first to the last, both included, as text, or as datetimes without out_fmt. #}
{% macro dates_in_range(start_date_str, end_date_str=none, in_fmt='%Y%m%d', out_fmt='%Y%m%d') -%}
    {%- set first = convert_datetime(start_date_str, in_fmt) -%}
    {%- set last = convert_datetime(start_date_str if end_date_str is none else end_date_str, in_fmt) -%}
    {%- set days = (last - first).days -%}
    {%- if days < 0 -%}
        {% do exceptions.raise_compiler_error('Partition start date is after the end date (' ~ first ~ ', ' ~ last ~ ')') %}
    {%- endif -%}
    {%- set dates = [] -%}
    {%- for day in range(days + 1) -%}
        {%- set date = first + modules.datetime.timedelta(days=day) -%}
        {%- do dates.append(date.strftime(out_fmt) if out_fmt else date) -%}
    {%- endfor -%}
    {% do return(dates) %}
{%- endmacro %}

{# `first` or `first,last`. #}
{% macro partition_range(raw_partition_date, date_fmt='%Y%m%d') -%}
    {%- set parts = (raw_partition_date | string).split(',') -%}
    {%- if parts | length > 2 -%}
        {% do exceptions.raise_compiler_error('Invalid partition time. Expected format: {Start Date}[,{End Date}]. Got: ' ~ raw_partition_date) %}
    {%- endif -%}
    {% do return(dates_in_range(parts[0], parts[1] if parts | length == 2 else none, in_fmt=date_fmt)) %}
{%- endmacro %}
